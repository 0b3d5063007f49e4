"""Accounts on their way back, as programs see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.states import State
from tests.admin import Admin, admin
from tests.fleet import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_PROBE = """
    INSERT INTO probes (account, phase, state, since, epoch, next_at, asks, stops, failures, pace, by_person, began_at,
                        ordered_at, round, sends, bad, seen_sends, seen_bad, seen_late, opened_at, closed_at, heard_at)
    SELECT account, 'settling', state, since, epoch, $2, NULL, 1, 0, 20, false, $2, $2, 3, 20, 1, 12, 0, 1, $2, $2, $2
    FROM circuits WHERE account = $1
"""


@pytest.fixture
async def listener(database_url: str, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin(database_url, tmp_path) as opened:
        yield opened


async def test_an_account_in_a_probe_says_how_far_it_is(listener: Admin) -> None:
    key = await listener.fleet.know("agent@x.example", "grant-1")
    await listener.fleet.set_state(key, State.PROBING)
    await listener.fleet.pool.execute("UPDATE circuits SET permitted = 'limited' WHERE account = $1", key)
    await listener.fleet.pool.execute(_PROBE, key, NOW + 900)

    _, account = await listener.get("/api/v1/accounts/grant-1")

    assert (account["state"], account["enforcement"]["wanted"]) == ("probing", "limited")
    assert account["probe"] == {
        "phase": "settling",
        "round": 3,
        "sends": 32,
        "bad": 1,
        "overshoot": 3,
        "still_needed_sends": 48,
        "still_needed_days": 2.4,
        "next_at": NOW + 900,
        "asks": None,
        "says": "Its mode is observe, in which nothing is let go by itself. "
        "Round 3 is over; late outcomes are waited for.",
    }


async def test_a_probe_of_a_state_that_is_over_is_not_shown(listener: Admin) -> None:
    key = await listener.fleet.know("agent@x.example", "grant-1")
    await listener.fleet.pool.execute(_PROBE, key, NOW)
    await listener.fleet.pool.execute("UPDATE probes SET since = since - 1")

    _, account = await listener.get("/api/v1/accounts/grant-1")

    assert account["probe"] is None


async def test_a_program_can_have_an_account_probed(listener: Admin) -> None:
    key = await listener.fleet.know("agent@x.example", "grant-1")
    await listener.fleet.set_state(key, State.STOPPED)

    status, answer = await listener.post({"selector": "grant-1", "action": "probe", "reason": "list cleaned"})

    [result] = answer["results"]
    assert (status, result["from"], result["to"], result["effect"]) == (200, "stopped", "probing", "changed")


@pytest.mark.parametrize("field", ["mode", "lasts", "apply_pending", "only_domain"])
async def test_a_probe_takes_nothing_that_goes_with_other_acts(listener: Admin, field: str) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")
    value = {"mode": "enforce", "lasts": 60, "apply_pending": True, "only_domain": True}[field]

    status, _ = await listener.post({"selector": "grant-1", "action": "probe", "reason": "cleaned", field: value})

    assert status in {400, 409, 422}
