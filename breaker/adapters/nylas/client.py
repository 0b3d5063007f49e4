"""The platform's management API, as `breaker.ports.Platform`: thin, one application each.

The official Python library is not used: it knows none of the delivery triggers, drops a grant's workspace, and blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from breaker.adapters.nylas.policies import NylasPolicies
from breaker.adapters.nylas.send_events import NylasSendEvents
from breaker.adapters.nylas.send_metrics import NylasSendMetrics
from breaker.adapters.nylas.send_path import NylasSendPath
from breaker.adapters.nylas.transport import Request
from breaker.adapters.nylas.wire import (
    Answer,
    ApplicationRecord,
    EvaluationRecord,
    GrantRecord,
    ItemRecord,
    ListRecord,
    Page,
    RuleBody,
    RuleRecord,
    SendEventRecord,
    WebhookRecord,
    WorkspaceRecord,
)
from breaker.ports import GiveUpError, GoneError, TryAgainError, Urgency, ValuesPage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence

    from breaker.adapters.nylas.transport import Transport
    from breaker.ports import Evaluation, Grant, Rule, RuleContent, ValueList, Webhook, Workspace

Record = TypeVar("Record")
Decoded = TypeVar("Decoded")

LARGEST_PAGE = 200
LARGEST_CHANGE = 1_000
"""Values that one change of a list may have (OpenAPI, `/v3/lists/{list_id}/items`)."""

LARGEST_MOVE = 500
"""Grants that one request may assign (OpenAPI, `/v3/workspaces/{id}/manual-assign`)."""

_MOST_PAGES = 10_000
_ATTACH_ATTEMPTS = 3
_NO_WORKSPACE_NAMES_ITS_APPLICATION = "no workspace names the application that the API key belongs to"

_APPLICATION = msgspec.json.Decoder(Answer[ApplicationRecord])
_GRANT = msgspec.json.Decoder(Answer[GrantRecord])
_GRANTS = msgspec.json.Decoder(Answer[list[GrantRecord] | None])
_WORKSPACE = msgspec.json.Decoder(Answer[WorkspaceRecord])
_WORKSPACES = msgspec.json.Decoder(Answer[list[WorkspaceRecord] | None])
_LIST = msgspec.json.Decoder(Answer[ListRecord])
_LISTS = msgspec.json.Decoder(Page[ListRecord])
_ITEMS = msgspec.json.Decoder(Page[ItemRecord])
_RULE = msgspec.json.Decoder(Answer[RuleRecord])
_RULES = msgspec.json.Decoder(Page[RuleRecord])
_EVALUATIONS = msgspec.json.Decoder(Page[EvaluationRecord])
_SEND_EVENTS = msgspec.json.Decoder(Page[SendEventRecord])
_WEBHOOK = msgspec.json.Decoder(Answer[WebhookRecord])
_WEBHOOKS = msgspec.json.Decoder(Answer[list[WebhookRecord] | None])


class NylasPlatform:
    """One application of the platform; `breaker.ports.Platform` says what each method promises.

    Args:
        transport: Sends its requests.
        urgency: Whose turn they take.
    """

    def __init__(self, transport: Transport, urgency: Urgency = Urgency.SWEEP) -> None:
        self._transport = transport
        self._urgency = urgency

    def at(self, urgency: Urgency) -> NylasPlatform:
        """Return the same platform, asked with this urgency."""
        return NylasPlatform(self._transport, urgency)

    async def ready(self) -> None:
        """Wait for the turn that the next request will have."""
        await self._transport.budget.ready(self._urgency)

    def policies(self) -> NylasPolicies:
        """Return the policies of the same application."""
        return NylasPolicies(self._transport, self._urgency)

    def send_metrics(self) -> NylasSendMetrics:
        """Return what the platform counted of the same application."""
        return NylasSendMetrics(self._transport)

    def send_events(self, application_id: str) -> NylasSendEvents:
        """Return what the platform kept of the same application's sends."""
        return NylasSendEvents(self._transport, application_id)

    def send_path(self) -> NylasSendPath:
        """Return how mail is sent as an account of the same application."""
        return NylasSendPath(self._transport)

    async def application_id(self) -> str:
        """Return the id of the key's application; where the application can't be read, its workspaces name it."""
        try:
            answer = await self._read(_APPLICATION, "GET", "/v3/applications")
        except (GoneError, GiveUpError):
            named = {one.application_id for one in await self._workspace_records()} - {None, ""}
            if len(named) != 1:
                raise GiveUpError(_NO_WORKSPACE_NAMES_ITS_APPLICATION) from None
            return str(named.pop())
        return answer.data.application_id

    # Grants

    async def grant(self, grant_id: str) -> Grant:
        """Return a grant."""
        return (await self._read(_GRANT, "GET", "/v3/grants/{}", grant_id)).data.value()

    async def grants(self, *, address: str | None = None, workspace_id: str | None = None) -> AsyncIterator[Grant]:
        """Return grants, the oldest first, so that new ones shift no page."""
        query = {"limit": str(LARGEST_PAGE), "sort_by": "created_at", "order_by": "asc"}
        if address is not None:
            query["email"] = address
        if workspace_id is not None:
            query["workspace_id"] = workspace_id
        for page in range(_MOST_PAGES):
            query["offset"] = str(page * LARGEST_PAGE)
            answer = await self._read(_GRANTS, "GET", "/v3/grants", query=query)
            records = answer.data or []
            for record in records:
                yield record.value()
            if len(records) < LARGEST_PAGE:
                return

    async def move_grant(self, grant_id: str, workspace_id: str) -> None:
        """Ask for a move with the workspace alone: anything else in the body would replace what the grant has."""
        await self._tell("PATCH", "/v3/grants/{}", grant_id, body={"workspace_id": workspace_id})

    async def assign_grants(self, workspace_id: str, grant_ids: Collection[str]) -> None:
        """Ask for moves together; whom the platform passes over is in no error, and in an answer that is not read."""
        if len(grant_ids) > LARGEST_MOVE:
            raise ValueError(f"{LARGEST_MOVE} grants are moved at once, not {len(grant_ids)}")
        body = {"assign_grants": list(grant_ids)}
        await self._tell("POST", "/v3/workspaces/{}/manual-assign", workspace_id, body=body)

    async def evaluations(self, grant_id: str, limit: int) -> Sequence[Evaluation]:
        """Return the latest receipts of a grant."""
        query = {"limit": str(min(limit, LARGEST_PAGE))}
        route = "/v3/grants/{}/rule-evaluations"
        page = await self._read(_EVALUATIONS, "GET", route, grant_id, query=query)
        return [record.value() for record in page.records]

    # Send events

    async def delivered_within(self, since: float, until: float) -> bool:
        """Ask for the latest deliveries of a span of time; one request.

        The names of the span's ends are not in what could be read of the documentation
        (https://developer.nylas.com/docs/reference/api/send-events/list-send-events/), so what comes back is compared
        with it: a platform that does not know them answers with its default span of seven days, the newest first. A
        page full of later deliveries says that there were earlier ones.
        """
        query = {"event_type[]": "delivered", "start": str(int(since)), "end": str(int(until)), "limit": "200"}
        page = await self._read(_SEND_EVENTS, "GET", "/v3/activity/send", query=query)
        times = [record.timestamp for record in page.records if record.timestamp >= since]
        return any(one <= until for one in times) or len(times) >= LARGEST_PAGE

    # Workspaces

    async def workspaces(self) -> Sequence[Workspace]:
        """Return all workspaces; the platform does not page them."""
        return [record.value() for record in await self._workspace_records()]

    async def create_workspace(self, name: str, policy_id: str | None, rule_ids: Sequence[str]) -> Workspace:
        """Make a workspace without a domain."""
        body: dict[str, object] = {"name": name, "auto_group": False, "rule_ids": list(rule_ids)}
        if policy_id is not None:
            body["policy_id"] = policy_id
        answer = await self._read(_WORKSPACE, "POST", "/v3/workspaces", body=body)
        return answer.data.value()

    async def change_workspace(self, workspace: Workspace) -> None:
        """Change name, policy and rules; a policy of None is taken away."""
        body = {"name": workspace.name, "policy_id": workspace.policy_id, "rule_ids": list(workspace.rule_ids)}
        await self._tell("PATCH", "/v3/workspaces/{}", workspace.id, body=body)

    async def delete_workspace(self, workspace_id: str) -> None:
        """Delete a workspace."""
        await self._tell("DELETE", "/v3/workspaces/{}", workspace_id)

    async def attach_rules(self, workspace_id: str, rule_ids: Collection[str]) -> None:
        """Add rules behind those that are there."""
        await self._change_rules(workspace_id, lambda found: (*found, *(one for one in rule_ids if one not in found)))

    async def detach_rules(self, workspace_id: str, rule_ids: Collection[str]) -> None:
        """Take rules out from among the others."""
        await self._change_rules(workspace_id, lambda found: tuple(one for one in found if one not in rule_ids))

    # Lists

    async def lists(self) -> Sequence[ValueList]:
        """Return all lists."""
        return [record.value() async for record in self._paged(_LISTS, "/v3/lists")]

    async def create_list(self, name: str, kind: str) -> ValueList:
        """Make an empty list."""
        body = {"name": name, "type": kind}
        return (await self._read(_LIST, "POST", "/v3/lists", body=body)).data.value()

    async def rename_list(self, list_id: str, name: str) -> None:
        """Give a list another name."""
        await self._tell("PUT", "/v3/lists/{}", list_id, body={"name": name})

    async def delete_list(self, list_id: str) -> None:
        """Delete a list."""
        await self._tell("DELETE", "/v3/lists/{}", list_id)

    async def values(self, list_id: str) -> AsyncIterator[str]:
        """Return the values of a list."""
        async for record in self._paged(_ITEMS, "/v3/lists/{}/items", list_id):
            yield record.value

    async def page_of_values(self, list_id: str, after: str | None = None) -> ValuesPage:
        """Return one page of a list's values, behind a token of an earlier one."""
        query = {"limit": str(LARGEST_PAGE)} | ({"page_token": after} if after is not None else {})
        page = await self._read(_ITEMS, "GET", "/v3/lists/{}/items", list_id, query=query)
        return ValuesPage(tuple(record.value for record in page.records), page.token)

    async def add_values(self, list_id: str, values: Collection[str]) -> None:
        """Add values to a list."""
        await self._change_values("POST", list_id, values)

    async def remove_values(self, list_id: str, values: Collection[str]) -> None:
        """Remove values from a list."""
        await self._change_values("DELETE", list_id, values)

    # Rules

    async def rules(self) -> Sequence[Rule]:
        """Return all rules."""
        return [record.value() async for record in self._paged(_RULES, "/v3/rules")]

    async def create_rule(self, name: str, content: RuleContent) -> Rule:
        """Make a rule."""
        body = RuleBody.of(name, content)
        return (await self._read(_RULE, "POST", "/v3/rules", body=body)).data.value()

    async def change_rule(self, rule: Rule) -> None:
        """Change a rule's name and content."""
        body = RuleBody.of(rule.name, rule.content)
        await self._tell("PUT", "/v3/rules/{}", rule.id, body=body)

    async def delete_rule(self, rule_id: str) -> None:
        """Delete a rule."""
        await self._tell("DELETE", "/v3/rules/{}", rule_id)

    # Webhooks

    async def webhooks(self) -> Sequence[Webhook]:
        """Return all webhooks; the platform does not page them."""
        answer = await self._read(_WEBHOOKS, "GET", "/v3/webhooks")
        return [record.value() for record in answer.data or []]

    async def create_webhook(self, url: str, triggers: Collection[str], description: str) -> Webhook:
        """Make a webhook."""
        body = {"trigger_types": sorted(triggers), "webhook_url": url, "description": description}
        return (await self._read(_WEBHOOK, "POST", "/v3/webhooks", body=body)).data.value()

    async def change_webhook(self, webhook: Webhook) -> None:
        """Change a webhook and make it active."""
        body = {
            "trigger_types": sorted(webhook.triggers),
            "webhook_url": webhook.url,
            "description": webhook.description,
            "status": "active",
        }
        await self._tell("PUT", "/v3/webhooks/{}", webhook.id, body=body)

    async def rotate_secret(self, webhook_id: str) -> Webhook:
        """Rotate a secret; the platform's sources disagree on the route, so the second is tried after the first.

        The OpenAPI file, the Node library and the CLI have the first, the Python library the second.
        """
        routes = (("POST", "/v3/webhooks/rotate-secret/{}"), ("PUT", "/v3/webhooks/{}/rotate-secret"))
        (first, route), (second, other_route) = routes
        try:
            answer = await self._read(_WEBHOOK, first, route, webhook_id)
        except (GoneError, GiveUpError):
            answer = await self._read(_WEBHOOK, second, other_route, webhook_id)
        return answer.data.value()

    async def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook."""
        await self._tell("DELETE", "/v3/webhooks/{}", webhook_id)

    async def _read(
        self,
        decoder: msgspec.json.Decoder[Decoded],
        method: str,
        route: str,
        *ids: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Decoded:
        return await self._transport.read(decoder, self._urgency, Request(method, route, ids, query, body))

    async def _tell(self, method: str, route: str, *ids: str, body: object = None) -> None:
        await self._transport.tell(self._urgency, Request(method, route, ids, None, body))

    async def _workspace_records(self) -> list[WorkspaceRecord]:
        return (await self._read(_WORKSPACES, "GET", "/v3/workspaces")).data or []

    async def _change_values(self, method: str, list_id: str, values: Collection[str]) -> None:
        if len(values) > LARGEST_CHANGE:
            raise ValueError(f"a list is changed by {LARGEST_CHANGE} values at once, not by {len(values)}")
        body = {"items": list(values)}
        await self._tell(method, "/v3/lists/{}/items", list_id, body=body)

    async def _change_rules(self, workspace_id: str, changed: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
        """Read, change, write, check: the platform replaces the array as a whole, whoever else writes it meanwhile."""
        for _ in range(_ATTACH_ATTEMPTS):
            found = await self._rule_ids(workspace_id)
            wanted = changed(found)
            if found == wanted:
                return
            await self._tell("PATCH", "/v3/workspaces/{}", workspace_id, body={"rule_ids": list(wanted)})
        found = await self._rule_ids(workspace_id)
        if found != changed(found):
            raise TryAgainError("a workspace's rules do not stay as they were written: somebody else writes them too")

    async def _rule_ids(self, workspace_id: str) -> tuple[str, ...]:
        answer = await self._read(_WORKSPACE, "GET", "/v3/workspaces/{}", workspace_id)
        return answer.data.value().rule_ids

    async def _paged(self, decoder: msgspec.json.Decoder[Page[Record]], route: str, *ids: str) -> AsyncIterator[Record]:
        """Read pages until an empty one: a token stands on the last full page too."""
        query = {"limit": str(LARGEST_PAGE)}
        for _ in range(_MOST_PAGES):
            page = await self._read(decoder, "GET", route, *ids, query=query)
            for record in page.records:
                yield record
            if not page.records or page.token is None or page.token == query.get("page_token"):
                return
            query["page_token"] = page.token
