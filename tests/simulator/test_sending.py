from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.simulator.errors import ApiError
from breaker.simulator.options import FREE, RuleScope
from tests.simulator.client import Client, Loose, World

if TYPE_CHECKING:
    from breaker.simulator.state.grants import Grant

SENDER = "sales@agents.example.com"


async def _rule(client: Client, *conditions: dict[str, object], operator: str = "all", **rest: Loose) -> str:
    body = {
        "name": "Stop",
        "trigger": "outbound",
        "match": {"operator": operator, "conditions": list(conditions)},
        "actions": [{"type": "block"}],
        **rest,
    }
    answer = await client.post("/v3/rules", body)

    assert answer.status == 201
    return str(answer.data["id"])


async def _attached(world: World, *conditions: dict[str, object], **rest: Loose) -> str:
    rule = await _rule(world.client, *conditions, **rest)
    default = world.application.workspaces.default
    await world.client.patch(f"/v3/workspaces/{default.workspace_id}", {"rule_ids": [*default.rule_ids, rule]})
    return rule


def _is(field: str, value: str, operator: str = "is") -> dict[str, object]:
    return {"field": field, "operator": operator, "value": value}


@pytest.fixture
def grant(world: World) -> Grant:
    return world.application.add_grant(SENDER, name="Sales")


async def test_a_send_is_answered_with_the_message(world: World, grant: Grant) -> None:
    answer = await world.client.send(grant.id, "a@y.example", cc=[{"email": "b@y.example", "name": "B"}])

    assert (200, grant.id) == (answer.status, answer.body["grant_id"])
    assert {
        "id": answer.data["id"],
        "object": "message",
        "thread_id": answer.data["thread_id"],
        "grant_id": grant.id,
        "date": int(world.clock.now()),
        "subject": "Hello",
        "body": "…",
        "from": [{"email": SENDER}],
        "to": [{"email": "a@y.example"}],
        "cc": [{"email": "b@y.example", "name": "B"}],
        "bcc": [],
        "reply_to": [],
        "attachments": [],
    } == answer.data


async def test_an_agent_sends_by_the_same_code_as_the_endpoint(world: World, grant: Grant) -> None:
    await _attached(world, _is("from.address", SENDER))
    with pytest.raises(ApiError) as refused:
        world.application.send(grant.id, ["a@y.example"])

    assert (refused.value.status, refused.value.kind, refused.value.message) == (
        await world.client.send(grant.id, "a@y.example")
    ).error


async def test_an_address_stands_for_its_grant(client: Client, grant: Grant) -> None:
    assert grant.id == (await client.send(SENDER, "a@y.example")).body["grant_id"]


async def test_an_unknown_grant_no_recipient_and_too_many_are_refused(client: Client, grant: Grant) -> None:
    many = [f"a{number}@y.example" for number in range(51)]

    assert (await client.send("unknown", "a@y.example")).error[:2] == (404, "not_found_error")
    assert [(await client.send(grant.id, *recipients)).status for recipients in ((), many, many[:50])] == [
        400,
        400,
        200,
    ]


async def test_an_unverified_domain_is_refused_in_the_platforms_words(world: World, grant: Grant) -> None:
    world.application.domains.clear()

    assert (await world.client.send(grant.id, "a@y.example")).error == (
        400,
        "invalid_request_error",
        "domain is not verified",
    )


async def test_a_blocked_send_is_a_403_and_leaves_a_receipt(world: World, grant: Grant) -> None:
    rule = await _attached(world, _is("from.address", SENDER))
    answer = await world.client.send(grant.id, "A@Y.example")
    receipts = await world.client.get(f"/v3/grants/{grant.id}/rule-evaluations")
    now = int(world.clock.now())

    assert answer.error == (403, "forbidden", "message blocked by an outbound rule")
    assert [
        {
            "id": receipts.data[0]["id"],
            "grant_id": grant.id,
            "message_id": None,
            "evaluated_at": now,
            "evaluation_stage": "outbound_send",
            "evaluation_input": {
                "from_address": SENDER,
                "from_domain": "agents.example.com",
                "from_tld": "com",
                "recipient_addresses": ["a@y.example"],
                "recipient_domains": ["y.example"],
                "recipient_tlds": ["example"],
                "outbound_type": "compose",
            },
            "applied_actions": {"blocked": True},
            "matched_rule_ids": [rule],
            "application_id": "app-1",
            "organization_id": world.application.surroundings.organization_id,
            "created_at": now,
            "updated_at": now,
        }
    ] == receipts.data
    assert len(world.application.messages) == 0


async def test_receipts_come_newest_first_by_pages(world: World, grant: Grant) -> None:
    await _attached(world, _is("recipient.domain", "blocked.example"))
    for recipient in ("first@y.example", "second@blocked.example", "third@y.example"):
        await world.client.send(grant.id, recipient)
    path = f"/v3/grants/{grant.id}/rule-evaluations?limit=2"
    first = await world.client.get(path)
    second = await world.client.get(f"{path}&page_token={first.body['next_cursor']}")
    third = await world.client.get(f"{path}&page_token={second.body['next_cursor']}")
    pages = [
        [(one["evaluation_input"]["recipient_addresses"][0], one["applied_actions"]) for one in page.data]
        for page in (first, second, third)
    ]

    assert pages == [
        [("third@y.example", {}), ("second@blocked.example", {"blocked": True})],
        [("first@y.example", {})],
        [],
    ]


@pytest.mark.parametrize(
    ("condition", "blocked"),
    [
        (_is("from.address", SENDER.upper()), True),
        (_is("from.address", "other@agents.example.com"), False),
        (_is("from.address", SENDER, "is_not"), False),
        (_is("from.domain", "agents.example.com"), True),
        (_is("from.tld", "com"), True),
        (_is("from.domain", "example", "contains"), True),
        (_is("recipient.address", "carbon@z.test"), True),
        (_is("recipient.domain", "y.example"), True),
        (_is("recipient.tld", "test"), True),
        (_is("recipient.domain", "w.example"), False),
        (_is("recipient.domain", "y.example", "is_not"), False),
        (_is("recipient.domain", "w.example", "is_not"), True),
        (_is("outbound.type", "Compose"), True),
        (_is("outbound.type", "reply"), False),
        (_is("outbound.type", "reply", "is_not"), True),
    ],
)
async def test_what_a_condition_matches(
    world: World, grant: Grant, condition: dict[str, object], *, blocked: bool
) -> None:
    await _attached(world, condition)
    answer = await world.client.send(grant.id, "a@y.example", bcc=[{"email": "carbon@z.test"}])

    assert (403 if blocked else 200) == answer.status


async def test_all_conditions_or_any_of_them(world: World, grant: Grant) -> None:
    conditions = _is("from.address", SENDER), _is("recipient.domain", "blocked.example")
    rule = await _attached(world, *conditions)

    assert [(await world.client.send(grant.id, f"a@{d}.example")).status for d in ("y", "blocked")] == [200, 403]

    await world.client.put(f"/v3/rules/{rule}", {"match": {"operator": "any", "conditions": conditions}})

    assert (await world.client.send(grant.id, "a@y.example")).status == 403


async def test_a_list_stops_an_account_at_once_and_lets_it_go_at_once(world: World, grant: Grant) -> None:
    list_id = (await world.client.post("/v3/lists", {"name": "Stopped", "type": "address"})).data["id"]
    await _attached(world, {"field": "from.address", "operator": "in_list", "value": [list_id]})
    statuses = [(await world.client.send(grant.id, "a@y.example")).status]
    await world.client.post(f"/v3/lists/{list_id}/items", {"items": [SENDER]})
    statuses.append((await world.client.send(grant.id, "a@y.example")).status)
    await world.client.delete(f"/v3/lists/{list_id}/items", {"items": [SENDER]})
    statuses.append((await world.client.send(grant.id, "a@y.example")).status)
    await world.client.post(f"/v3/lists/{list_id}/items", {"items": [SENDER]})
    await world.client.delete(f"/v3/lists/{list_id}")
    statuses.append((await world.client.send(grant.id, "a@y.example")).status)

    assert statuses == [200, 403, 200, 200]


async def test_replies_pass_a_rule_that_stops_only_new_mail(world: World, grant: Grant) -> None:
    await _attached(world, _is("outbound.type", "compose"))
    headers = [{"name": "In-Reply-To", "value": "<x@y.example>"}]

    assert [
        (await world.client.send(grant.id, "a@y.example", **rest)).status
        for rest in ({}, {"reply_to_message_id": "x"}, {"custom_headers": headers})
    ] == [403, 200, 200]


async def test_by_priority_the_first_blocking_rule_ends_the_run(world: World, grant: Grant) -> None:
    late = await _attached(world, _is("from.address", SENDER), priority=20)
    archive = await _attached(world, _is("from.address", SENDER), priority=1, actions=[{"type": "archive"}])
    first = await _attached(world, _is("from.address", SENDER), priority=5)
    await world.client.send(grant.id, "a@y.example")
    receipt = (await world.client.get(f"/v3/grants/{grant.id}/rule-evaluations")).data[0]

    assert [archive, first] == receipt["matched_rule_ids"]
    assert late not in receipt["matched_rule_ids"]


async def test_disabled_and_inbound_rules_stop_no_send(world: World, grant: Grant) -> None:
    await _attached(world, _is("from.address", SENDER), enabled=False)
    await _attached(world, _is("from.address", SENDER), trigger="inbound")

    assert (await world.client.send(grant.id, "a@y.example")).status == 200


@pytest.mark.parametrize(("scope", "status"), [(RuleScope.WORKSPACE, 200), (RuleScope.APPLICATION, 403)])
async def test_both_readings_of_an_unattached_rule(scope: RuleScope, status: int) -> None:
    async with World.open(rule_scope=scope) as world:
        grant = world.application.add_grant(SENDER)
        await _rule(world.client, _is("from.address", SENDER))

        assert status == (await world.client.send(grant.id, "a@y.example")).status


async def test_a_moved_account_is_under_its_new_workspaces_rules_at_once(world: World, grant: Grant) -> None:
    quarantine = world.application.add_workspace("Quarantine").workspace_id
    rule = await _rule(world.client, _is("from.domain", "agents.example.com"))
    await world.client.patch(f"/v3/workspaces/{quarantine}", {"rule_ids": [rule]})
    statuses = [(await world.client.send(grant.id, "a@y.example")).status]
    await world.client.patch(f"/v3/grants/{grant.id}", {"workspace_id": quarantine})
    statuses.append((await world.client.send(grant.id, "a@y.example")).status)

    assert statuses == [200, 403]


async def test_rules_that_cannot_be_evaluated_fail_closed(world: World, grant: Grant) -> None:
    await _attached(world, _is("from.address", "nobody@agents.example.com"))
    world.application.standing.evaluation_fails = True
    answer = await world.client.send(grant.id, "a@y.example")
    receipt = (await world.client.get(f"/v3/grants/{grant.id}/rule-evaluations")).data[0]

    assert answer.status == 503
    assert receipt["applied_actions"] == {"blocked": True, "blocked_by_evaluation_error": True}


async def test_a_paused_account_is_a_400_that_does_not_end_by_itself(world: World, grant: Grant) -> None:
    world.application.standing.paused.add(grant.id)
    answer = await world.client.send(grant.id, "a@y.example")
    await world.clock.advance(30 * 86_400)
    later = await world.client.send(grant.id, "a@y.example")

    assert [answer.status, later.status] == [400, 400]
    assert "suspended" in answer.error[2]


@pytest.mark.parametrize(
    ("scope", "name"),
    [("sender", SENDER), ("domain", "example.com"), ("application", "app-1")],
)
async def test_an_abuse_restriction_is_a_403_in_the_platforms_words(
    world: World, grant: Grant, scope: Loose, name: str
) -> None:
    world.application.standing.restrictions.add((scope, name))

    assert (await world.client.send(grant.id, "a@y.example")).error == (
        403,
        "forbidden",
        "send blocked by abuse restriction",
    )


async def test_the_daily_quota_is_the_plans_or_the_policys_and_ends_at_midnight_utc() -> None:
    async with World.open(plan=FREE) as world:
        grant = world.application.add_grant(SENDER)
        policy = await world.client.post("/v3/policies", {"name": "x", "limits": {"limit_count_daily_email_sent": 2}})
        default = world.application.workspaces.default.workspace_id
        await world.client.patch(f"/v3/workspaces/{default}", {"policy_id": policy.data["id"]})
        today = [(await world.client.send(grant.id, "a@y.example")).status for _ in range(3)]
        await world.clock.advance(86_400)
        tomorrow = await world.client.send(grant.id, "a@y.example")

    assert today == [200, 200, 429]
    assert tomorrow.status == 200


async def test_a_transactional_send_needs_no_grant_but_an_address_of_the_domain(client: Client) -> None:
    path = "/v3/domains/agents.example.com/messages/send"
    body = {"to": [{"email": "a@y.example"}], "subject": "Hi"}
    sent = await client.post(path, {**body, "from": {"email": SENDER, "name": "Sales"}})
    foreign = await client.post(path, {**body, "from": {"email": "a@elsewhere.example"}})

    assert (sent.status, sent.data["from"], sent.data["grant_id"]) == (200, [{"email": SENDER}], "")
    assert foreign.status == 400
