"""Send events: what happened to every message for every recipient, kept for 90 days (DOC list-send-events)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.simulator.state.base import Json, Surroundings
    from breaker.simulator.state.bounce_classes import BounceKind
    from breaker.simulator.state.messages import Message

RETENTION = 90 * 86_400
DEFAULT_SPAN = 7 * 86_400
_REPORTING_AGENT = "dns; a27-187.smtp-out.us-west-2.amazonses.com"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to a message, for some of its recipients.

    Attributes:
        event_type: `accepted`, `delivered`, `bounced`, `complaint` or `rejected`.
        at: When, in Unix seconds.
        message: To which message.
        recipients: For whom.
        reason: A bounce's or complaint's type.
        bounce: What kind of bounce, of a bounce.
        diagnostic_code: The remote server's words, of a bounce.
    """

    event_type: str
    at: int
    message: Message
    recipients: tuple[str, ...]
    reason: str = ""
    bounce: BounceKind | None = None
    diagnostic_code: str | None = None


@dataclass(frozen=True, slots=True)
class SendEvent:
    """What happened to a message for one recipient; `sequence` is its place in the order of happening."""

    sequence: int
    recipient: str
    happening: Happening

    def id(self, application_id: str) -> str:
        """Return its id: 64 hexadecimal digits."""
        named = f"{application_id}/{self.sequence}".encode()
        return hashlib.sha256(named).hexdigest()


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which send events a client asked for; None means any. Times are Unix seconds, both ends included."""

    start: int
    end: int
    event_types: frozenset[str] = frozenset()
    bounce_class: str | None = None
    recipient: str | None = None
    recipient_domain: str | None = None
    sending_domain: str | None = None
    sender: str | None = None
    grant_id: str | None = None
    message_id: str | None = None

    def admits(self, event: SendEvent) -> bool:
        """Tell whether an event is among those asked for."""
        happening = event.happening
        message, bounce = happening.message, happening.bounce
        wanted = (
            (self.bounce_class, None if bounce is None else bounce.bounce_class),
            (self.recipient, event.recipient),
            (self.recipient_domain, event.recipient.rpartition("@")[2]),
            (self.sending_domain, message.sender.rpartition("@")[2]),
            (self.sender, message.sender),
            (self.grant_id, message.grant_id),
            (self.message_id, shown_message_id(message)),
        )
        return (not self.event_types or happening.event_type in self.event_types) and all(
            asked is None or asked == found for asked, found in wanted
        )


class Activity:
    """The send events of one application, in the order in which they happened."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._happenings: list[tuple[int, Happening]] = []
        self._next = 0

    def record(self, happening: Happening) -> None:
        """Keep what happened; times never run backwards."""
        self._happenings.append((self._next, happening))
        self._next += len(happening.recipients)

    def newest_first(self, wanted: EventFilter) -> Iterator[SendEvent]:
        """Return the events that were asked for, the latest first, none older than is kept."""
        oldest = max(wanted.start, self._surroundings.now() - RETENTION)
        for first, happening in reversed(self._happenings):
            if happening.at < oldest:
                return
            if happening.at > wanted.end:
                continue
            for offset, recipient in reversed(list(enumerate(happening.recipients))):
                event = SendEvent(first + offset, recipient, happening)
                if wanted.admits(event):
                    yield event

    def as_json(self, event: SendEvent) -> Json:
        """Return an event as the platform shows it (DOC get-send-event)."""
        happening = event.happening
        message = happening.message
        shown: Json = {
            "id": event.id(self._surroundings.application_id),
            "event_type": happening.event_type,
            "timestamp": happening.at,
            "application_id": self._surroundings.application_id,
            "message_id": shown_message_id(message),
            "from": message.sender,
            "recipient": event.recipient,
            "reason": _reason(happening),
        }
        if message.grant_id is not None:
            shown["grant_id"] = message.grant_id
        if happening.bounce is not None:
            shown["bounce_class"] = happening.bounce.bounce_class
            shown["detail"] = {
                "reporting_mta": _REPORTING_AGENT,
                "bounce_subtype": happening.reason,
                "diagnostic_code": happening.diagnostic_code or "",
            }
        return shown


def shown_message_id(message: Message) -> str:
    """Return how events name a message: a transactional send by its Message-ID header (DOC)."""
    return message.id if message.grant_id is not None else message.header_id


def _reason(happening: Happening) -> str:
    if happening.bounce is not None and happening.bounce.enhanced is not None:
        return f"{happening.reason} ({happening.bounce.enhanced})"
    if happening.event_type == "delivered":
        return "250 2.0.0 OK"
    return happening.reason
