from __future__ import annotations

import pytest

from tests.simulator.client import Client, World

ADDRESS = "sales@agents.example.com"


async def _connect(client: Client, email: str = ADDRESS, **rest: object) -> str:
    answer = await client.post("/v3/connect/custom", {"provider": "nylas", "settings": {"email": email}, **rest})

    assert answer.status == 201
    return str(answer.data["id"])


async def test_an_agent_account_is_connected_into_the_default_workspace(world: World) -> None:
    answer = await world.client.post(
        "/v3/connect/custom", {"provider": "nylas", "name": "Sales", "settings": {"email": "Sales@Agents.example.com"}}
    )
    now = int(world.clock.now())

    assert {
        "id": answer.data["id"],
        "provider": "nylas",
        "grant_status": "valid",
        "email": ADDRESS,
        "name": "Sales",
        "scope": [],
        "settings": {"email": ADDRESS},
        "blocked": False,
        "created_at": now,
        "updated_at": now,
        "workspace_id": world.application.workspaces.default.workspace_id,
    } == answer.data


async def test_placement_is_the_named_workspace_then_the_domain_then_the_default(world: World) -> None:
    named = world.application.add_workspace("Named").workspace_id
    by_domain = world.application.add_workspace("Domain", domain="agents.example.com", auto_group=True).workspace_id
    world.application.domains.add("other.example.com")
    for email, rest in (
        ("a@agents.example.com", {"workspace_id": named}),
        ("b@agents.example.com", {}),
        ("c@other.example.com", {}),
    ):
        await _connect(world.client, email, **rest)

    assert [named, by_domain, world.application.workspaces.default.workspace_id] == [
        grant.workspace_id for grant in world.application.grants
    ]


async def test_an_unregistered_domain_and_an_unknown_workspace_are_refused(client: Client) -> None:
    answers = [
        await client.post("/v3/connect/custom", {"provider": "nylas", "settings": {"email": "a@elsewhere.example"}}),
        await client.post(
            "/v3/connect/custom", {"provider": "nylas", "settings": {"email": ADDRESS}, "workspace_id": "none"}
        ),
        await client.post("/v3/connect/custom", {"provider": "nylas"}),
    ]

    assert [answer.error[:2] for answer in answers] == [(400, "bad_request")] * 3


async def test_the_list_shows_ten_unless_asked_and_pages_by_offset(world: World) -> None:
    for number in range(25):
        world.application.add_grant(f"a{number:02}@agents.example.com")
    first = await world.client.get("/v3/grants?order_by=asc")
    last = await world.client.get("/v3/grants?order_by=asc&limit=10&offset=20")

    assert (len(first.data), first.body["limit"], first.body["offset"]) == (10, 10, 0)
    assert [f"a{number}@agents.example.com" for number in range(20, 25)] == [grant["email"] for grant in last.data]
    assert (last.body["limit"], last.body["offset"]) == (10, 20)


async def test_a_limit_above_200_is_refused(client: Client) -> None:
    assert [(await client.get(f"/v3/grants?limit={limit}")).status for limit in ("200", "201", "many")] == [
        200,
        400,
        400,
    ]


async def test_the_filters_of_the_list(world: World) -> None:
    workspace = world.application.add_workspace("Other").workspace_id
    first = world.application.add_grant("first@agents.example.com", workspace_id=workspace)
    await world.clock.advance(100)
    second = world.application.add_grant("second@agents.example.com")
    second.valid = False

    async def found(query: str) -> list[str]:
        return [grant["id"] for grant in (await world.client.get(f"/v3/grants?{query}")).data]

    assert [second.id, first.id] == await found("")
    assert [first.id] == await found("email=First@agents.example.com")
    assert [first.id] == await found(f"workspace_id={workspace}")
    assert [second.id] == await found("grant_status=invalid")
    assert [second.id, first.id] == await found("provider=nylas")
    assert await found("provider=google") == []
    assert [second.id] == await found(f"since={second.created_at}")
    assert [first.id] == await found(f"before={first.created_at}")


async def test_a_patch_with_a_workspace_moves_the_grant_and_null_is_ignored(world: World) -> None:
    grant = world.application.add_grant(ADDRESS)
    workspace = world.application.add_workspace("Quarantine").workspace_id
    moved = await world.client.patch(f"/v3/grants/{grant.id}", {"workspace_id": workspace})
    ignored = await world.client.patch(f"/v3/grants/{grant.id}", {"workspace_id": None})
    unknown = await world.client.patch(f"/v3/grants/{grant.id}", {"workspace_id": "none"})

    assert [workspace, workspace] == [moved.data["workspace_id"], ignored.data["workspace_id"]]
    assert unknown.error[:2] == (400, "bad_request")


async def test_the_older_reading_of_the_patch_ignores_the_workspace() -> None:
    async with World.open(grant_patch_moves=False) as world:
        grant = world.application.add_grant(ADDRESS)
        workspace = world.application.add_workspace("Quarantine").workspace_id
        answer = await world.client.patch(f"/v3/grants/{grant.id}", {"workspace_id": workspace})

        assert world.application.workspaces.default.workspace_id == answer.data["workspace_id"]


async def test_a_deleted_grant_is_gone_and_its_address_makes_another(client: Client) -> None:
    first = await _connect(client)
    answer = await client.delete(f"/v3/grants/{first}")

    assert (answer.status, list(answer.body)) == (200, ["request_id"])
    assert (await client.get(f"/v3/grants/{first}")).error == (404, "grant.not_found_error", "Resource not found")
    assert first != await _connect(client)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_unknown_grant_is_a_404(client: Client, method: str) -> None:
    assert (await client.call(method, "/v3/grants/unknown", {})).error[:2] == (404, "grant.not_found_error")
