"""An application on the simulated platform: its resources, and what happens between them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from breaker.simulator.errors import ApiError, ErrorFamily
from breaker.simulator.state.grants import AGENT_PROVIDER, Grant
from breaker.simulator.state.messages import Message, Outgoing
from breaker.simulator.state.resources import Resources
from breaker.simulator.state.sending import SendPath
from breaker.simulator.state.workspaces import Workspace, WorkspaceCreation
from breaker.simulator.webhooks import notifications
from breaker.simulator.webhooks.notifications import Family, Notification, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from breaker.simulator.state.base import Surroundings
    from breaker.simulator.webhooks.destinations import Destinations

_GROUPING_INTERVAL = 60.0
_GRANT_CODES = {"grant.created": 25012, "grant.updated": 25014, "grant.deleted": 25013, "grant.expired": 25009}


class Announcer(Protocol):
    """What delivers notifications."""

    def announce(self, notification: Notification, destinations: Destinations) -> None:
        """Have a notification delivered to every destination of its trigger."""
        ...


class Application(Resources):
    """One application with its API key, its resources and its sends.

    Args:
        api_key: What its clients authenticate with.
        surroundings: Its id, the clock, the source of identifiers and the options.
        domains: Sending domains that are verified from the start.
        announcer: Who delivers its notifications.
    """

    def __init__(self, api_key: str, surroundings: Surroundings, domains: Iterable[str], announcer: Announcer) -> None:
        super().__init__(surroundings, domains)
        self.api_key = api_key
        self._announcer = announcer
        self._send_path = SendPath(self)
        self._grouped_at = -_GROUPING_INTERVAL
        #: Decides what becomes of accepted messages; nobody does, and nothing becomes of them, while it is None.
        self.fate: Callable[[Application, Message], None] | None = None

    @property
    def id(self) -> str:
        """The application's id."""
        return self.surroundings.application_id

    # Grants and workspaces

    def add_workspace(self, name: str, *, domain: str | None = None, auto_group: bool = False) -> Workspace:
        """Create a workspace as its owner would."""
        return self.workspaces.create(WorkspaceCreation(name=name, domain=domain, auto_group=auto_group))

    def add_grant(self, email: str, *, workspace_id: str | None = None, name: str | None = None) -> Grant:
        """Create an Agent Account, its domain verified first if it is not."""
        self.domains.add(email.rpartition("@")[2].lower())
        return self.connect(email, workspace_id=workspace_id, name=name)

    def connect(
        self, email: str, *, workspace_id: str | None = None, name: str | None = None, provider: str = AGENT_PROVIDER
    ) -> Grant:
        """Connect an address as `POST /v3/connect/custom` does.

        It is placed where `workspace_id` says, else by its domain, else in the default workspace.

        Raises:
            ApiError: 400 for a domain that is not verified or a workspace that is not there.
        """
        address = email.strip().lower()
        if provider == AGENT_PROVIDER and address.rpartition("@")[2] not in self.domains:
            raise ErrorFamily.MANAGEMENT.bad_request("the email's domain is not registered for the application")
        if workspace_id is not None and self.workspaces.find(workspace_id) is None:
            raise ErrorFamily.MANAGEMENT.bad_request("workspace_id does not belong to the application")
        placed = workspace_id or self.workspaces.placement(address).workspace_id
        grant, created = self.grants.connect(address, provider=provider, name=name, workspace_id=placed)
        self._announce_grant("grant.created" if created else "grant.updated", grant)
        return grant

    def move_grant(self, grant_id: str, workspace_id: str) -> Grant:
        """Put a grant into another workspace, whose policy and rules hold for it from now on.

        Raises:
            ApiError: Not found, or 400 for a workspace that is not there.
        """
        grant = self.grants.get(grant_id)
        if self.workspaces.find(workspace_id) is None:
            raise ErrorFamily.MANAGEMENT.bad_request("workspace_id does not belong to the application")
        grant.workspace_id = workspace_id
        self._announce_grant("grant.updated", grant)
        return grant

    def remove_grant(self, grant_id: str) -> None:
        """Delete a grant.

        Raises:
            ApiError: Not found.
        """
        self._announce_grant("grant.deleted", self.grants.remove(grant_id))

    def remove_workspace(self, id_or_domain: str) -> None:
        """Delete a workspace; its grants fall to the default one.

        Raises:
            ApiError: 400 for the default workspace, or not found.
        """
        removed = self.workspaces.remove(id_or_domain)
        for grant in self.grants:
            if grant.workspace_id == removed.workspace_id:
                grant.workspace_id = self.workspaces.default.workspace_id

    def assign(self, workspace_id: str, assign: list[str], remove: list[str]) -> tuple[list[str], list[str]]:
        """Move grants into a workspace and others out of it, into none.

        Returns:
            The ids that were moved in and those that were moved out; ids that fit neither are passed over.

        Raises:
            ApiError: Not found, or 400 where the workspace groups by itself and the options refuse that.
        """
        workspace = self.workspaces.by_id(workspace_id)
        if workspace.auto_group and self.surroundings.options.manual_assign_needs_auto_group_off:
            raise ErrorFamily.MANAGEMENT.bad_request("auto_group must be false for manual assignment")
        known = {grant.id: grant for grant in self.grants}
        assigned = [grant_id for grant_id in assign if grant_id in known]
        removed = [one for one in remove if one in known and known[one].workspace_id == workspace_id]
        for grant_id in removed:
            known[grant_id].workspace_id = None
        for grant_id in assigned:
            known[grant_id].workspace_id = workspace_id
        for grant_id in dict.fromkeys([*removed, *assigned]):
            self._announce_grant("grant.updated", known[grant_id])
        return assigned, removed

    def auto_group(self, *, after: float, invalid_also: bool, domain: str | None) -> str:
        """Move grants into the workspaces that group their domains, and return the job's id.

        Raises:
            ApiError: 429 for a second call within a minute (SDK, Ruby).
        """
        now = self.surroundings.clock.now()
        if now < self._grouped_at + _GROUPING_INTERVAL:
            raise ApiError(
                429, self.surroundings.options.rate_limit_error, "Too many requests, please try again shortly."
            )
        self._grouped_at = now
        for grant in self.grants:
            home = self.workspaces.placement(grant.email)
            chosen = grant.created_at >= after and (grant.valid or invalid_also) and domain in {None, grant.domain}
            if chosen and home.auto_group and grant.workspace_id != home.workspace_id:
                self.move_grant(grant.id, home.workspace_id)
        return self.surroundings.identifiers.unique()

    # Mail

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

    # What becomes of mail

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

    def announce(self, notification: Notification) -> None:
        """Have a notification delivered to the application's destinations."""
        self._announcer.announce(notification, self.destinations)

    def _now(self) -> int:
        return self.surroundings.now()

    def _announce_grant(self, trigger: str, grant: Grant) -> None:
        shown: dict[str, object] = {
            "code": _GRANT_CODES[trigger],
            "grant_id": grant.id,
            "integration_id": self.id,
            "provider": grant.provider,
            "email": grant.email,
        }
        data: dict[str, object] = {"application_id": self.id, "object": shown}
        identifier = self.surroundings.identifiers.unique()
        self.announce(Notification(identifier, trigger, notifications.SYSTEM_SOURCE, self._now(), self.id, data))
