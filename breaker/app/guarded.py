"""The applications while a daemon runs: their side of the platform, and the secrets that sign their notifications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from breaker.adapters.secrets import read_webhook_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.adapters.nylas.client import NylasPlatform
    from breaker.config import GuardedApplication, Settings
    from breaker.domain.platform.commands import Actuator

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Guarded:
    """One application while the daemon runs.

    Args:
        application: What is configured.
        platform: Its side of the platform, or None where no API key is known.
        id: Its id, once it is known.
    """

    application: GuardedApplication
    platform: NylasPlatform | None
    id: str | None


def actuators_in(application: GuardedApplication, workspace_id: str | None) -> frozenset[Actuator]:
    """Return which ways to stop are on in a workspace; in a quarantine those of the workspaces that it is for.

    Args:
        application: What is configured.
        workspace_id: The workspace; None for any that nothing is said of.
    """
    homes = [
        one for one in application.workspaces.values() if one.quarantine_workspace_id == workspace_id and workspace_id
    ]
    if homes:
        return frozenset(actuator for home in homes for actuator in home.actuators)
    return application.workspace(workspace_id).actuators


class WebhookSecrets:
    """The webhook secrets that are valid now, read anew whenever files change.

    Args:
        settings: Where they are.
        guarded: The applications.
    """

    def __init__(self, settings: Settings, guarded: Sequence[Guarded]) -> None:
        """Read them for the first time."""
        self._settings = settings
        self._guarded = guarded
        self._known: dict[str, tuple[str, ...]] = {}
        self.read()

    def all(self) -> Mapping[str, Sequence[str]]:
        """Return them by application id; the empty one stands for a sole application that can't be asked for its id."""
        return self._known

    def known(self) -> bool:
        """Tell whether there is any."""
        return any(self._known.values())

    def read(self) -> None:
        """Read the files again.

        Raises:
            ConfigurationError: A file can't be read; what was known stays.
        """
        self.configure(self._settings, [one.application for one in self._guarded])

    def configure(self, settings: Settings, applications: Sequence[GuardedApplication]) -> None:
        """Read what the settings say, and the files, of the same applications in the same order.

        Raises:
            ConfigurationError: A file can't be read; what was known stays.
        """
        known: dict[str, tuple[str, ...]] = {}
        for one, application in zip(self._guarded, applications, strict=True):
            if one.id is None and one.platform is not None:
                continue
            found = read_webhook_secrets(settings, application)
            known[one.id or ""] = tuple(secret.get_secret_value() for secret in found)
        self._settings = settings
        for one, application in zip(self._guarded, applications, strict=True):
            one.application = application
        if known != self._known:
            self._known = known
            log.info("webhook secrets read", known={name or "any": len(them) for name, them in known.items()})
