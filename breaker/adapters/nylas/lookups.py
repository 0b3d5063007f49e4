"""Single sends of one grant, read from the platform when a person asks: receipts of rules, and send events.

Send events are asked for by `grant_id` and `event_type[]`, which are documented
(https://developer.nylas.com/docs/reference/api/send-events/list-send-events/); what comes back is compared with both
all the same. How pages and spans are asked for is assumed as in `send_events`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.nylas.send_events import NylasSendEvents
from breaker.adapters.nylas.transport import Request
from breaker.adapters.nylas.wire import EvaluationRecord, Page
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.standing.lookups import BadRecipient, RefusedSend
from breaker.ports import Urgency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.adapters.nylas.client import NylasPlatform
    from breaker.adapters.nylas.transport import Transport
    from breaker.domain.outcomes.spans import Span

_RECEIPTS = 200
_BAD = (OutcomeKind.BOUNCED, OutcomeKind.COMPLAINT)
_ROUTE = "/v3/grants/{}/rule-evaluations"


class _Input(msgspec.Struct):
    recipient_addresses: list[str] | None = None
    outbound_type: str | None = None


class _Receipt(EvaluationRecord):
    evaluation_input: _Input | None = None


_RECEIPTS_PAGE = msgspec.json.Decoder(Page[_Receipt])


class NylasLookups:
    """`breaker.ports.Lookups` on the platform's API.

    Args:
        transport: Sends its requests.
        platform: The same application, which knows its rules.
        application_id: The application.
    """

    def __init__(self, transport: Transport, platform: NylasPlatform, application_id: str) -> None:
        """Ask nothing yet."""
        self._transport = transport
        self._platform = platform
        self._events = NylasSendEvents(transport, application_id)

    async def refused_sends(self, grant_id: str) -> Sequence[RefusedSend]:
        """Return the refused sends among the latest 200 receipts of a grant, the newest first."""
        request = Request("GET", _ROUTE, (grant_id,), query={"limit": str(_RECEIPTS)})
        page = await self._transport.read(_RECEIPTS_PAGE, Urgency.RESET, request)
        refused = [one for one in page.records if one.value().stage == "outbound_send" and _was_refused(one)]
        names = {rule.id: rule.name for rule in await self._platform.rules()} if refused else {}
        return [_refused_send(one, names) for one in refused]

    async def bad_recipients(self, grant_id: str, span: Span) -> Sequence[BadRecipient]:
        """Return the recipients whose mail bounced or who complained within a span, the newest first."""
        found = [
            BadRecipient(
                at=event.at,
                address=event.recipient.address,
                kind=kind,
                bounce_class=event.recipient.bounce_class,
                diagnostic=event.recipient.diagnostic,
                message_id=event.message_id,
            )
            for kind in _BAD
            async for events in self._events.of_grant(grant_id, kind, span)
            for event in events
        ]
        return sorted(found, key=lambda one: -one.at)


def _was_refused(record: _Receipt) -> bool:
    receipt = record.value()
    return receipt.blocked or receipt.failed


def _refused_send(record: _Receipt, names: Mapping[str, str]) -> RefusedSend:
    receipt, given = record.value(), record.evaluation_input or _Input()
    return RefusedSend(
        at=receipt.evaluated_at,
        message_id=receipt.message_id,
        failed=receipt.failed,
        rules=tuple(names.get(one, one) for one in receipt.rule_ids),
        type=given.outbound_type or None,
        recipients=tuple(given.recipient_addresses or ()),
    )
