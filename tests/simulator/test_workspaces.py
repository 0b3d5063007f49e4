from __future__ import annotations

import pytest

from breaker.simulator.options import WorkspaceGeneration
from tests.simulator.client import World


async def test_the_default_workspace_is_there_and_takes_only_policy_and_rules(world: World) -> None:
    default = world.application.workspaces.default.workspace_id
    shown = (await world.client.get("/v3/workspaces")).data

    assert [(default, True, None, [])] == [
        (one["workspace_id"], one["default"], one["domain"], one["rule_ids"]) for one in shown
    ]
    assert "id" not in shown[0]
    assert (await world.client.patch(f"/v3/workspaces/{default}", {"name": "Mine"})).status == 400
    assert (await world.client.delete(f"/v3/workspaces/{default}")).status == 400
    assert (await world.client.patch(f"/v3/workspaces/{default}", {"rule_ids": []})).status == 200


async def test_a_workspace_needs_only_a_name_and_does_not_group(world: World) -> None:
    made = await world.client.post("/v3/workspaces", {"name": "Quarantine"})

    assert (made.status, made.data["domain"], made.data["auto_group"]) == (200, None, False)
    assert (await world.client.post("/v3/workspaces", {"name": "x", "auto_group": True})).status == 400
    assert (await world.client.post("/v3/workspaces", {})).status == 400


async def test_the_older_generation_asks_for_a_domain_and_allows_one_workspace_each() -> None:
    async with World.open(workspaces=WorkspaceGeneration.DOMAIN_REQUIRED) as world:
        without = await world.client.post("/v3/workspaces", {"name": "Quarantine"})
        made = await world.client.post("/v3/workspaces", {"name": "Home", "domain": "agents.example.com"})
        again = await world.client.post("/v3/workspaces", {"name": "Twin", "domain": "agents.example.com"})

    assert without.error == (400, "bad_request", "domain is required")
    assert (made.status, made.data["auto_group"]) == (200, True)
    assert again.error == (400, "bad_request", "a workspace already exists for the application and domain")


async def test_rule_ids_are_replaced_as_a_whole_and_kept_when_omitted(world: World) -> None:
    workspace = world.application.add_workspace("Home").workspace_id
    path = f"/v3/workspaces/{workspace}"
    rules = []
    for name in ("one", "two"):
        condition = {"field": "from.domain", "operator": "is", "value": "spam.example"}
        body = {"name": name, "match": {"conditions": [condition]}, "actions": [{"type": "block"}]}
        rules.append((await world.client.post("/v3/rules", body)).data["id"])

    answers = [
        await world.client.patch(path, {"rule_ids": rules}),
        await world.client.patch(path, {"rule_ids": rules[1:]}),
        await world.client.patch(path, {"name": "Renamed"}),
        await world.client.patch(path, {"rule_ids": None}),
    ]

    assert [rules, rules[1:], rules[1:], []] == [answer.data["rule_ids"] for answer in answers]


async def test_foreign_policies_and_rules_and_a_changed_domain_are_refused(world: World) -> None:
    path = f"/v3/workspaces/{world.application.add_workspace('Home').workspace_id}"
    bodies: list[dict[str, object]] = [{"rule_ids": ["foreign"]}, {"policy_id": "foreign"}, {"domain": "x.example"}]

    assert [(await world.client.patch(path, body)).status for body in bodies] == [400, 400, 400]


async def test_a_policy_is_attached_and_detached(world: World) -> None:
    path = f"/v3/workspaces/{world.application.add_workspace('Home').workspace_id}"
    policy = (await world.client.post("/v3/policies", {"name": "Baseline"})).data["id"]
    attached = await world.client.patch(path, {"policy_id": policy})
    detached = await world.client.patch(path, {"policy_id": None})

    assert (policy, False) == (attached.data["policy_id"], "policy_id" in detached.data)


async def test_a_deleted_workspaces_grants_fall_to_the_default(world: World) -> None:
    workspace = world.application.add_workspace("Home").workspace_id
    grant = world.application.add_grant("a@agents.example.com", workspace_id=workspace)

    assert (await world.client.delete(f"/v3/workspaces/{workspace}")).status == 200
    assert world.application.workspaces.default.workspace_id == grant.workspace_id
    assert (await world.client.get(f"/v3/workspaces/{workspace}")).error[:2] == (404, "workspace.not_found_error")


async def test_a_workspace_is_found_by_its_domain_but_changed_only_by_its_id(world: World) -> None:
    made = world.application.add_workspace("Home", domain="agents.example.com")

    assert made.workspace_id == (await world.client.get("/v3/workspaces/agents.example.com")).data["workspace_id"]
    assert (await world.client.patch("/v3/workspaces/agents.example.com", {"name": "x"})).status == 404


async def test_manual_assignment_moves_grants_and_removal_leaves_them_in_none(world: World) -> None:
    first = world.application.add_grant("a@agents.example.com")
    second = world.application.add_grant("b@agents.example.com")
    workspace = world.application.add_workspace("Quarantine").workspace_id
    path = f"/v3/workspaces/{workspace}/manual-assign"
    moved = await world.client.post(path, {"assign_grants": [first.id, second.id, "unknown"]})
    removed = await world.client.post(path, {"remove_grants": [second.id]})
    nothing = await world.client.post(path, {"assign_grants": ["unknown"]})

    assert {
        "application_id": "app-1",
        "workspace_id": workspace,
        "domain": None,
        "grants_assigned": [first.id, second.id],
        "grants_removed": None,
    } == moved.data
    assert [second.id] == removed.data["grants_removed"]
    assert (nothing.status, nothing.data["grants_assigned"]) == (200, None)
    assert "workspace_id" not in (await world.client.get(f"/v3/grants/{second.id}")).data


@pytest.mark.parametrize("body", [{}, {"assign_grants": ["x"] * 501}])
async def test_manual_assignment_takes_1_to_500_grants(world: World, body: dict[str, list[str]]) -> None:
    path = f"/v3/workspaces/{world.application.workspaces.default.workspace_id}/manual-assign"

    assert (await world.client.post(path, body)).status == 400


async def test_manual_assignment_into_a_grouping_workspace_is_refused_unless_chosen_otherwise() -> None:
    statuses = []
    for refused in (True, False):
        async with World.open(manual_assign_needs_auto_group_off=refused) as world:
            grouping = world.application.add_workspace("Home", domain="agents.example.com", auto_group=True)
            path = f"/v3/workspaces/{grouping.workspace_id}/manual-assign"
            statuses.append((await world.client.post(path, {"assign_grants": ["x"]})).status)

    assert statuses == [400, 200]
