"""Send events as the platform keeps them, and the delivery events that follow from them.

A send event says when something happened to a message at one recipient; unlike a notification, it does not say when the
message was sent. That is the time of the send's `accepted` event, or of its earliest event where none is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.outcomes.outcomes import DeliveryEvent, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from breaker.domain.outcomes.outcomes import Recipient

TRIGGER = "send_events"
"""What stands in the place of a trigger's name."""


class SendEvent(NamedTuple):
    """What happened to a message at one recipient.

    Attributes:
        application_id: The platform's id of the application.
        grant_id: The sending account's grant, or None.
        sender: The address in From, lower case, or None.
        message_id: The platform's id of the message, the same as in notifications.
        recipient: The recipient, with its bounce's class where it bounced.
        kind: What happened; None where the platform took the message.
        at: When, Unix seconds.
    """

    application_id: str
    grant_id: str | None
    sender: str | None
    message_id: str
    recipient: Recipient
    kind: OutcomeKind | None
    at: float

    @property
    def send(self) -> tuple[str, str]:
        """Which send it is of, within the application."""
        return self.message_id, self.recipient.address


@dataclass(slots=True)
class SendTimes:
    """When sends were sent, as far as it was seen: those of the part that is read now, and of the one before."""

    _now: dict[tuple[str, str], float] = field(default_factory=dict)
    _before: dict[tuple[str, str], float] = field(default_factory=dict)

    def turn(self) -> None:
        """Begin the next part, and forget the one before the last."""
        self._before, self._now = self._now, {}

    def learn_accepted(self, events: Iterable[SendEvent]) -> None:
        """Take in when messages were taken by the platform."""
        for event in events:
            if event.kind is None:
                self._now[event.send] = event.at

    def learn_earliest(self, events: Iterable[SendEvent]) -> None:
        """Take in all events of some messages: each send was sent at the earliest of its own."""
        for event in sorted(events, key=lambda one: one.at):
            self._now.setdefault(event.send, event.at)

    def unknown(self, events: Iterable[SendEvent]) -> Sequence[str]:
        """Return the messages with outcomes among the events of which nobody knows when they were sent."""
        unknown = (one.message_id for one in events if one.kind is not None and self._of(one) is None)
        return list(dict.fromkeys(unknown))

    def delivery_events(self, events: Iterable[SendEvent]) -> list[DeliveryEvent]:
        """Return the outcomes among some events, the earliest first; `accepted` is none."""
        found: list[DeliveryEvent] = []
        for event in sorted(events, key=lambda one: one.at):
            if event.kind is None:
                continue
            sent_at = self._of(event)
            found.append(
                DeliveryEvent(
                    application_id=event.application_id,
                    grant_id=event.grant_id,
                    sender=event.sender,
                    message_id=event.message_id,
                    sent_at=int(event.at if sent_at is None else sent_at),
                    occurred_at=event.at,
                    kind=event.kind,
                    recipients=(event.recipient,),
                    trigger=TRIGGER,
                )
            )
        return found

    def _of(self, event: SendEvent) -> float | None:
        known = self._now.get(event.send)
        return self._before.get(event.send) if known is None else known
