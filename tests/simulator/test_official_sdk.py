"""The platform's official client library cannot tell the simulated platform from the real one.

What it sends is its own: this is the outside witness that the simulated platform was not built for Breaker's client.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import nylas
import pytest
from nylas.models.errors import NylasApiError

from breaker.simulator.options import ListEnvelope
from tests.simulator.client import Receiver, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from tests.simulator.client import Loose

    Result = TypeVar("Result")


class Sdk:
    """The library on a thread of its own, as it blocks."""

    def __init__(self, world: World) -> None:
        self.client = nylas.Client("key-1", world.base_url)

    async def __call__(self, call: Callable[[Loose], Result]) -> Result:
        return await asyncio.to_thread(call, self.client)


@pytest.fixture
def sdk(world: World) -> Sdk:
    return Sdk(world)


def _calls(world: World) -> list[tuple[str, str, Loose]]:
    """Return what the library sent: method, path and body."""
    return [
        (call.method, call.path, msgspec.json.decode(call.body) if call.body else None)
        for call in world.platform.journal
    ]


async def test_grants(world: World, sdk: Sdk) -> None:
    first = world.application.add_grant("a@agents.example.com")
    world.application.add_grant("b@agents.example.com")
    listed = await sdk(lambda client: client.grants.list(query_params={"limit": 1, "provider": "nylas"}))
    found = await sdk(lambda client: client.grants.find(first.id))
    await sdk(lambda client: client.grants.destroy(first.id))

    assert ([first.email], 1) == ([found.data.email], len(listed.data))
    with pytest.raises(NylasApiError) as refused:
        await sdk(lambda client: client.grants.find(first.id))
    assert (refused.value.status_code, refused.value.type) == (404, "grant.not_found_error")


async def test_an_account_is_connected(world: World, sdk: Sdk) -> None:
    made = await sdk(
        lambda client: client.auth.custom_authentication(
            {"provider": "nylas", "settings": {"email": "a@agents.example.com"}}
        )
    )

    assert [grant.email for grant in world.application.grants] == ["a@agents.example.com"]
    assert made.data.id == next(iter(world.application.grants)).id


async def test_workspaces() -> None:
    async with World.open(missing_domain="") as world:  # the library warns of a null
        await _workspaces(world, Sdk(world))


async def _workspaces(world: World, sdk: Sdk) -> None:
    grant = world.application.add_grant("a@agents.example.com")
    made = (await sdk(lambda client: client.workspaces.create({"name": "Home"}))).data
    changed = await sdk(lambda client: client.workspaces.update(made.workspace_id, {"rule_ids": []}))
    listed = await sdk(lambda client: client.workspaces.list())
    assigned = await sdk(
        lambda client: client.workspaces.manual_assign(made.workspace_id, {"assign_grants": [grant.id]})
    )
    await sdk(lambda client: client.workspaces.destroy(made.workspace_id))

    assert (made.name, changed.data.rule_ids, len(listed.data)) == ("Home", [], 2)
    assert [grant.id] == assigned.data.grants_assigned
    assert world.application.workspaces.default.workspace_id == grant.workspace_id
    assert ("PATCH", f"/v3/workspaces/{made.workspace_id}", {"rule_ids": []}) in _calls(world)


RULE = {
    "name": "Stop",
    "trigger": "outbound",
    "match": {"conditions": [{"field": "from.domain", "operator": "is", "value": "x.example"}]},
    "actions": [{"type": "block"}],
}


@pytest.mark.parametrize("envelope", list(ListEnvelope))
async def test_rules(envelope: ListEnvelope) -> None:
    async with World.open(rules_envelope=envelope) as world:
        sdk = Sdk(world)
        made = (await sdk(lambda client: client.rules.create(RULE))).data
        changed = await sdk(lambda client: client.rules.update(made.id, {"enabled": False}))
        found = await sdk(lambda client: client.rules.find(made.id))
        if envelope is ListEnvelope.FLAT:
            listed = await sdk(lambda client: client.rules.list(query_params={"limit": 10}))

            assert [made.id] == [rule.id for rule in listed.data]
        await sdk(lambda client: client.rules.destroy(made.id))

    assert (made.trigger, made.priority, changed.data.enabled) == ("outbound", 10, False)
    assert changed.data == found.data


async def test_lists_and_their_items(world: World, sdk: Sdk) -> None:
    made = (await sdk(lambda client: client.lists.create({"name": "Stopped", "type": "address"}))).data
    added = await sdk(lambda client: client.lists.add_items(made.id, {"items": ["A@x.example", "b@x.example"]}))
    items = await sdk(lambda client: client.lists.list_items(made.id))
    removed = await sdk(lambda client: client.lists.remove_items(made.id, {"items": ["b@x.example"]}))
    await sdk(lambda client: client.lists.update(made.id, {"name": "Renamed"}))

    assert (added.data.items_count, removed.data.items_count) == (2, 1)
    assert [item.value for item in items.data] == ["a@x.example", "b@x.example"]
    assert ("DELETE", f"/v3/lists/{made.id}/items", {"items": ["b@x.example"]}) in _calls(world)
    assert (await sdk(lambda client: client.lists.find(made.id))).data.name == "Renamed"


async def test_policies(sdk: Sdk) -> None:
    made = (await sdk(lambda client: client.policies.create({"name": "Baseline"}))).data
    changed = await sdk(
        lambda client: client.policies.update(made.id, {"limits": {"limit_inbox_retention_period": 90}})
    )

    assert (made.limits.limit_inbox_retention_period, changed.data.limits.limit_inbox_retention_period) == (365, 90)


async def test_rule_evaluations_of_a_blocked_send() -> None:
    async with World.open(missing_domain="") as world:
        await _rule_evaluations(world, Sdk(world))


async def _rule_evaluations(world: World, sdk: Sdk) -> None:
    grant = world.application.add_grant("a@x.example")
    rule = (await sdk(lambda client: client.rules.create(RULE))).data
    default = world.application.workspaces.default.workspace_id
    await sdk(lambda client: client.workspaces.update(default, {"rule_ids": [rule.id]}))
    with pytest.raises(NylasApiError) as refused:
        await sdk(lambda client: client.messages.send(grant.id, {"to": [{"email": "a@y.example"}], "subject": "x"}))
    evaluations = await sdk(lambda client: client.rules.list_evaluations(grant.id))

    assert refused.value.status_code == 403
    assert [[rule.id]] == [evaluation.matched_rule_ids for evaluation in evaluations.data]


async def test_messages_and_drafts(world: World, sdk: Sdk) -> None:
    grant = world.application.add_grant("a@agents.example.com")
    sent = await sdk(
        lambda client: client.messages.send(
            grant.id, {"to": [{"email": "a@y.example"}], "subject": "Hello", "body": "Hi"}
        )
    )
    large = await sdk(
        lambda client: client.messages.send(
            grant.id,
            {
                "to": [{"email": "a@y.example"}],
                "subject": "Large",
                "attachments": [
                    {
                        "filename": "a.bin",
                        "content_type": "application/octet-stream",
                        "content": b"x" * 4_000_000,
                        "size": 4_000_000,
                    }
                ],
            },
        )
    )
    draft = (
        await sdk(lambda client: client.drafts.create(grant.id, {"to": [{"email": "b@y.example"}], "subject": "Later"}))
    ).data
    drafts = await sdk(lambda client: client.drafts.list(grant.id))
    out = await sdk(lambda client: client.drafts.send(grant.id, draft.id))

    assert (grant.id, "Hello", "Large") == (sent.data.grant_id, sent.data.subject, large.data.subject)
    assert ([draft.id], "Later") == ([one.id for one in drafts.data], out.data.subject)
    assert len(world.application.messages) == 3


async def test_a_transactional_send(world: World, sdk: Sdk) -> None:
    body = {"from": {"email": "a@agents.example.com"}, "to": [{"email": "a@y.example"}], "subject": "x"}
    sent = await sdk(lambda client: client.transactional_send.send("agents.example.com", body))
    [message] = world.application.messages

    assert (message.id, None) == (sent.data.id, message.grant_id)


async def test_webhooks(world: World, sdk: Sdk, receiver: Receiver) -> None:
    body = {"trigger_types": ["message.send_failed"], "webhook_url": receiver.url, "description": "x"}
    made = (await sdk(lambda client: client.webhooks.create(body))).data
    rotated = (await sdk(lambda client: client.webhooks.rotate_secret(made.id))).data
    listed = await sdk(lambda client: client.webhooks.list())
    changed = await sdk(lambda client: client.webhooks.update(made.id, {"description": "y"}))
    deleted = await sdk(lambda client: client.webhooks.destroy(made.id))

    assert made.webhook_secret != rotated.webhook_secret
    assert ([made.id], "y", "success") == (
        [one.id for one in listed.data],
        changed.data.description,
        deleted.data.status,
    )
    assert ("PUT", f"/v3/webhooks/{made.id}/rotate-secret", None) in [
        (method, path, body or None) for method, path, body in _calls(world)
    ]


async def test_the_library_cannot_read_destinations_of_the_triggers_that_breaker_needs(
    sdk: Sdk, receiver: Receiver
) -> None:
    """The reason why Breaker has a client of its own; when this fails, the library has learnt them."""
    body = {"trigger_types": ["message.bounced"], "webhook_url": receiver.url}
    with pytest.raises(ValueError, match=r"message\.bounced"):
        await sdk(lambda client: client.webhooks.create(body))


async def test_the_application(sdk: Sdk) -> None:
    shown = await sdk(lambda client: client.applications.info())

    assert shown.data.application_id == "app-1"
