"""Notifications in their envelope (ASYNC), and what delivery events say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from breaker.simulator.state.activity import Happening
from breaker.simulator.state.bounce_classes import BounceKind, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.simulator.state.base import Json
    from breaker.simulator.state.messages import Message

SEND_SOURCE = "/nylas/send"
SYSTEM_SOURCE = "/nylas/system"


@dataclass(frozen=True, slots=True)
class Notification:
    """One event, as all destinations of its trigger get it.

    Attributes:
        id: Its id, by which a receiver knows repetitions.
        trigger: Its `type`.
        source: Where it comes from.
        time: When it happened, in Unix seconds.
        application_id: Whose destinations get it.
        data: What it says.
        suffix: What stands behind the trigger in `type`, such as `.transformed` where fields were chosen in the
            dashboard (SPEC); destinations are subscribed to the trigger without it.
    """

    id: str
    trigger: str
    source: str
    time: int
    application_id: str
    data: Json
    suffix: str = ""

    def body(self, attempt: int) -> bytes:
        """Return the exact bytes of one delivery attempt (1 to 3), before compression."""
        return msgspec.json.encode(self.envelope(attempt))

    def envelope(self, attempt: int) -> Json:
        """Return what one delivery attempt says."""
        return {
            "specversion": "1.0",
            "type": self.trigger + self.suffix,
            "source": self.source,
            "id": self.id,
            "time": self.time,
            "webhook_delivery_attempt": attempt,
            "data": self.data,
        }


class Family(Enum):
    """The family of triggers that an outcome is reported by."""

    AGENT = "message"
    """`message.*`, with `data.grant_id`: what Agent Accounts send (DOC)."""
    TRANSACTIONAL = "message.transactional"
    """`message.transactional.*`, without a grant: Transactional Send, and Agent Accounts in older texts."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a message for some of its recipients, ready to be put into a notification.

    Attributes:
        outcome: `delivered`, `bounced`, `complaint` or `rejected`.
        at: When, in Unix seconds.
        recipients: For whom.
        detail: What the event's object says beside the message.
        reason: A bounce's or complaint's type.
        bounce: What kind of bounce, of a bounce.
        diagnostic_code: The remote server's words, of a bounce.
    """

    outcome: str
    at: int
    recipients: tuple[str, ...]
    detail: Json
    reason: str = ""
    bounce: BounceKind | None = None
    diagnostic_code: str | None = None

    def happened_to(self, message: Message) -> Happening:
        """Return it as something that happened to a message."""
        return Happening(
            self.outcome, self.at, message, self.recipients, self.reason, self.bounce, self.diagnostic_code
        )


def delivered(recipients: Sequence[str], at: int) -> Report:
    """Return the report that the recipients' servers took a message."""
    detail: Json = {"delivered": {"delivered_at": at, "recipients": list(recipients)}}
    return Report("delivered", at, tuple(recipients), detail)


def bounced(recipients: Sequence[str], at: int, bounce_type: str, diagnostic_code: str | None) -> Report:
    """Return the report that a message came back; `bounce_type` is a free string of the transport's."""
    shown: list[Json] = [{"email": recipient} for recipient in recipients]
    if diagnostic_code is not None:
        shown = [{**recipient, "diagnostic_code": diagnostic_code} for recipient in shown]
    detail: Json = {"bounce": {"bounced_at": at, "type": bounce_type, "recipients": shown}}
    kind = kind_of(bounce_type, diagnostic_code)
    return Report("bounced", at, tuple(recipients), detail, bounce_type, kind, diagnostic_code)


def complaint(recipients: Sequence[str], at: int, complaint_type: str) -> Report:
    """Return the report that recipients marked a message as spam."""
    detail: Json = {"reported_at": at, "type": complaint_type, "complained_recipients": list(recipients)}
    return Report("complaint", at, tuple(recipients), {"complaint": detail}, complaint_type)


def rejected(recipients: Sequence[str], at: int) -> Report:
    """Return the report that a message never left, for a virus; the event itself names nobody."""
    return Report("rejected", at, tuple(recipients), {"rejected_at": at})


def outcome_notification(
    notification_id: str, application_id: str, message: Message, report: Report, family: Family
) -> Notification:
    """Return the notification of a report; only the agent's family names the grant."""
    data: Json = {"application_id": application_id}
    if family is Family.AGENT and message.grant_id is not None:
        data["grant_id"] = message.grant_id
    data["object"] = {"message": message.in_event(), **report.detail}
    trigger = f"{family.value}.{report.outcome}"
    return Notification(notification_id, trigger, SEND_SOURCE, report.at, application_id, data)


def departure_notification(
    notification_id: str, application_id: str, message: Message, at: int, *, failed: bool
) -> Notification:
    """Return the notification that a message that had to wait has left, or could not (ASYNC message.send_*)."""
    shown: Json = {
        "object": "message",
        "grant_id": message.grant_id,
        "id": message.id,
        "subject": message.outgoing.subject,
        "from": [{"email": message.sender}],
        "schedule_id": message.id,
        "send_at": message.sent_at,
        "use_draft": False,
    }
    for name in ("to", "cc", "bcc"):
        shown[name] = [{"email": address} for address in getattr(message.outgoing, name)]
    data: Json = {"application_id": application_id, "grant_id": message.grant_id, "object": shown}
    if failed:
        data["reason"] = "sending paused"
        data["error"] = {"type": "invalid_request_error", "message": "sending paused", "status_code": 400}
    trigger = "message.send_failed" if failed else "message.send_success"
    return Notification(notification_id, trigger, SEND_SOURCE, at, application_id, data)
