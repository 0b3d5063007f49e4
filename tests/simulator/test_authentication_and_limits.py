from __future__ import annotations

import asyncio

from breaker.simulator.options import SimulationOptions
from tests.simulator.client import Client, World


async def test_a_wrong_key_is_refused_in_the_wording_of_each_family(client: Client) -> None:
    answers = [await client.get(path, api_key="wrong") for path in ("/v3/grants", "/v3/rules", "/v3/webhooks")]

    assert [answer.error for answer in answers] == [
        (401, "invalid_request_error", "Authentication error"),
        (401, "unauthorized", "Unauthorized"),
        (401, "unauthorized", "Unauthorized"),
    ]


async def test_every_answer_has_a_request_id_of_its_own(client: Client) -> None:
    answers = [await client.get(path) for path in ("/v3/grants", "/v3/grants", "/v3/grants/unknown")]

    assert len({answer.body["request_id"] for answer in answers}) == 3


async def test_an_unknown_path_is_a_404_with_an_envelope(client: Client) -> None:
    assert (await client.get("/v3/nothing")).error == (404, "not_found_error", "Not Found")


async def test_the_51st_request_of_a_second_is_refused_and_the_next_second_is_open(world: World) -> None:
    statuses = [(await world.client.get("/v3/workspaces")).status for _ in range(51)]

    assert statuses == [200] * 50 + [429]

    refused = await world.client.get("/v3/workspaces")

    assert refused.error == (429, "rate_limit_error", "Too many requests, please try again shortly.")
    assert "Retry-After" not in refused.headers

    await world.clock.advance(1)

    assert (await world.client.get("/v3/workspaces")).status == 200


async def test_the_limit_is_each_applications_own(world: World) -> None:
    world.platform.add_application("app-2", "key-2")
    for _ in range(50):
        await world.client.get("/v3/workspaces")

    assert (await world.client.get("/v3/workspaces", api_key="key-2")).status == 200


async def test_the_other_documented_error_type_and_a_retry_after_can_be_chosen() -> None:
    async with World.open(
        requests_per_second=1, rate_limit_error="nylas_rate_limit_exceeded", rate_limit_retry_after=3
    ) as world:
        await world.client.get("/v3/workspaces")
        refused = await world.client.get("/v3/workspaces")

    assert refused.error[1] == "nylas_rate_limit_exceeded"
    assert refused.headers["Retry-After"] == "3"


async def test_the_journal_keeps_every_call_and_knows_the_changing_ones(world: World) -> None:
    await world.client.get("/v3/grants?limit=2")
    await world.client.post("/v3/lists", {"name": "Stopped", "type": "address"})
    await world.client.post("/v3/rules", {})
    await world.client.delete("/v3/lists/unknown", api_key="wrong")

    assert [
        (call.application_id, call.method, call.path, call.query, call.status) for call in world.platform.journal
    ] == [
        ("app-1", "GET", "/v3/grants", "limit=2", 200),
        ("app-1", "POST", "/v3/lists", "", 201),
        ("app-1", "POST", "/v3/rules", "", 400),
        (None, "DELETE", "/v3/lists/unknown", "", 401),
    ]
    assert [call.method for call in world.platform.journal.changing()] == ["POST", "POST", "DELETE"]
    assert list(world.platform.journal)[1].body == b'{"name": "Stopped", "type": "address"}'


async def test_the_application_says_who_it_is(world: World) -> None:
    shown = (await world.client.get("/v3/applications")).data

    assert ("app-1", world.application.workspaces.default.workspace_id) == (
        shown["application_id"],
        shown["default_workspace_id"],
    )


async def test_the_same_seed_gives_the_same_identifiers() -> None:
    async def identifiers(seed: int) -> list[str]:
        async with World.open(seed) as world:
            grants = [world.application.add_grant(f"a{n}@agents.example.com").id for n in range(3)]
            return [*grants, world.application.workspaces.default.workspace_id]

    first, second, other = await asyncio.gather(identifiers(7), identifiers(7), identifiers(8))

    assert first == second
    assert not set(first) & set(other)


def test_the_documented_limits_are_the_defaults() -> None:
    options = SimulationOptions()

    assert (options.requests_per_second, options.plan.rules, options.plan.lists) == (50, 30, 50)
