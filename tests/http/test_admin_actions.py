from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from breaker.domain.circuits.states import State
from tests.admin import Admin, admin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def listener(database_url: str, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin(database_url, tmp_path) as opened:
        yield opened


async def test_a_trip_is_done_in_the_name_of_its_token(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")

    status, answer = await listener.post({"selector": "agent@x.example", "action": "trip", "reason": "bought list"})

    _, trail = await listener.get("/api/v1/verdicts")
    assert (status, answer) == (
        200,
        {
            "plan": False,
            "accounts": 1,
            "counts": {"changed": 1, "unchanged": 0, "pending": 0, "refused": 0},
            "settings": [],
            "results": [
                {
                    "account": "grant-1",
                    "address": "agent@x.example",
                    "from": "sending",
                    "to": "stopped",
                    "effect": "changed",
                    "detail": "Stopped by a person: bought list",
                    "verdict": trail["data"][0]["id"],
                }
            ],
            "truncated": False,
            "unconfirmed": 1,
        },
    )
    assert (trail["data"][0]["author"], listener.acts) == ("ada", ["acted"])


async def test_a_plan_changes_nothing(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")

    _, answer = await listener.post({"selector": "--all", "action": "trip", "reason": "test", "plan": True})

    assert (answer["plan"], answer["counts"]["changed"], answer["unconfirmed"]) == (True, 1, None)
    assert (await listener.fleet.states(), listener.acts) == ({"agent@x.example": "sending"}, [])


async def test_several_are_named_at_once_and_let_go(listener: Admin) -> None:
    for name in ("a", "b"):
        await listener.fleet.set_state(await listener.fleet.know(f"{name}@x.example", f"grant-{name}"), State.STOPPED)

    await listener.post({"selector": ["grant-a", "b@x.example"], "action": "reset", "reason": "test"})

    assert await listener.fleet.states() == {"a@x.example": "sending", "b@x.example": "sending"}


async def test_a_limit_needs_its_actuator_and_a_reset_may_say_where_an_account_goes(listener: Admin) -> None:
    key = await listener.fleet.know("agent@x.example", "grant-1", workspace="w-quarantine", home="w-gone")
    _, limited = await listener.post({"selector": "grant-1", "action": "limit", "reason": "a new list"})
    _, reset = await listener.post({"selector": "grant-1", "action": "reset", "reason": "moved", "home": "w-support"})

    assert [(one["to"], one["effect"]) for one in (*limited["results"], *reset["results"])] == [
        ("sending", "refused"),
        ("sending", "changed"),
    ]
    home = await listener.fleet.pool.fetchval("SELECT home_workspace_id FROM accounts WHERE account = $1", key)
    assert home == "w-support"


async def test_a_mode_is_set_and_taken_away(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")
    modes = []
    for mode in ("enforce", None):
        await listener.post({"selector": "domain:x.example", "action": "mode", "mode": mode, "reason": "test"})
        _, account = await listener.get("/api/v1/accounts/grant-1")
        modes.append((account["mode"], account["mode_source"], (account["mode_setting"] or {}).get("author")))

    assert modes == [("enforce", "domain", "ada"), ("observe", "daemon", None)]


async def test_exempt_ends_after_a_day_unless_told_otherwise(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")
    lasted = []
    for body in ({}, {"lasts": 60}):
        await listener.post({"selector": "grant-1", "action": "mode", "mode": "exempt", "reason": "test", **body})
        _, account = await listener.get("/api/v1/accounts/grant-1")
        lasted.append(account["mode_setting"]["expires_at"] - account["mode_setting"]["set_at"])

    assert lasted == [86_400.0, 60.0]


async def test_waiting_tells_whether_the_platform_was_read_back(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")

    _, answer = await listener.post({"selector": "grant-1", "action": "trip", "reason": "test", "wait": 5})

    assert answer["unconfirmed"] == 1


async def test_an_unknown_account_is_not_found_and_nobody_is_touched(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")

    status, answer = await listener.post({"selector": ["grant-1", "grant-2"], "action": "trip", "reason": "test"})

    assert (status, answer["error"]["type"]) == (404, "not_found")
    assert await listener.fleet.states() == {"agent@x.example": "sending"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"selector": "team:x"}, "selector: 'team:x' is no selector"),
        ({"selector": []}, "selector: names nobody"),
        ({"selector": 7}, "Expected `str | array`, got `int` - at `$.selector`"),
        ({"action": "delete"}, "Invalid enum value 'delete' - at `$.action`"),
        ({"reason": " "}, "reason: must say why"),
        ({"wait": 61}, "wait: must be from 0 to 60 seconds"),
        ({"mode": "enforce"}, "mode: goes with the action mode, not with trip"),
        ({"home": "w-support"}, "home: goes with the action reset, not with trip"),
        ({"action": "mode"}, "mode: is missing"),
        ({"action": "mode", "mode": "panic"}, "Invalid enum value 'panic' - at `$.mode`"),
        ({"action": "mode", "mode": "enforce", "lasts": 0}, "lasts: must be a number of seconds"),
        ({"force": True}, "Object contains unknown field `force`"),
    ],
)
async def test_a_bad_action_is_refused_by_the_name_of_what_is_wrong(
    listener: Admin, change: dict[str, Any], problem: str
) -> None:
    body = {"selector": "--all", "action": "trip", "reason": "test", **change}

    status, answer = await listener.post(body)

    assert (status, answer["error"]["message"][: len(problem)]) == (400, problem)


async def test_pending_verdicts_are_applied_with_enforce_only(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")
    body = {"selector": "--all", "action": "mode", "mode": "observe", "apply_pending": True, "reason": "test"}

    status, answer = await listener.post(body)

    assert (status, answer["error"]["type"]) == (409, "refused")


async def test_what_is_no_json_is_refused(listener: Admin) -> None:
    headers = {"Authorization": "Bearer token-of-ada"}
    async with listener.client.post("/api/v1/actions", data=b"{", headers=headers) as response:
        assert (response.status, (await response.json())["error"]["message"]) == (400, "the body is not JSON")


async def test_a_body_that_is_too_large_is_refused(listener: Admin) -> None:
    headers = {"Authorization": "Bearer token-of-ada"}
    async with listener.client.post("/api/v1/actions", data=io.BytesIO(b" " * 1_100_000), headers=headers) as response:
        assert (response.status, (await response.json())["error"]["type"]) == (413, "too_large")
