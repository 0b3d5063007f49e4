from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.admin import Admin, admin
from tests.fleet import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

GATE = "token-of-mta"
PATH = "/api/v1/observations"
PAUSED = {"account": "grant-1", "status": 400, "type": "invalid_request_error", "message": "Sending paused."}


@pytest.fixture
async def listener(database_url: str, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin(database_url, tmp_path) as opened:
        await opened.fleet.know("agent@x.example", "grant-1")
        yield opened


async def observe(listener: Admin, *observations: Any, token: str | None = GATE) -> tuple[int, Any]:  # noqa: ANN401
    return await listener.post({"observations": list(observations)}, token, PATH)


async def test_each_observation_is_answered_by_itself(listener: Admin) -> None:
    status, answer = await observe(
        listener,
        PAUSED,
        {"account": "Agent@X.example", "status": 202},
        {"account": "grant-2", "status": 403, "message": "send blocked by abuse restriction"},
        {"account": "grant-1", "status": 403, "message": "message blocked by an outbound rule"},
        {"account": "grant-1"},
        {"account": "grant-1", "status": 400, "to": "jane@example.org"},
        {"account": "domain:x.example", "status": 400},
        {**PAUSED, "status": 1_000},
        {**PAUSED, "at": NOW - 90_000},
        {**PAUSED, "retry_after": -1},
        {**PAUSED, "type": "x" * 300},
        7,
    )

    assert status == 200
    assert (answer["taken"], answer["errors"]) == (3, 9)
    assert [(one["index"], one["result"], one["refusal"], one.get("error")) for one in answer["results"]] == [
        (0, "noted", "platform_paused", None),
        (1, "accepted", None, None),
        (2, "error", None, "account: no account is known by this name"),
        (3, "noted", "blocked_by_rule", None),
        (4, "error", None, "Object missing required field `status`"),
        (5, "error", None, "Object contains unknown field `to`"),
        (6, "error", None, "account: must be a grant id or an address"),
        (7, "error", None, "status: must be from 100 to 599"),
        (8, "error", None, "at: must be Unix seconds of the last day, and not ahead of now"),
        (9, "error", None, "retry_after: must be a number of seconds"),
        (10, "error", None, "type: must be printable, and 256 characters at most"),
        (11, "error", None, "Expected `object`, got `int`"),
    ]
    account = (await listener.get("/api/v1/accounts/grant-1"))[1]
    assert account["platform"]["what"] == "platform_paused"


async def test_no_recipient_s_address_is_kept(listener: Admin) -> None:
    await observe(listener, {**PAUSED, "message": "paused: jane.doe@example.org was not mailed"})

    row = await listener.fleet.pool.fetchrow("SELECT * FROM platform_standings")

    assert row["message"] == "paused: [address] was not mailed"
    assert "jane" not in repr(tuple(row))


async def test_send_paths_and_actors_may_observe_and_readers_may_not(listener: Admin) -> None:
    statuses = [
        (await observe(listener, PAUSED, token=token))[0]
        for token in ("token-of-mta", "token-of-ada", "token-of-eve", None)
    ]

    assert statuses == [200, 200, 403, 401]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Object missing required field `observations`"),
        ([], "Expected `object`, got `array`"),
        ({"observations": [PAUSED] * 501}, "observations: there are 501; send 500 at most at once"),
    ],
)
async def test_a_body_that_is_none_takes_nothing(listener: Admin, body: object, message: str) -> None:
    status, answer = await listener.post(body, GATE, PATH)

    assert (status, answer["error"]) == (400, {"type": "bad_request", "message": message})
    assert (await listener.get("/api/v1/accounts/grant-1"))[1]["platform"] is None


async def test_refused_sends_are_counted_by_reason(listener: Admin) -> None:
    await observe(listener, PAUSED, PAUSED, {"account": "grant-1", "status": 429})

    def refused(reason: str) -> float | None:
        return listener.metrics.registry.get_sample_value("breaker_refused_sends_total", {"reason": reason})

    assert (refused("platform_paused"), refused("rate_limited"), refused("restricted")) == (2, 1, 0)


async def test_the_gate_says_what_the_platform_did_and_denies_nobody_for_it_while_observing(listener: Admin) -> None:
    await observe(listener, PAUSED)
    await listener.gate.read()

    _, answer = await listener.get("/api/v1/gate/grant-1", GATE)

    assert answer == {
        "allow": True,
        "state": "sending",
        "reason": "It is sending for 0 seconds, and may send. The platform has paused the account.",
        "retry_after": None,
    }
