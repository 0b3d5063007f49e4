from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.simulator.client import DELIVERY, Receiver, World
from tests.simulator.openapi import OpenApi

if TYPE_CHECKING:
    from tests.simulator.client import Client, Loose

_FILE = os.environ.get("NYLAS_OPENAPI")
pytestmark = pytest.mark.skipif(not _FILE, reason="NYLAS_OPENAPI names no file: set it to the platform's OpenAPI file")

#: Operations of the file that are not simulated: channels that Breaker does not read yet.
_NOT_SIMULATED = {(method, f"/v3/channels/{kind}") for method in ("GET", "POST") for kind in ("pubsub", "sns")}

#: Answers that other sources name and the file does not.
_ANSWERS_OF_OTHER_SOURCES = {
    ("POST", "/v3/grants/{grant_id}/messages/send", 404),
    ("POST", "/v3/grants/{grant_id}/messages/send", 401),
    ("POST", "/v3/grants/{grant_id}/messages/send", 503),  # SKILL: rules that cannot be evaluated fail closed
}


@dataclass
class Walk:
    """Calls operations and holds every answer against the file."""

    client: Client
    openapi: OpenApi
    errors: list[str] = field(default_factory=list)
    walked: set[tuple[str, str]] = field(default_factory=set)

    async def __call__(self, method: str, template: str, body: Loose = None, query: str = "", **names: Loose) -> Loose:
        headers = {name: names.pop(name) for name in ("api_key",) if name in names}
        path = template.format(**names) + query
        answer = await self.client.call(method, path, body, **headers)
        self.walked.add((method, template))
        if (method, template, answer.status) not in _ANSWERS_OF_OTHER_SOURCES:
            self.errors += self.openapi.errors(method, template, answer.status, answer.body)
        return answer.body.get("data")


@pytest.fixture
def openapi() -> OpenApi:
    assert _FILE
    return OpenApi(Path(_FILE))


async def _grants_and_workspaces(walk: Walk, world: World) -> str:
    workspace = await walk("POST", "/v3/workspaces", {"name": "Home"})
    grant = await walk(
        "POST",
        "/v3/connect/custom",
        {"provider": "nylas", "name": "A", "settings": {"email": "a@agents.example.com"}},
    )
    await walk("POST", "/v3/connect/custom", {"provider": "nylas", "settings": {"email": "nobody"}})
    await walk("GET", "/v3/grants", query="?limit=5&order_by=asc")
    await walk("GET", "/v3/grants/{grantId}", grantId=grant["id"])
    await walk("PATCH", "/v3/grants/{grantId}", {"workspace_id": workspace["workspace_id"]}, grantId=grant["id"])
    await walk("PATCH", "/v3/grants/{grantId}", {"workspace_id": "none"}, grantId=grant["id"])
    for method in ("GET", "PATCH", "DELETE"):
        await walk(method, "/v3/grants/{grantId}", {}, grantId="unknown")
        await walk(method, "/v3/grants/{grantId}", {}, grantId="unknown", api_key="wrong")
    await walk("POST", "/v3/workspaces", {})
    await walk("GET", "/v3/workspaces")
    path = "/v3/workspaces/{workspace_id}"
    await walk("GET", path, workspace_id=workspace["workspace_id"])
    await walk("PATCH", path, {"name": "Renamed"}, workspace_id=workspace["workspace_id"])
    await walk("PATCH", path, {"rule_ids": ["foreign"]}, workspace_id=workspace["workspace_id"])
    default = world.application.workspaces.default.workspace_id
    for workspace_id in (default, "unknown"):
        await walk("DELETE", path, workspace_id=workspace_id)
    assign = "/v3/workspaces/{workspace_id}/manual-assign"
    await walk("POST", assign, {"assign_grants": [grant["id"]]}, workspace_id=workspace["workspace_id"])
    await walk("POST", assign, {"remove_grants": ["unknown"]}, workspace_id=workspace["workspace_id"])
    await walk("POST", "/v3/workspaces/auto-group", {})
    await walk("DELETE", path, workspace_id=workspace["workspace_id"])
    return str(grant["id"])


async def _rules_lists_and_policies(walk: Walk, world: World, grant_id: str) -> None:
    found = await walk("POST", "/v3/lists", {"name": "Stopped", "type": "address", "description": "x"})
    rule = await walk(
        "POST",
        "/v3/rules",
        {
            "name": "Stop",
            "description": "x",
            "trigger": "outbound",
            "match": {
                "operator": "any",
                "conditions": [{"field": "from.address", "operator": "in_list", "value": [found["id"]]}],
            },
            "actions": [{"type": "block"}],
        },
    )
    policy = await walk("POST", "/v3/policies", {"name": "Baseline"})
    items = "/v3/lists/{list_id}/items"
    await walk("POST", items, {"items": ["a@agents.example.com"]}, list_id=found["id"])
    await walk("POST", items, {"items": ["not an address"]}, list_id=found["id"])
    await walk("GET", items, list_id=found["id"])
    default = world.application.workspaces.default.workspace_id
    change = {"rule_ids": [rule["id"]], "policy_id": policy["id"]}
    await walk("PATCH", "/v3/workspaces/{workspace_id}", change, workspace_id=default)
    await world.client.patch(f"/v3/grants/{grant_id}", {"workspace_id": default})
    await walk("POST", "/v3/grants/{grant_id}/messages/send", {"to": [{"email": "a@y.example"}]}, grant_id=grant_id)
    await walk("GET", "/v3/grants/{grant_id}/rule-evaluations", grant_id=grant_id)
    await walk("DELETE", items, {"items": ["a@agents.example.com"]}, list_id=found["id"])
    for collection, name, made in (
        ("rules", "rule_id", rule),
        ("policies", "policy_id", policy),
        ("lists", "list_id", found),
    ):
        await walk("GET", f"/v3/{collection}")
        await walk("GET", f"/v3/{collection}", query="?limit=201")
        await walk("POST", f"/v3/{collection}", {})
        await walk("POST", f"/v3/{collection}", {}, api_key="wrong")
        for identifier in (made["id"], "unknown"):
            for method, body in (("GET", None), ("PUT", {"name": "Renamed"}), ("DELETE", None)):
                await walk(method, f"/v3/{collection}/{{{name}}}", body, **{name: identifier})
    await walk("GET", "/v3/grants/{grant_id}/rule-evaluations", grant_id="unknown")


async def _mail(walk: Walk, world: World, grant_id: str) -> None:
    send = "/v3/grants/{grant_id}/messages/send"
    body = {"to": [{"email": "a@y.example", "name": "A"}], "subject": "x", "body": "y"}
    await walk("POST", send, {**body, "cc": [{"email": "b@y.example"}]}, grant_id=grant_id)
    await walk("POST", send, {**body, "send_at": int(world.clock.now()) + 60}, grant_id=grant_id)
    await walk("POST", send, {"to": []}, grant_id=grant_id)
    world.application.standing.restrictions.add(("grant", grant_id))
    await walk("POST", send, body, grant_id=grant_id)
    world.application.standing.restrictions.clear()
    await walk("POST", send, body, grant_id="unknown")
    drafts = "/v3/grants/{grant_id}/drafts"
    draft = await walk("POST", drafts, body, grant_id=grant_id)
    await walk("GET", drafts, grant_id=grant_id)
    for draft_id in (draft["id"], "unknown"):
        await walk("GET", drafts + "/{draft_id}", grant_id=grant_id, draft_id=draft_id)
        await walk("PUT", drafts + "/{draft_id}", body, grant_id=grant_id, draft_id=draft_id)
    await walk("POST", drafts + "/{draft_id}", grant_id=grant_id, draft_id=draft["id"])
    await walk("DELETE", drafts + "/{draft_id}", grant_id=grant_id, draft_id=draft["id"])
    domain = "/v3/domains/{domain_name}/messages/send"
    sender = {"email": "a@agents.example.com"}
    await walk("POST", domain, {**body, "from": sender}, domain_name="agents.example.com")
    await walk("POST", domain, {**body, "from": sender}, domain_name="other.example")


async def _webhooks(walk: Walk, receiver: Receiver) -> None:
    body = {"trigger_types": DELIVERY, "webhook_url": receiver.url, "description": "x"}
    made = await walk("POST", "/v3/webhooks", body)
    await walk("POST", "/v3/webhooks", {**body, "webhook_url": receiver.url + "/nothing"})
    await walk("GET", "/v3/webhooks")
    for identifier in (made["id"], "unknown"):
        await walk("GET", "/v3/webhooks/{id}", id=identifier)
        await walk("PUT", "/v3/webhooks/{id}", {"status": "pause"}, id=identifier)
        await walk("POST", "/v3/webhooks/rotate-secret/{id}", id=identifier)
    event = {"trigger_type": "message.send_failed", "webhook_url": receiver.url}
    await walk("POST", "/v3/webhooks/mock-payload", event)
    await walk("POST", "/v3/webhooks/send-test-event", event)
    await walk("POST", "/v3/webhooks/send-test-event", {})
    for _ in range(2):
        await walk("DELETE", "/v3/webhooks/{id}", id=made["id"])


async def test_every_answer_is_valid_by_the_platforms_own_file(openapi: OpenApi, receiver: Receiver) -> None:
    async with World.open(requests_per_second=1000) as world:
        walk = Walk(world.client, openapi)
        grant_id = await _grants_and_workspaces(walk, world)
        await _rules_lists_and_policies(walk, world, grant_id)
        await _mail(walk, world, grant_id)
        await _webhooks(walk, receiver)
        await walk("DELETE", "/v3/grants/{grantId}", grantId=grant_id)

    assert "\n".join(walk.errors) == ""
    assert openapi.operations() - _NOT_SIMULATED == walk.walked
