"""The applications that one daemon guards, and how what is said once holds for all that say nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import Field

from breaker.config.groups import Group
from breaker.config.values import Actuators, ConfiguredMode, HttpUrl, Identifier, Secret, Secrets

if TYPE_CHECKING:
    from pydantic import SecretStr

    from breaker.domain.circuits.circuit import Mode
    from breaker.domain.platform.commands import Actuator


class WorkspaceSettings(Group):
    """What holds for one workspace; unset: what holds for its application."""

    mode: ConfiguredMode | None = None
    """`observe` or `enforce`. This is how enforcement is switched on step by step."""

    actuators: Actuators | None = None
    """How accounts of this workspace are stopped: any of block, limit, block_domain, quarantine."""

    quarantine_workspace_id: Identifier | None = None
    """The workspace that accounts of this one are moved to when stopped, if `quarantine` is on. Unset: a copy of their
    home workspace, with the same policy and rules, is made by `breaker setup`."""


class ApplicationSettings(Group):
    """One of several Nylas applications: a `[[applications]]` table of the TOML file."""

    id: Identifier
    """The application's id. It stands in the path of its webhook, so it must be given here."""

    api_key: Secret | None = None
    """The API key. Unset: the secrets' file `nylas_api_key.<id>`; without either, Breaker counts and cannot act."""

    api_url: HttpUrl | None = None
    """The base address of the platform's API: US or EU. Unset: `nylas_api_url`."""

    webhook_secrets: Secrets = ()
    """The secrets that its notifications may be signed with, all valid at once, because a rotated secret ends the old
    one immediately. Those in the secrets' file `webhook_secrets.<id>`, which `breaker setup` writes, are valid too."""

    installation: Identifier | None = None
    """The name under which Breaker marks what it makes on the platform. Unset: the application's id."""

    mode: ConfiguredMode | None = None
    """`observe` or `enforce`. Unset: the daemon's."""

    actuators: Actuators | None = None
    """How accounts are stopped. Unset: the daemon's."""

    workspaces: Mapping[str, WorkspaceSettings] = Field(default_factory=dict)
    """What differs for single workspaces, by workspace id. Default: nothing."""


@dataclass(frozen=True, slots=True)
class GuardedWorkspace:
    """What holds for one workspace, defaults filled in.

    Attributes:
        mode: What may be done there.
        actuators: How accounts are stopped there.
        quarantine_workspace_id: Where stopped accounts are moved; None for a copy of their home.
    """

    mode: Mode
    actuators: frozenset[Actuator]
    quarantine_workspace_id: str | None = None


@dataclass(frozen=True, slots=True)
class GuardedApplication:
    """One application that this daemon guards, defaults filled in, whichever way it was said.

    Attributes:
        id: The application's id; None until it is learnt from the platform.
        api_key: None where Breaker can count but not act.
        api_url: The base address of the platform's API, without a slash at the end.
        webhook_secrets: Those from the settings; files hold more (`breaker.adapters.secrets.read_webhook_secrets`).
        installation: The name on the platform of what Breaker makes there; None for the application's id.
        mode: What may be done to accounts of workspaces that say nothing else.
        actuators: How they are stopped.
        workspaces: What differs, by workspace id.
        sole: Whether it is the only one, so that files need not name it.
    """

    id: str | None
    api_key: SecretStr | None
    api_url: str
    webhook_secrets: tuple[SecretStr, ...]
    installation: str | None
    mode: Mode
    actuators: frozenset[Actuator]
    workspaces: Mapping[str, GuardedWorkspace] = field(default_factory=dict)
    sole: bool = True

    def workspace(self, workspace_id: str | None) -> GuardedWorkspace:
        """Return what holds for a workspace, whether or not anything was said about it."""
        default = GuardedWorkspace(self.mode, self.actuators)
        return default if workspace_id is None else self.workspaces.get(workspace_id, default)


def with_defaults(
    said: ApplicationSettings, api_url: str, mode: Mode, actuators: frozenset[Actuator], *, sole: bool
) -> GuardedApplication:
    """Fill in for one application what the daemon's own settings say."""
    mode = said.mode or mode
    actuators = actuators if said.actuators is None else said.actuators
    return GuardedApplication(
        id=said.id,
        api_key=said.api_key,
        api_url=said.api_url or api_url,
        webhook_secrets=said.webhook_secrets,
        installation=said.installation,
        mode=mode,
        actuators=actuators,
        workspaces={
            workspace_id: GuardedWorkspace(
                workspace.mode or mode,
                actuators if workspace.actuators is None else workspace.actuators,
                workspace.quarantine_workspace_id,
            )
            for workspace_id, workspace in said.workspaces.items()
        },
        sole=sole,
    )
