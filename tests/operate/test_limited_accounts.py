"""Acts on limited accounts: what is ordered on the platform, and what is said where the actuator is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.states import State
from tests.fleet import fleet

if TYPE_CHECKING:
    from pathlib import Path

    from breaker.domain.acts.acts import Report
    from tests.fleet import Fleet

APPLY = Act(ActKind.MODE, "trial", "ada", mode=Mode.ENFORCE, apply_pending=True)
RESET = Act(ActKind.RESET, "list removed", "ada")
TRIP = Act(ActKind.TRIP, "it goes on", "ada")


async def act(one: Fleet, deed: Act) -> Report:
    return await one.operations.operator.carry_out(deed, [parse_selector("grant-1")])


async def confirmed(one: Fleet, key: int) -> str | None:
    told: str | None = await one.pool.fetchval("SELECT confirmed FROM circuits WHERE account = $1", key)
    return told


@pytest.mark.parametrize(
    ("deed", "state", "kinds"),
    [
        (RESET, "sending", ["return_home", "unblock", "unlimit"]),
        (TRIP, "stopped", ["block", "quarantine"]),
    ],
)
async def test_a_person_s_act_on_a_limited_account_orders_all_that_it_takes(
    known: Fleet, deed: Act, state: str, kinds: list[str]
) -> None:
    key = await known.know("agent@x.example", "grant-1")
    await known.set_state(key, State.LIMITED)

    report = await act(known, deed)

    assert await known.states() == {"agent@x.example": state}
    assert await known.commands(key) == [(kind, 1) for kind in kinds]
    assert (await confirmed(known, key), report.unconfirmed) == (None, [key])


async def test_a_pending_limit_that_is_applied_is_ordered(database_url: str, tmp_path: Path) -> None:
    async with fleet(database_url, tmp_path, actuators="block,limit") as one:
        key = await one.know("agent@x.example", "grant-1")
        await one.suspend(key, State.LIMITED, HeldBy.OBSERVE)

        report = await act(one, APPLY)

        assert await one.states() == {"agent@x.example": "limited"}
        assert await one.commands(key) == [("limit", 1), ("return_home", 1), ("unblock", 1)]
        assert (await confirmed(one, key), report.unconfirmed) == (None, [key])


async def test_where_the_actuator_is_off_nothing_is_ordered_and_nothing_said_to_be_confirmed(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")
    await known.suspend(key, State.LIMITED, HeldBy.OBSERVE)

    report = await act(known, APPLY)

    (standing,) = await known.operations.accounts.find(parse_selector("grant-1"))
    assert await known.states() == {"agent@x.example": "limited"}
    assert await known.commands(key) == []
    assert (standing.enforcement.wanted, standing.enforcement.confirmed) == ("limited", "sending")
    assert await known.operations.operator.wait(report, 0.0) == [key]
