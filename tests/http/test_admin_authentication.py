from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.admin import Admin, admin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PATHS = ("/api/v1/accounts", "/api/v1/accounts/grant-1", "/api/v1/verdicts")
TRIP = {"selector": "grant-1", "action": "trip", "reason": "test"}


@pytest.fixture
async def listener(database_url: str, tmp_path: Path) -> AsyncIterator[Admin]:
    async with admin(database_url, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_is_told_without_a_token(listener: Admin, path: str) -> None:
    status, answer = await listener.get(path, token=None)

    assert (status, answer["error"]) == (
        401,
        {"type": "unauthorized", "message": "send the header `Authorization: Bearer TOKEN`"},
    )


@pytest.mark.parametrize("token", ["token-of-nobody", "token-of-ev", "token-of-eve-", "\xff"])
async def test_a_token_of_nobody_s_opens_nothing(listener: Admin, token: str) -> None:
    status, answer = await listener.get("/api/v1/accounts", token=token)

    assert (status, answer["error"]["message"]) == (401, "the token is not one of BREAKER_ADMIN_TOKENS")


async def test_a_refusal_asks_for_a_bearer_token(listener: Admin) -> None:
    async with listener.client.get("/api/v1/accounts") as response:
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="breaker"'


async def test_every_role_may_do_its_own_and_act_may_do_all(listener: Admin) -> None:
    await listener.fleet.know("agent@x.example", "grant-1")
    tokens = ("token-of-eve", "token-of-mta", "token-of-ada")

    reads = [(await listener.get("/api/v1/accounts", token))[0] for token in tokens]
    acts = [(await listener.post(TRIP, token))[0] for token in tokens]

    assert (reads, acts) == ([200, 403, 200], [403, 403, 200])


async def test_a_role_that_does_not_suffice_is_named(listener: Admin) -> None:
    _, answer = await listener.post(TRIP, "token-of-eve")

    assert answer["error"] == {"type": "forbidden", "message": "this needs a token with the role act; eve's is read"}


async def test_without_configured_tokens_the_answer_says_what_to_set(database_url: str, tmp_path: Path) -> None:
    async with admin(database_url, tmp_path, tokens="") as listener:
        status, answer = await listener.get("/api/v1/accounts")

    assert (status, answer["error"]["message"]) == (
        401,
        "nobody may use this listener yet: set BREAKER_ADMIN_TOKENS to name:token or name:role:token",
    )


async def test_every_error_has_an_id_that_is_also_a_header(listener: Admin) -> None:
    async with listener.client.get("/nowhere") as response:
        answer = await response.json()

    assert (response.status, answer) == (
        404,
        {"error": {"type": "not_found", "message": "404: Not Found"}, "request_id": response.headers["X-Request-Id"]},
    )


async def test_a_wrong_method_has_the_same_shape(listener: Admin) -> None:
    async with listener.client.post("/api/v1/accounts") as response:
        answer = await response.json()

    assert (response.status, answer["error"]["type"], response.headers["Allow"]) == (
        405,
        "method_not_allowed",
        "GET,HEAD",
    )
