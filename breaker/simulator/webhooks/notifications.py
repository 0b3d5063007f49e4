"""Notifications in their envelope (ASYNC), and what delivery events say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import msgspec

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
    """

    id: str
    trigger: str
    source: str
    time: int
    application_id: str
    data: Json

    def body(self, attempt: int) -> bytes:
        """Return the exact bytes of one delivery attempt (1 to 3), before compression."""
        return msgspec.json.encode(
            {
                "specversion": "1.0",
                "type": self.trigger,
                "source": self.source,
                "id": self.id,
                "time": self.time,
                "webhook_delivery_attempt": attempt,
                "data": self.data,
            }
        )


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
        detail: What the event's object says beside the message.
    """

    outcome: str
    at: int
    detail: Json


def delivered(recipients: Sequence[str], at: int) -> Report:
    """Return the report that the recipients' servers took a message."""
    return Report("delivered", at, {"delivered": {"delivered_at": at, "recipients": list(recipients)}})


def bounced(recipients: Sequence[str], at: int, bounce_type: str, diagnostic_code: str | None) -> Report:
    """Return the report that a message came back; `bounce_type` is a free string of the transport's."""
    shown: list[Json] = [{"email": recipient} for recipient in recipients]
    if diagnostic_code is not None:
        shown = [{**recipient, "diagnostic_code": diagnostic_code} for recipient in shown]
    return Report("bounced", at, {"bounce": {"bounced_at": at, "type": bounce_type, "recipients": shown}})


def complaint(recipients: Sequence[str], at: int, complaint_type: str) -> Report:
    """Return the report that recipients marked a message as spam."""
    detail: Json = {"reported_at": at, "type": complaint_type, "complained_recipients": list(recipients)}
    return Report("complaint", at, {"complaint": detail})


def rejected(at: int) -> Report:
    """Return the report that a message never left, for a virus."""
    return Report("rejected", at, {"rejected_at": at})


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
