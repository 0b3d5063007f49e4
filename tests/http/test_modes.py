from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from breaker.domain.acts.acts import EXEMPT_LASTS
from tests.admin import Admin, admin
from tests.fleet import APPLICATION, NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

OBSERVED = {"selector": "--all", "application_id": None, "mode": "observe"}


@pytest.fixture
async def listener(database_url: str, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin(database_url, tmp_path) as opened:
        yield opened


def setting(selector: str, level: str, mode: str, expires_at: float | None) -> dict[str, Any]:
    return {
        "selector": selector,
        "level": level,
        "application_id": APPLICATION,
        "mode": mode,
        "reason": "trial",
        "author": "ada",
        "set_at": NOW,
        "expires_at": expires_at,
    }


async def say(listener: Admin, selector: str, mode: str | None, **more: object) -> tuple[int, Any]:
    body = {"selector": selector, "action": "mode", "mode": mode, "reason": "trial", **more}
    return await listener.post(body)


async def test_all_modes_in_force_are_listed_with_what_the_configuration_says_beneath(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1", workspace="home")
    await say(listener, f"application:{APPLICATION}", "enforce")
    await say(listener, "workspace:home", "observe", lasts=3_600)
    await say(listener, "domain:x.example", "stopped", until=NOW + 60)
    await say(listener, "grant-1", "exempt")

    assert await listener.get("/api/v1/modes") == (
        200,
        {
            "data": [
                setting("agent@x.example", "account", "exempt", NOW + EXEMPT_LASTS),
                setting("domain:x.example", "domain", "stopped", NOW + 60),
                setting("workspace:home", "workspace", "observe", NOW + 3_600),
                setting(f"application:{APPLICATION}", "application", "enforce", None),
            ],
            "configured": [OBSERVED],
        },
    )


async def test_what_was_taken_back_or_has_expired_is_not_in_force(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")
    await say(listener, "domain:x.example", "enforce")
    await say(listener, "grant-1", "exempt", lasts=60)

    await say(listener, "domain:x.example", None)
    listener.fleet.clock.time += 60

    assert await listener.get("/api/v1/modes") == (200, {"data": [], "configured": [OBSERVED]})


async def test_an_account_is_told_of_as_it_stood_at_a_moment(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")
    await say(listener, "domain:x.example", "stopped")

    status, now = await listener.get(f"/api/v1/accounts/agent@x.example?at={NOW}")
    _, before = await listener.get(f"/api/v1/accounts/agent@x.example?at={NOW - 1}")

    assert (status, now["state"], now["since"]) == (200, "stopped", NOW)
    assert now["mode_setting"] == setting("domain:x.example", "domain", "stopped", None)
    assert (before["state"], before["mode_setting"], before["verdicts"]) == ("sending", None, [])


async def test_a_moment_to_come_is_refused(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")

    status, answer = await listener.get(f"/api/v1/accounts/grant-1?at={NOW + 1}")

    assert (status, answer["error"]["message"]) == (400, "at: is a moment to come: nothing is known of it")


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"until": NOW}, "until: must be a moment to come, in Unix seconds"),
        ({"until": NOW + 60, "lasts": 60}, "until: does not go with lasts: say one of them"),
        ({"action": "trip", "until": NOW + 60}, "mode: goes with the action mode, not with trip"),
    ],
)
async def test_an_end_that_is_none_is_refused(listener: Admin, more: dict[str, Any], problem: str) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")

    status, answer = await say(listener, "grant-1", "enforce", **more)

    assert (status, answer["error"]["message"]) == (400, problem)
