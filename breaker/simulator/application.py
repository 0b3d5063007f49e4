"""An application on the simulated platform: its accounts, what they send, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from breaker.simulator.accounts import Accounts, Announcer
from breaker.simulator.state.messages import Message, Outgoing
from breaker.simulator.state.sending import SendPath
from breaker.simulator.webhooks import notifications
from breaker.simulator.webhooks.notifications import Family, Notification, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from breaker.simulator.state.base import Surroundings


class Application(Accounts):
    """One application with its API key, its resources and its sends.

    Args:
        api_key: What its clients authenticate with.
        surroundings: Its id, the clock, the source of identifiers and the options.
        domains: Sending domains that are verified from the start.
        announcer: Who delivers its notifications.
    """

    def __init__(self, api_key: str, surroundings: Surroundings, domains: Iterable[str], announcer: Announcer) -> None:
        super().__init__(surroundings, domains, announcer)
        self.api_key = api_key
        self._send_path = SendPath(self)
        #: Decides what becomes of accepted messages; nobody does, and nothing becomes of them, while it is None.
        self.fate: Callable[[Application, Message], None] | None = None

    def send(self, grant_id: str, recipients: Sequence[str], *, subject: str = "Hello", reply: bool = False) -> Message:
        """Send a message as an agent does, by the code that the send endpoint runs.

        Raises:
            ApiError: With the status and text of what refused it.
        """
        return self.submit(grant_id, Outgoing(to=tuple(recipients), subject=subject, in_reply=reply))

    def send_fated(self, id_or_address: str, outgoing: Outgoing) -> Message:
        """Send a message of which the caller decides himself what becomes; it leaves at once, past the queue.

        Raises:
            ApiError: With the status and text of what refused it.
        """
        return self._send_path.send(self.grants.sender(id_or_address), outgoing, queued=False)

    def submit(self, id_or_address: str, outgoing: Outgoing) -> Message:
        """Send a message of a grant, known by its id or address.

        Raises:
            ApiError: With the status and text of what refused it.
        """
        return self._taken(self._send_path.send(self.grants.sender(id_or_address), outgoing))

    def submit_from_domain(self, sender: str, outgoing: Outgoing) -> Message:
        """Send a message of a verified domain, without a grant (Transactional Send).

        Raises:
            ApiError: With the status and text of what refused it.
        """
        return self._taken(self._send_path.send_from_domain(sender.lower(), outgoing))

    def _taken(self, message: Message) -> Message:
        if message.sent_at > self._now():
            self.surroundings.agenda.at(message.sent_at, partial(self._leave, message))
        if self.fate is not None:
            self.fate(self, message)
        return message

    def _leave(self, message: Message) -> None:
        """Let a message go that had to wait; what the platform holds against its sender by now stops it."""
        grant_id = message.grant_id
        stopped = grant_id in self.standing.paused or self.standing.restricted(self.id, grant_id, message.sender)
        if stopped:
            self.messages.failed.add(message.id)
        if grant_id is None or not (stopped or message.outgoing.send_at):
            return
        self.announce(
            notifications.departure_notification(
                self.surroundings.identifiers.unique(), self.id, message, self._now(), failed=stopped
            )
        )

    def deliver(
        self, message: Message, recipients: Sequence[str] = (), *, family: Family | None = None
    ) -> Notification:
        """Report a message as delivered; to all its recipients if none are named."""
        return self.report(message, notifications.delivered(recipients or message.recipients, self._now()), family)

    def bounce(
        self,
        message: Message,
        recipients: Sequence[str] = (),
        *,
        bounce_type: str = "General",
        diagnostic_code: str | None = "smtp; 550 5.1.1 The email account that you tried to reach does not exist",
        family: Family | None = None,
    ) -> Notification:
        """Report a message as bounced."""
        affected = recipients or message.recipients
        return self.report(message, notifications.bounced(affected, self._now(), bounce_type, diagnostic_code), family)

    def complain(
        self,
        message: Message,
        recipients: Sequence[str] = (),
        *,
        complaint_type: str = "abuse",
        family: Family | None = None,
    ) -> Notification:
        """Report that recipients marked a message as spam."""
        affected = recipients or message.recipients
        return self.report(message, notifications.complaint(affected, self._now(), complaint_type), family)

    def reject(self, message: Message, *, family: Family | None = None) -> Notification:
        """Report that a message was not sent for a virus."""
        return self.report(message, notifications.rejected(message.recipients, self._now()), family)

    def report(self, message: Message, report: Report, *families: Family | None) -> Notification:
        """Report what became of a message: once in the books, and by each family of triggers that is asked for.

        Args:
            message: The message.
            report: What became of it.
            families: The family that fits the message, where none or None is given.

        Returns:
            The last notification that was announced.
        """
        self.happened(report.happened_to(message))
        fitting = Family.TRANSACTIONAL if message.grant_id is None else Family.AGENT
        announced = [
            replace(
                notifications.outcome_notification(
                    self.surroundings.identifiers.unique(), self.id, message, report, family or fitting
                ),
                suffix=self.surroundings.options.trigger_suffix,
            )
            for family in families or (fitting,)
        ]
        for notification in announced:
            self.announce(notification)
        return announced[-1]
