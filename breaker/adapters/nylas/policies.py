"""The platform's policies, as `breaker.ports.Policies`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from breaker.adapters.nylas.transport import Request
from breaker.adapters.nylas.wire import Answer, Page
from breaker.ports import Policy, PolicyContent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.adapters.nylas.transport import Transport
    from breaker.ports import Urgency

_LARGEST_PAGE = "200"
_MOST_PAGES = 1_000
_ROUTE = "/v3/policies/{}"


class _Record(msgspec.Struct):
    id: str
    name: str = ""
    limits: dict[str, Any] | None = None
    spam_detection: dict[str, Any] | None = None
    options: dict[str, Any] | None = None
    rules: list[str] | None = None

    def value(self) -> Policy:
        besides = {"spam_detection": self.spam_detection, "options": self.options, "rules": self.rules}
        content = PolicyContent(self.limits or {}, {name: said for name, said in besides.items() if said})
        return Policy(self.id, self.name, content)


_ONE = msgspec.json.Decoder(Answer[_Record])
_SOME = msgspec.json.Decoder(Page[_Record])


class NylasPolicies:
    """The policies of one application.

    Args:
        transport: Sends requests.
        urgency: Whose turn they take.
    """

    def __init__(self, transport: Transport, urgency: Urgency) -> None:
        self._transport = transport
        self._urgency = urgency

    async def all(self) -> Sequence[Policy]:
        """Return all policies, page by page until an empty one."""
        found: list[Policy] = []
        query = {"limit": _LARGEST_PAGE}
        for _ in range(_MOST_PAGES):
            request = Request("GET", "/v3/policies", (), query, None)
            page = await self._transport.read(_SOME, self._urgency, request)
            found += [record.value() for record in page.records]
            if not page.records or page.token is None or page.token == query.get("page_token"):
                break
            query = {**query, "page_token": page.token}
        return found

    async def read(self, policy_id: str) -> Policy:
        """Return a policy."""
        request = Request("GET", _ROUTE, (policy_id,), None, None)
        return (await self._transport.read(_ONE, self._urgency, request)).data.value()

    async def create(self, name: str, content: PolicyContent) -> str:
        """Make a policy."""
        request = Request("POST", "/v3/policies", (), None, {"name": name, **_body(content)})
        return (await self._transport.read(_ONE, self._urgency, request)).data.id

    async def change(self, policy_id: str, content: PolicyContent) -> None:
        """Give a policy this content; the platform merges it into what there is."""
        await self._transport.tell(self._urgency, Request("PUT", _ROUTE, (policy_id,), None, _body(content)))

    async def rename(self, policy_id: str, name: str) -> None:
        """Give a policy another name; what it says stays, since the platform merges."""
        await self._transport.tell(self._urgency, Request("PUT", _ROUTE, (policy_id,), None, {"name": name}))

    async def delete(self, policy_id: str) -> None:
        """Delete a policy."""
        await self._transport.tell(self._urgency, Request("DELETE", _ROUTE, (policy_id,), None, None))


def _body(content: PolicyContent) -> dict[str, object]:
    return {"limits": dict(content.limits), **content.besides}
