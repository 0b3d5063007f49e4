"""The platform's send events, read as history; all that its documentation leaves open is assumed here and nowhere else.

`GET /v3/activity/send` gives one event for each recipient, newest first, kept for 90 days
(https://developer.nylas.com/docs/reference/api/send-events/list-send-events/). Not in what could be read of it:

- *The ends of the span.* Assumed: `start` and `end` in whole Unix seconds, both included, by the event's own
  `timestamp`. What comes back is compared with them: events from before `start` end the reading, since the newest come
  first, and those from after `end` are left out, so a platform that knows neither name is read slowly and rightly.
- *Pages.* Assumed: `limit` up to 200 and `page_token`, with `next_cursor` in the answer, as the platform's lists have
  them. A full page without a token is an error: what follows it could not be read, and nobody would know.
- *When a message was sent.* There is no such field; the event `accepted` is taken for it.
- *Bounces.* `detail.bounce_subtype` is documented and is what a notification has as `bounce.type`.
  `detail.diagnostic_code` is not; where it is missing, `reason`, such as `General (5.1.1)`, stands in for it. Where
  neither says what the bounce was, the platform's `bounce_class: soft` makes it a temporary one.
- *Complaints.* `reason` is taken for the complaint's type; `not-spam` is none.
- *Messages without a grant* (Transactional Send) are known by the same id as in notifications.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from breaker.adapters.nylas.notifications import NotUnderstoodError, required
from breaker.adapters.nylas.transport import Request
from breaker.adapters.nylas.wire import Page
from breaker.domain.outcomes.bounces import classify
from breaker.domain.outcomes.history import SendEvent
from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind, Recipient
from breaker.ports import GiveUpError, Urgency

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from breaker.adapters.nylas.transport import Transport
    from breaker.domain.outcomes.spans import Span

log = structlog.get_logger(__name__)

_ROUTE = "/v3/activity/send"
_LARGEST_PAGE = 200
_ACCEPTED = "accepted"
_NO_WAY_ON = "GET /v3/activity/send was answered by a full page that does not say how to read on"


class _Detail(msgspec.Struct):
    bounce_subtype: str | None = None
    diagnostic_code: str | None = None


class SendEventRecord(msgspec.Struct, rename={"sender": "from"}):
    """A send event as it comes."""

    event_type: str
    timestamp: float
    message_id: str
    recipient: str
    grant_id: str | None = None
    sender: str | None = None
    bounce_class: str | None = None
    reason: str | None = None
    detail: _Detail | None = None


_PAGE = msgspec.json.Decoder(Page[SendEventRecord])


class NylasSendEvents:
    """The send events of one application.

    Args:
        transport: Sends its requests.
        application_id: The application.
    """

    def __init__(self, transport: Transport, application_id: str) -> None:
        self._transport = transport
        self._application_id = application_id

    async def within(self, span: Span) -> AsyncIterator[Sequence[SendEvent]]:
        """Give the events of a span, page by page, the newest first.

        Raises:
            PlatformError: The rest can't be read now, or at all.
        """
        query = {"start": str(span.begins_at), "end": str(span.ends_at - 1)}
        async for records in self._pages(query):
            wanted = [one for one in records if span.begins_at <= one.timestamp < span.ends_at]
            yield [event for one in wanted if (event := self._event(one)) is not None]
            if records[-1].timestamp < span.begins_at:
                return

    async def of_message(self, message_id: str, span: Span) -> Sequence[SendEvent]:
        """Return all events of a message within a span.

        Raises:
            PlatformError: They can't be read now, or at all.
        """
        query = {"message_id": message_id, "start": str(span.begins_at), "end": str(span.ends_at - 1)}
        found = [one async for records in self._pages(query) for one in records if one.message_id == message_id]
        return [event for one in found if (event := self._event(one)) is not None]

    async def of_grant(self, grant_id: str, kind: OutcomeKind, span: Span) -> AsyncIterator[Sequence[SendEvent]]:
        """Give what happened of one kind to a grant's messages within a span, page by page, the newest first.

        Raises:
            PlatformError: The rest can't be read now, or at all.
        """
        ends = {"start": str(span.begins_at), "end": str(span.ends_at - 1)}
        async for records in self._pages({"grant_id": grant_id, "event_type[]": str(kind), **ends}):
            events = [
                self._event(one)
                for one in records
                if one.grant_id == grant_id and span.begins_at <= one.timestamp < span.ends_at
            ]
            yield [one for one in events if one is not None and one.kind is kind]
            if records[-1].timestamp < span.begins_at:
                return

    async def _pages(self, query: Mapping[str, str]) -> AsyncIterator[list[SendEventRecord]]:
        asked = {**query, "limit": str(_LARGEST_PAGE)}
        while True:
            page = await self._transport.read(_PAGE, Urgency.SWEEP, Request("GET", _ROUTE, query=asked))
            records = page.records
            if not records:
                return
            yield records
            if page.token is None or page.token == asked.get("page_token"):
                if len(records) >= _LARGEST_PAGE:
                    raise GiveUpError(_NO_WAY_ON)
                return
            asked["page_token"] = page.token

    def _event(self, record: SendEventRecord) -> SendEvent | None:
        """Return an event, or None for what is no outcome and no acceptance."""
        if record.event_type == _ACCEPTED:
            kind = None
        elif record.event_type in _KINDS:
            kind = _KINDS[record.event_type]
        else:
            return None
        if kind is OutcomeKind.COMPLAINT and (record.reason or "").strip().lower() == "not-spam":
            return None
        try:
            return SendEvent(
                application_id=self._application_id,
                grant_id=record.grant_id or None,
                sender=required(record.sender) if record.sender else None,
                message_id=record.message_id,
                recipient=_recipient(record, kind),
                kind=kind,
                at=record.timestamp,
            )
        except NotUnderstoodError as error:
            log.warning("a send event can't be counted", event_type=record.event_type, problem=str(error))
            return None


def _recipient(record: SendEventRecord, kind: OutcomeKind | None) -> Recipient:
    address = required(record.recipient)
    if kind is not OutcomeKind.BOUNCED:
        return Recipient(address)
    detail = record.detail or _Detail()
    diagnostic = detail.diagnostic_code or record.reason or None
    bounce_class = classify(diagnostic, detail.bounce_subtype)
    if bounce_class is BounceClass.UNDETERMINED and record.bounce_class == "soft":
        bounce_class = BounceClass.TRANSIENT
    return Recipient(address, bounce_class, diagnostic)


_KINDS: Mapping[str, OutcomeKind] = {str(kind): kind for kind in OutcomeKind}
