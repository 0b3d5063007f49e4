from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.simulator.options import FREE, ListEnvelope
from tests.simulator.client import World

if TYPE_CHECKING:
    from tests.simulator.client import Client, Loose

BLOCK = {
    "name": "Stopped accounts",
    "trigger": "outbound",
    "match": {"conditions": [{"field": "from.address", "operator": "is", "value": "a@agents.example.com"}]},
    "actions": [{"type": "block"}],
}


async def _list(client: Client, kind: str = "address") -> str:
    return str((await client.post("/v3/lists", {"name": "Stopped", "type": kind})).data["id"])


async def _items(client: Client, list_id: str, limit: int = 200) -> list[str]:
    values: list[str] = []
    query = f"?limit={limit}"
    while (page := await client.get(f"/v3/lists/{list_id}/items{query}")).data:
        values += [item["value"] for item in page.data]
        query = f"?limit={limit}&page_token={page.body['next_cursor']}"
    return values


async def test_a_rule_is_created_with_its_defaults(world: World) -> None:
    made = await world.client.post("/v3/rules", {**BLOCK, "trigger": "inbound"})
    now = int(world.clock.now())

    assert made.status == 201
    assert {
        "id": made.data["id"],
        "name": "Stopped accounts",
        "priority": 10,
        "enabled": True,
        "trigger": "inbound",
        "match": {
            "operator": "all",
            "conditions": [{"field": "from.address", "operator": "is", "value": "a@agents.example.com"}],
        },
        "actions": [{"type": "block"}],
        "application_id": "app-1",
        "organization_id": world.application.surroundings.organization_id,
        "created_at": now,
        "updated_at": now,
    } == made.data


def _with(condition: dict[str, object], **rest: Loose) -> dict[str, object]:
    return {**BLOCK, "match": {"conditions": [condition]}, **rest}


@pytest.mark.parametrize(
    "body",
    [
        {**BLOCK, "name": " "},
        {**BLOCK, "priority": 1001},
        {**BLOCK, "actions": []},
        {**BLOCK, "match": {"conditions": []}},
        {**BLOCK, "actions": [{"type": "block"}, {"type": "archive"}]},
        {**BLOCK, "actions": [{"type": "pause"}]},
        {**BLOCK, "actions": [{"type": "assign_to_folder"}]},
        _with({"field": "recipient.domain", "operator": "is", "value": "x.example"}, trigger="inbound"),
        _with({"field": "outbound.type", "operator": "in_list", "value": ["x"]}),
        _with({"field": "outbound.type", "operator": "contains", "value": "compose"}),
        _with({"field": "outbound.type", "operator": "is", "value": "forward"}),
        _with({"field": "from.address", "operator": "in_list", "value": "not-an-array"}),
        _with({"field": "from.address", "operator": "is", "value": ["an-array"]}),
    ],
)
async def test_a_rule_that_is_not_valid_is_refused(client: Client, body: dict[str, object]) -> None:
    assert (await client.post("/v3/rules", body)).error[:2] == (400, "invalid_request_error")


async def test_a_body_that_is_not_json_is_refused_with_the_documented_words(client: Client) -> None:
    answer = await client.call("POST", "/v3/rules", data=b"{")

    assert answer.error == (400, "invalid_request_error", "error parsing request body")


async def test_a_rule_is_changed_in_part_and_deleted_from_its_workspaces(world: World) -> None:
    rule = (await world.client.post("/v3/rules", BLOCK)).data
    workspace = world.application.workspaces.default.workspace_id
    await world.client.patch(f"/v3/workspaces/{workspace}", {"rule_ids": [rule["id"]]})
    await world.clock.advance(60)
    changed = await world.client.put(f"/v3/rules/{rule['id']}", {"enabled": False, "description": "off"})

    assert {
        **rule,
        "enabled": False,
        "description": "off",
        "updated_at": rule["updated_at"] + 60,
    } == changed.data

    assert (await world.client.delete(f"/v3/rules/{rule['id']}")).status == 200
    assert world.application.workspaces.default.rule_ids == []
    assert (await world.client.get(f"/v3/rules/{rule['id']}")).error == (
        404,
        "not_found_error",
        "requested object not found",
    )


async def test_the_plan_limits_rules_and_lists() -> None:
    async with World.open(plan=FREE, requests_per_second=100) as world:
        rules = [(await world.client.post("/v3/rules", BLOCK)).status for _ in range(6)]
        lists = [(await world.client.post("/v3/lists", {"name": "x", "type": "tld"})).status for _ in range(11)]

    assert rules == [201] * 5 + [400]
    assert lists == [201] * 10 + [400]


async def test_the_cursor_stands_on_every_page_until_an_empty_one(client: Client) -> None:
    for number in range(3):
        await client.post("/v3/rules", {**BLOCK, "name": str(number)})
    first = await client.get("/v3/rules?limit=2")
    second = await client.get(f"/v3/rules?limit=2&page_token={first.body['next_cursor']}")
    third = await client.get(f"/v3/rules?limit=2&page_token={second.body['next_cursor']}")

    assert [[rule["name"] for rule in page.data] for page in (first, second, third)] == [["0", "1"], ["2"], []]
    assert "next_cursor" not in third.body


async def test_a_page_token_that_is_none_of_ours_is_refused(client: Client) -> None:
    assert [(await client.get(f"/v3/rules?page_token={token}")).status for token in ("%C3%A9", "YmVmb3JlOjE=")] == [
        400,
        400,
    ]


async def test_the_nested_shape_of_the_rules_list_can_be_chosen() -> None:
    async with World.open(rules_envelope=ListEnvelope.NESTED) as world:
        empty = await world.client.get("/v3/rules")
        await world.client.post("/v3/rules", BLOCK)
        full = await world.client.get("/v3/rules")

    assert empty.data == {"items": None}
    assert (sorted(full.data), len(full.data["items"])) == (["items", "next_cursor"], 1)


async def test_items_are_normalized_and_repetitions_ignored(client: Client) -> None:
    list_id = await _list(client)
    added = await client.post(
        f"/v3/lists/{list_id}/items", {"items": [" A@x.example ", "a@x.example", "b@x.example", "c@x.example"]}
    )
    again = await client.post(f"/v3/lists/{list_id}/items", {"items": ["B@X.example"]})
    removed = await client.delete(f"/v3/lists/{list_id}/items", {"items": ["unknown@x.example", " B@x.example"]})

    assert [answer.data["items_count"] for answer in (added, again, removed)] == [3, 3, 2]
    assert await _items(client, list_id, limit=1) == ["a@x.example", "c@x.example"]


async def test_a_request_takes_1000_items_of_500_characters(client: Client) -> None:
    path = f"/v3/lists/{await _list(client)}/items"
    thousand = [f"a{number}@x.example" for number in range(1000)]

    assert (await client.post(path, {"items": thousand})).data["items_count"] == 1000
    assert (await client.post(path, {"items": [*thousand, "one@x.example"]})).status == 400
    assert (await client.delete(path, {"items": [*thousand, "one@x.example"]})).status == 400
    assert (await client.post(path, {"items": ["a" * 490 + "@x.example.com"]})).status == 400


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("address", "a@x.example", "x.example"),
        ("domain", "x.example", "a@x.example"),
        ("tld", "example", "x.example"),
    ],
)
async def test_items_fit_the_type_of_their_list(client: Client, kind: str, good: str, bad: str) -> None:
    path = f"/v3/lists/{await _list(client, kind)}/items"

    assert [(await client.post(path, {"items": [item]})).status for item in (good, bad)] == [200, 400]


async def test_paging_loses_nothing_when_items_are_removed_meanwhile(client: Client) -> None:
    list_id = await _list(client)
    path = f"/v3/lists/{list_id}/items"
    await client.post(path, {"items": [f"a{number}@x.example" for number in range(6)]})
    first = await client.get(f"{path}?limit=3")
    await client.delete(path, {"items": ["a0@x.example", "a2@x.example"]})
    second = await client.get(f"{path}?limit=3&page_token={first.body['next_cursor']}")

    assert [item["value"] for item in second.data] == ["a3@x.example", "a4@x.example", "a5@x.example"]


async def test_a_list_keeps_its_type_and_takes_a_name(client: Client) -> None:
    path = f"/v3/lists/{await _list(client)}"

    assert [
        (await client.put(path, body)).status for body in ({"name": "New"}, {"type": "tld"}, {"type": "address"})
    ] == [200, 400, 200]
    assert [found["name"] for found in (await client.get("/v3/lists")).data] == ["New"]
    assert ((await client.delete(path)).status, (await client.get(path)).status) == (200, 404)


async def test_a_policy_answers_with_the_values_in_force(client: Client) -> None:
    made = await client.post("/v3/policies", {"name": "Strict", "limits": {"limit_count_daily_email_sent": 40}})
    changed = await client.put(
        f"/v3/policies/{made.data['id']}",
        {"limits": {"limit_inbox_retention_period": 90}, "spam_detection": {"spam_sensitivity": 2.0}},
    )

    assert made.status == 200
    assert (
        made.data["limits"]["limit_count_daily_email_sent"],
        made.data["limits"]["limit_inbox_retention_period"],
        made.data["spam_detection"]["spam_sensitivity"],
    ) == (40, 365, 1.0)
    assert (
        changed.data["limits"]["limit_count_daily_email_sent"],
        changed.data["limits"]["limit_inbox_retention_period"],
        changed.data["spam_detection"]["spam_sensitivity"],
    ) == (40, 90, 2.0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x", "limits": {"limit_count_daily_message_per_grant": 5}},
        {"name": "x", "limits": {"limit_inbox_retention_period": 366}},
        {"name": "x", "limits": {"limit_inbox_retention_period": -1}},
        {"name": "x", "limits": {"limit_count_daily_email_sent": -2}},
        {"name": "x", "limits": {"limit_inbox_retention_period": 10, "limit_spam_retention_period": 10}},
        {"name": "x", "spam_detection": {"spam_sensitivity": 5.1}},
    ],
)
async def test_a_policy_beyond_the_plan_is_refused(client: Client, body: dict[str, object]) -> None:
    assert (await client.post("/v3/policies", body)).error[:2] == (400, "invalid_request_error")


async def test_a_limit_that_is_dropped_is_answered_as_the_plans_maximum() -> None:
    async with World.open(dropped_limits=frozenset({"limit_count_daily_email_sent"})) as world:
        made = await world.client.post("/v3/policies", {"name": "x", "limits": {"limit_count_daily_email_sent": 5}})

    assert made.data["limits"]["limit_count_daily_email_sent"] == -1
