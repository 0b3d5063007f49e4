"""Example notifications, as `mock-payload` answers and `send-test-event` sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.simulator.state.messages import Message, Outgoing
from breaker.simulator.webhooks import notifications
from breaker.simulator.webhooks.notifications import SYSTEM_SOURCE, Family, Notification
from breaker.simulator.webhooks.triggers import DELIVERY_TRIGGERS

if TYPE_CHECKING:
    from breaker.simulator.application import Application

_GRANT_ID = "00000000-0000-4000-8000-000000000000"


def example(application: Application, trigger: str) -> Notification:
    """Return an example of a trigger: of a delivery trigger a full one, of others the envelope and a bare object."""
    now = application.surroundings.now()
    identifier = application.surroundings.identifiers.unique()
    if trigger not in DELIVERY_TRIGGERS:
        data: dict[str, object] = {"application_id": application.id, "object": {"grant_id": _GRANT_ID}}
        return Notification(identifier, trigger, SYSTEM_SOURCE, now, application.id, data)
    family = Family.TRANSACTIONAL if trigger.startswith(Family.TRANSACTIONAL.value) else Family.AGENT
    outgoing = Outgoing(to=("recipient@example.com",), subject="Test event")
    message = Message("mock-message-id", _GRANT_ID, "agent@example.com", "<mock@example.com>", "mock", now, outgoing)
    match trigger.rpartition(".")[2]:
        case "delivered":
            report = notifications.delivered(message.recipients, now)
        case "bounced":
            report = notifications.bounced(message.recipients, now, "MailboxFull", "smtp; 552 5.2.2 mailbox full")
        case "complaint":
            report = notifications.complaint(message.recipients, now, "abuse")
        case _:
            report = notifications.rejected(message.recipients, now)
    return notifications.outcome_notification(identifier, application.id, message, report, family)
