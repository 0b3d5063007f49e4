"""The client against the simulated platform: what it reads and changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from breaker.ports import (
    Condition,
    Evaluation,
    Grant,
    Rule,
    RuleContent,
    TryAgainError,
    ValueList,
    Webhook,
    Workspace,
)
from breaker.simulator.errors import ApiError
from breaker.simulator.faults import FaultKind
from breaker.simulator.options import ListEnvelope, SimulationOptions
from tests.simulated import APPLICATION, simulated
from tests.simulator.client import Receiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.simulated import Simulated


@pytest.fixture
async def world() -> AsyncIterator[Simulated]:
    async with simulated() as running:
        yield running


def blocking(list_id: str, *, enabled: bool = True) -> RuleContent:
    return RuleContent(
        trigger="outbound",
        conditions=(Condition("from.address", "in_list", (list_id,)),),
        actions=("block",),
        priority=0,
        enabled=enabled,
    )


async def test_the_key_tells_its_application(world: Simulated) -> None:
    assert await world.client.application_id() == APPLICATION


async def test_where_the_application_cannot_be_read_its_workspaces_name_it(world: Simulated) -> None:
    world.fault(FaultKind.STATUS, path="/v3/applications", status=404)

    assert await world.client.application_id() == APPLICATION


async def test_a_grant_is_read_and_found_by_address_and_by_workspace(world: Simulated) -> None:
    sales = world.application.add_workspace("Sales")
    made = world.application.add_grant("Agent@x.example", workspace_id=sales.workspace_id)
    world.application.add_grant("other@x.example")
    expected = Grant(made.id, "agent@x.example", "nylas", sales.workspace_id)

    assert await world.client.grant(made.id) == expected
    assert [one async for one in world.client.grants(address="agent@x.example")] == [expected]
    assert [one async for one in world.client.grants(workspace_id=sales.workspace_id)] == [expected]


async def test_grants_are_read_to_the_last_page(world: Simulated) -> None:
    made = [world.application.add_grant(f"agent{number}@x.example").id for number in range(401)]

    assert [one.id async for one in world.client.grants()] == made


async def test_a_move_sends_the_workspace_and_nothing_else(world: Simulated) -> None:
    sales = world.application.add_workspace("Sales")
    grant = world.application.add_grant("agent@x.example")

    await world.client.move_grant(grant.id, sales.workspace_id)

    assert (await world.client.grant(grant.id)).workspace_id == sales.workspace_id
    assert world.platform.journal.changing()[-1].body == f'{{"workspace_id":"{sales.workspace_id}"}}'.encode()


async def test_a_workspace_is_made_changed_and_deleted(world: Simulated) -> None:
    blocked = await world.client.create_list("Blocked", "address")
    rule = await world.client.create_rule("Block", blocking(blocked.id))
    made = await world.client.create_workspace("Quarantine", None, [rule.id])
    await world.client.change_workspace(Workspace(made.id, "Renamed"))
    changed = await world.client.workspaces()
    await world.client.delete_workspace(made.id)

    assert made == Workspace(made.id, "Quarantine", rule_ids=(rule.id,))
    assert Workspace(made.id, "Renamed") in changed
    assert [one.default for one in await world.client.workspaces()] == [True]


async def test_a_rule_is_attached_beside_others_and_detached_from_among_them(world: Simulated) -> None:
    blocked = await world.client.create_list("Blocked", "address")
    theirs, ours = [await world.client.create_rule(name, blocking(blocked.id)) for name in ("theirs", "ours")]
    default = world.application.workspaces.default
    default.rule_ids = [theirs.id]

    await world.client.attach_rules(default.workspace_id, [ours.id])
    attached = list(default.rule_ids)
    await world.client.attach_rules(default.workspace_id, [ours.id])
    changes = world.changing_calls().count(("PATCH", f"/v3/workspaces/{default.workspace_id}"))
    await world.client.detach_rules(default.workspace_id, [ours.id])

    assert attached == [theirs.id, ours.id]
    assert changes == 1
    assert default.rule_ids == [theirs.id]


async def test_a_rule_that_does_not_stay_attached_is_tried_again_later(world: Simulated) -> None:
    blocked = await world.client.create_list("Blocked", "address")
    rule = await world.client.create_rule("Block", blocking(blocked.id))
    world.fault(FaultKind.STALE, path="/v3/workspaces")

    with pytest.raises(TryAgainError):
        await world.client.attach_rules(world.application.workspaces.default.workspace_id, [rule.id])


async def test_the_values_of_a_list_are_read_to_the_empty_page(world: Simulated) -> None:
    made = await world.client.create_list("Blocked", "address")
    values = [f"agent{number}@x.example" for number in range(400)]

    await world.client.add_values(made.id, values)
    await world.client.remove_values(made.id, ["Agent7@x.example", "nobody@x.example"])

    assert [one async for one in world.client.values(made.id)] == [one for one in values if one != "agent7@x.example"]
    assert await world.client.lists() == [ValueList(made.id, "Blocked", "address", 399)]


async def test_a_list_is_renamed_and_deleted(world: Simulated) -> None:
    made = await world.client.create_list("Blocked", "domain")
    await world.client.rename_list(made.id, "Stopped")
    renamed = await world.client.lists()
    await world.client.delete_list(made.id)

    assert renamed == [ValueList(made.id, "Stopped", "domain", 0)]
    assert await world.client.lists() == []


@pytest.mark.parametrize("envelope", list(ListEnvelope))
async def test_rules_are_read_in_either_envelope(envelope: ListEnvelope) -> None:
    async with simulated(SimulationOptions(rules_envelope=envelope)) as world:
        none = await world.client.rules()
        made = await world.client.create_rule("Block", blocking("list-1"))
        await world.client.change_rule(Rule(made.id, "Blocks", blocking("list-1", enabled=False)))

        assert none == []
        assert await world.client.rules() == [Rule(made.id, "Blocks", blocking("list-1", enabled=False))]
        await world.client.delete_rule(made.id)
        assert await world.client.rules() == []


async def test_the_receipt_of_a_blocked_send_is_read(world: Simulated) -> None:
    grant = world.application.add_grant("agent@x.example")
    blocked = await world.client.create_list("Blocked", "address")
    rule = await world.client.create_rule("Block", blocking(blocked.id))
    await world.client.attach_rules(world.application.workspaces.default.workspace_id, [rule.id])
    await world.client.add_values(blocked.id, ["agent@x.example"])
    with pytest.raises(ApiError):
        world.application.send(grant.id, ["someone@y.example"])

    (receipt,) = await world.client.evaluations(grant.id, 5)

    assert receipt == Evaluation(
        id=receipt.id,
        message_id=receipt.message_id,
        evaluated_at=receipt.evaluated_at,
        stage="outbound_send",
        blocked=True,
        failed=False,
        rule_ids=(rule.id,),
    )


async def test_a_webhook_shows_its_secret_only_when_it_is_made_and_rotated(world: Simulated) -> None:
    async with Receiver() as receiver:
        made = await world.client.create_webhook(receiver.url, ["message.bounced", "grant.deleted"], "Breaker")
        shown = await world.client.webhooks()
        await world.client.change_webhook(replace(made, triggers=frozenset({"message.bounced"})))
        rotated = await world.client.rotate_secret(made.id)
        changed = await world.client.webhooks()
        await world.client.delete_webhook(made.id)

    triggers = frozenset({"message.bounced", "grant.deleted"})
    expected = Webhook(made.id, receiver.url, triggers, description="Breaker")
    moments = {one.status_at for one in (made, *shown, *changed)}
    assert None not in moments
    assert replace(made, status_at=None) == replace(expected, secret=made.secret)
    assert [replace(one, status_at=None) for one in shown] == [expected]
    fewer = replace(expected, triggers=frozenset({"message.bounced"}))
    assert [replace(one, status_at=None) for one in changed] == [fewer]
    assert rotated.secret not in {None, made.secret}
    assert await world.client.webhooks() == []


async def test_a_secret_is_rotated_by_the_other_route_where_the_first_is_not_there(world: Simulated) -> None:
    async with Receiver() as receiver:
        made = await world.client.create_webhook(receiver.url, ["message.bounced"], "Breaker")
        world.fault(FaultKind.STATUS, method="POST", path="/v3/webhooks/rotate-secret", status=404)
        rotated = await world.client.rotate_secret(made.id)

    assert rotated.secret == next(iter(world.application.destinations)).secret


def test_no_secret_is_shown_by_what_holds_one() -> None:
    assert "secret" not in repr(Webhook("id", "https://x.example", frozenset(), secret="hush"))


async def test_one_read_of_the_send_events_tells_whether_anything_was_delivered(world: Simulated) -> None:
    grant = world.application.add_grant("agent@agents.example.com")
    message = world.application.send(grant.id, ["somebody@example.org", "anybody@example.org"])
    world.application.deliver(message, ["somebody@example.org"])
    world.application.bounce(message, ["anybody@example.org"])
    now = world.platform.clock.now()

    assert await world.client.delivered_within(now - 60, now + 60)
    assert not await world.client.delivered_within(now - 7_200, now - 3_600)
    assert not await world.client.delivered_within(now + 3_600, now + 7_200)
