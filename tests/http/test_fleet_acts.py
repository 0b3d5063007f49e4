from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from breaker.domain.circuits.circuit import HeldBy
from breaker.domain.circuits.states import State
from tests.admin import Admin, admin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def listener(database_url: str, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin(database_url, tmp_path) as opened:
        yield opened


async def test_a_hold_is_set_shown_and_ended_in_the_name_of_its_token(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")
    now = listener.fleet.clock.now()

    status, answer = await listener.post({"action": "hold_on", "reason": "a move", "lasts": 7_200})

    assert (status, answer) == (
        200,
        {
            "plan": False,
            "action": "hold_on",
            "why": "Automatic changes put on hold for 120 minutes by a person: a move",
            "author": "ada",
        },
    )
    held = {"reason": "a move", "author": "ada", "since": now, "expires_at": now + 7_200}
    assert await listener.get("/api/v1/hold") == (200, {"hold": held})

    await listener.post({"action": "hold_off", "reason": "moved"})
    _, trail = await listener.get("/api/v1/verdicts")
    assert [(one["scope"], one["author"], one["why"]) for one in trail["data"]] == [
        ("hold", "ada", "Automatic changes no longer on hold by a person: moved"),
        ("hold", "ada", "Automatic changes put on hold for 120 minutes by a person: a move"),
    ]


async def test_a_plan_changes_nothing(listener: Admin) -> None:
    status, answer = await listener.post({"action": "hold_on", "reason": "a move", "plan": True})

    assert (status, answer["plan"]) == (200, True)
    assert await listener.get("/api/v1/hold") == (200, {"hold": None})


async def test_what_the_guard_holds_is_shown_and_approved(listener: Admin) -> None:
    key = await listener.fleet.know("agent@x.example", "grant-1")
    other = await listener.fleet.know("other@x.example", "grant-2")
    verdict = await listener.fleet.suspend(key, State.STOPPED, HeldBy.GUARD)
    await listener.fleet.suspend(other, State.STOPPED, HeldBy.OBSERVE)
    await listener.post({"action": "guard_raise", "reason": "checked", "to": "20%", "limit": "group"})

    _, guard = await listener.get("/api/v1/guard")
    assert [(one["account"], one["verdict"], one["headroom"]["bad_outcomes"]) for one in guard["held"]] == [
        ("grant-1", verdict, 5)
    ]
    assert [(one["limit"], one["scope"], one["used"], one["allowed"]) for one in guard["limits"]] == [
        ("window", "fleet", 0, 5),
        ("total", "fleet", 0, 5),
        ("group", "domain:x.example", 0, 3),
    ]
    assert [(one["limit"], one["number"], one["share"], one["author"]) for one in guard["raised"]] == [
        ("group", None, 0.2, "ada")
    ]

    status, report = await listener.post({"selector": "--all", "action": "guard_approve", "reason": "all of them"})
    assert (status, report["counts"]) == (200, {"changed": 1, "unchanged": 1, "pending": 0, "refused": 0})
    assert await listener.fleet.states() == {"agent@x.example": "stopped", "other@x.example": "sending"}
    assert (await listener.get("/api/v1/guard"))[1]["held"] == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"action": "hold_on", "reason": " "}, "reason: must say why"),
        ({"action": "hold_off", "reason": "x", "lasts": 60}, "lasts: must be a number of seconds"),
        ({"action": "hold_on", "reason": "x", "to": "5"}, "to: goes with guard_raise"),
        ({"action": "guard_raise", "reason": "x", "to": "no"}, "say a number of stops such as 20"),
        ({"action": "guard_raise", "reason": "x"}, "say a number of stops such as 20"),
        ({"action": "hold_on", "reason": "x", "selector": "--all"}, "unknown field `selector`"),
        ({"action": "freeze", "reason": "x", "selector": "--all"}, "Invalid enum value 'freeze'"),
    ],
)
async def test_what_is_not_meant_so_is_refused_with_what_is(
    listener: Admin, body: dict[str, Any], message: str
) -> None:
    status, answer = await listener.post(body)

    assert (status, answer["error"]["type"]) == (400, "bad_request")
    assert message in answer["error"]["message"]


async def test_only_who_may_act_holds(listener: Admin) -> None:
    assert (await listener.post({"action": "hold_on", "reason": "a move"}, token="token-of-eve"))[0] == 403
    assert (await listener.get("/api/v1/guard", token=None))[0] == 401
    assert (await listener.get("/api/v1/hold", token=None))[0] == 401


async def test_a_detectors_stops_are_undone_one_a_second_unless_it_is_said_otherwise(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")

    status, report = await listener.post(
        {"selector": "--all", "action": "reset", "reason": "a bad roll-out", "detector": "cusum", "since": 0}
    )

    assert (status, report["accounts"]) == (200, 0)


async def test_a_reset_of_a_false_stop_is_counted_in_the_metrics(listener: Admin) -> None:
    key = await listener.fleet.know("agent@x.example", "grant-1")
    await listener.fleet.set_state(key, State.STOPPED)
    await listener.post({"selector": "grant-1", "action": "reset", "reason": "a mistake", "false_stop": True})

    await listener.metrics.poll(listener.fleet.operations.fleet, listener.fleet.clock.now())

    async with listener.client.get("/metrics") as response:
        assert "breaker_false_stops_total 1.0" in (await response.text()).splitlines()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"action": "trip", "false_stop": True}, "false_stop: goes with the action reset, not with trip"),
        ({"action": "trip", "detector": "cusum"}, "detector: goes with the action reset, not with trip"),
        ({"action": "reset", "pace": 0}, "pace: must be a number of accounts a second"),
        ({"action": "reset", "since": -1}, "since: must be a moment in Unix seconds"),
        ({"action": "reset", "automatic": True, "only_domain": True}, "only_domain: does not go with automatic"),
    ],
)
async def test_what_goes_with_no_such_act_is_refused(listener: Admin, more: dict[str, Any], message: str) -> None:
    status, answer = await listener.post({"selector": "--all", "reason": "x", **more})

    assert (status, answer["error"]["type"]) == (400, "bad_request")
    assert message in answer["error"]["message"]
