"""The accounts of an application: what happens between its grants and workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from breaker.simulator.errors import ApiError, ErrorFamily
from breaker.simulator.state.grants import AGENT_PROVIDER, Grant
from breaker.simulator.state.resources import Resources
from breaker.simulator.state.workspaces import Workspace, WorkspaceCreation
from breaker.simulator.webhooks import notifications
from breaker.simulator.webhooks.notifications import Notification

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breaker.simulator.state.base import Surroundings
    from breaker.simulator.webhooks.destinations import Destinations

_GROUPING_INTERVAL = 60.0
_GRANT_CODES = {"grant.created": 25012, "grant.updated": 25014, "grant.deleted": 25013, "grant.expired": 25009}


class Announcer(Protocol):
    """What delivers notifications."""

    def announce(self, notification: Notification, destinations: Destinations) -> None:
        """Have a notification delivered to every destination of its trigger."""
        ...


class Accounts(Resources):
    """The resources of an application with what is done to its accounts.

    Args:
        surroundings: The application's id, the clock, the source of identifiers and the options.
        domains: Sending domains that are verified from the start.
        announcer: Who delivers its notifications.
    """

    def __init__(self, surroundings: Surroundings, domains: Iterable[str], announcer: Announcer) -> None:
        super().__init__(surroundings, domains)
        self._announcer = announcer
        self._grouped_at = -_GROUPING_INTERVAL

    @property
    def id(self) -> str:
        """The application's id."""
        return self.surroundings.application_id

    def announce(self, notification: Notification) -> None:
        """Have a notification delivered to the application's destinations."""
        self._announcer.announce(notification, self.destinations)

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

    def expire_grant(self, grant_id: str) -> None:
        """Let a grant become invalid, as one does that has to be authenticated again.

        Raises:
            ApiError: Not found.
        """
        grant = self.grants.get(grant_id)
        grant.valid = False
        self._announce_grant("grant.expired", grant)

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
