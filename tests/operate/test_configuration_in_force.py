from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.app.in_force import InForce
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.flows.foresee import foresee
from breaker.ports import Account
from tests.fleet import fleet, settings_of

if TYPE_CHECKING:
    from pathlib import Path

STRICT = ({"name": "watched", "preset": "strict", "domains": ["watched.example"], "complaints": "limit"},)


@pytest.mark.parametrize(("said", "active", "accounts"), [(None, 0, 1_000), (None, 40_000, 40_000), (300, 40_000, 300)])
def test_the_budget_is_shared_by_the_active_accounts_and_a_thousand_at_least(
    tmp_path: Path, said: int | None, active: int, accounts: int
) -> None:
    in_force = InForce(settings_of(tmp_path, **({"detection.fleet_accounts": said} if said else {})))

    changed = in_force.count_fleet(active)

    assert (in_force.profiles.base.budget.accounts, changed) == (accounts, said is None and active > 1_000)


def test_a_reload_keeps_the_count_of_the_fleet(tmp_path: Path) -> None:
    in_force = InForce(settings_of(tmp_path))
    in_force.count_fleet(5_000)

    in_force.replace(settings_of(tmp_path, profiles=STRICT))

    assert [(one.name, one.budget.accounts, one.budget.allowance) for one in in_force.profiles] == [
        ("standard", 5_000, 1.0),
        ("watched", 5_000, 3.0),
    ]


def test_a_profile_bounds_the_step_that_a_signal_leads_to(tmp_path: Path) -> None:
    profiles = InForce(settings_of(tmp_path, profiles=STRICT)).profiles
    watched = profiles.of(Account(1, "app-1", "grant-1", "a@watched.example"))

    assert [watched.step(signal, State.STOPPED) for signal in Signal] == [State.STOPPED, State.LIMITED]
    assert watched.describe()["strongest"] == {"complaint": "limited"}


async def test_a_reload_is_told_only_of_those_whom_the_former_thresholds_would_not_have_acted_on(
    database_url: str, tmp_path: Path
) -> None:
    before = InForce(settings_of(tmp_path)).profiles
    after = InForce(settings_of(tmp_path, profiles=STRICT)).profiles
    async with fleet(database_url, tmp_path) as known:
        for number, bounced in enumerate((5, 50)):
            key = await known.know(f"agent-{number}@watched.example", f"grant-{number}")
            await known.count(key, delivered=400, bounced=bounced)

        found = [one async for one in foresee(known.operations.active, after, known.clock.now(), before=before)]
        everybody = [one async for one in foresee(known.operations.active, after, known.clock.now())]
        states = await known.states()

    assert [(one.account.id, one.profile, one.state, one.suspicion.step) for one in found] == [
        ("grant-0", "watched", State.SENDING, State.STOPPED)
    ]
    assert [one.account.id for one in everybody] == ["grant-0", "grant-1"]
    assert set(states.values()) == {"sending"}
