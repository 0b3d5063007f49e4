from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.admin import Admin, admin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

GATE = "token-of-mta"
TRIP = {"selector": "grant-1", "action": "trip", "reason": "test"}


@pytest.fixture
async def listener(database_url: str, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin(database_url, tmp_path) as opened:
        await opened.fleet.know("agent@x.example", "grant-1")
        yield opened


async def test_a_send_path_is_told_whether_why_and_when_to_ask_again(listener: Admin) -> None:
    await listener.gate.read()
    before = await listener.get("/api/v1/gate/grant-1", GATE)
    await listener.post(TRIP)
    await listener.gate.read()
    after = await listener.get("/api/v1/gate/Agent@X.example?type=reply", GATE)

    assert before == (
        200,
        {"allow": True, "state": "sending", "reason": "Nothing is known against it.", "retry_after": None},
    )
    assert after == (
        200,
        {
            "allow": False,
            "state": "stopped",
            "reason": "It is stopped for 0 seconds (by a person).",
            "retry_after": 300.0,
        },
    )


async def test_the_role_of_send_paths_suffices_and_readers_have_no_business_there(listener: Admin) -> None:
    tokens = ("token-of-mta", "token-of-ada", "token-of-eve", None)

    statuses = [(await listener.get("/api/v1/gate/grant-1", token))[0] for token in tokens]

    assert statuses == [200, 200, 403, 401]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("grant-1?type=forward", "type: must be one of compose, reply"),
        ("grant-1?typ=reply", "typ: unknown parameter; the nearest known one is type"),
        ("domain:x.example", "id: must be a grant id or an address: one account is asked about"),
        ("%20", "id: must be a grant id or an address"),
    ],
)
async def test_what_is_asked_wrongly_is_said_by_name(listener: Admin, path: str, message: str) -> None:
    status, answer = await listener.get(f"/api/v1/gate/{path}", GATE)

    assert (status, answer["error"]) == (400, {"type": "bad_request", "message": message})


async def test_answers_are_counted_and_the_memory_s_age_is_told(listener: Admin) -> None:
    await listener.post(TRIP)
    await listener.gate.read()
    for name in ("grant-1", "grant-1", "grant-2"):
        await listener.get(f"/api/v1/gate/{name}", GATE)

    def sample(name: str, **labels: str) -> float | None:
        return listener.metrics.registry.get_sample_value(name, labels)

    assert (
        sample("breaker_gate_answers_total", allow="false", state="stopped"),
        sample("breaker_gate_answers_total", allow="true", state="sending"),
        sample("breaker_gate_accounts"),
        sample("breaker_gate_followed_timestamp_seconds"),
    ) == (2, 1, 1, listener.fleet.clock.now())
