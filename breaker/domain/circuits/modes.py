"""How far Breaker may go with an account, and who says so.

A mode is set by people at four levels and by the configuration at three. People win over the configuration, and the
more specific over the more general:

    people:         account, then domain, then workspace, then application
    configuration:  workspace, then application, then the daemon's own

So a mode that a person sets for one domain holds whatever the configuration says of the workspace, and a setting that
has expired is as good as none. The workspace is the account's *home*: an account in quarantine keeps its mode.

`stopped` is a *pin*: it stops whom it holds for, those to come included, and while it holds nobody lets them go. When
it is taken away or expires, nobody is let go by that: who was stopped by it stays stopped until a person lets them go.
`exempt` that expires stops nobody for what was seen meanwhile either: the next bad outcome is judged again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from breaker.domain.circuits.circuit import Mode, Verdict
from breaker.domain.circuits.states import SEVERITY, SUSPICIONS, WANTED, follow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.domain.circuits.circuit import Circuit


class Level(StrEnum):
    """Where a mode is set; `DAEMON` by the configuration alone."""

    ACCOUNT = "account"
    DOMAIN = "domain"
    WORKSPACE = "workspace"
    APPLICATION = "application"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True)
class ModeSetting:
    """A mode that a person set.

    Args:
        mode: The mode.
        reason: Why, in their words.
        author: Who.
        set_at: When, Unix seconds.
        expires_at: When it ends by itself, Unix seconds, or None.
    """

    mode: Mode
    reason: str
    author: str
    set_at: float
    expires_at: float | None = None

    def holds(self, now: float) -> bool:
        """Tell whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class SetMode:
    """A mode that a person set, with where.

    Args:
        application_id: The platform's id of the application.
        level: The level.
        name: The group's name; of an account its address, or its grant where that is not known.
        setting: What was set.
    """

    application_id: str
    level: Level
    name: str
    setting: ModeSetting

    @property
    def selector(self) -> str:
        """What people name it by."""
        return self.name if self.level is Level.ACCOUNT else f"{self.level}:{self.name}"

    @property
    def pins(self) -> bool:
        """Whether those it holds for are to be stopped."""
        return self.setting.mode is Mode.STOPPED


@dataclass(frozen=True, slots=True)
class ConfiguredModes:
    """The modes that the configuration names.

    Args:
        daemon: Where nothing else is said.
        applications: By application id.
        workspaces: By application id and workspace id.
    """

    daemon: Mode = Mode.OBSERVE
    applications: Mapping[str, Mode] = field(default_factory=dict)
    workspaces: Mapping[tuple[str, str], Mode] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Belonging:
    """The groups that an account is in.

    Args:
        application: The platform's id of the application.
        account: Breaker's own number of the account, as text.
        domain: The sending domain, or empty.
        workspace: The home workspace, or None where it is not known.
    """

    application: str
    account: str
    domain: str
    workspace: str | None


ACTING = frozenset({Mode.ENFORCE, Mode.STOPPED})
"""The modes in which something is held on the platform."""


def acts_in(
    application: str,
    workspace: str | None,
    settings: Mapping[tuple[str, Level, str], ModeSetting],
    configured: ConfiguredModes,
    now: float,
) -> bool:
    """Tell whether Breaker acts in a workspace; of None: for anybody in an application.

    What is set for single accounts and domains says nothing of a whole workspace.

    Args:
        application: The platform's id of the application.
        workspace: The workspace, or None for all.
        settings: What people set, by application, level and name.
        configured: What the configuration says.
        now: Unix seconds.
    """
    if mode_in_force(Belonging(application, "", "", workspace), settings, configured, now)[0] in ACTING:
        return True
    if workspace is not None:
        return False
    set_by_people = any(
        setting.mode in ACTING and setting.holds(now)
        for (where, _, _), setting in settings.items()
        if where == application
    )
    return set_by_people or any(
        mode in ACTING for (where, _), mode in configured.workspaces.items() if where == application
    )


def setting_in_force(
    belonging: Belonging, settings: Mapping[tuple[str, Level, str], ModeSetting], now: float
) -> SetMode | None:
    """Return what a person set that holds for an account, or None where the configuration says its mode.

    Args:
        belonging: The account's groups.
        settings: What people set, by application, level and name.
        now: Unix seconds.
    """
    application = belonging.application
    for level, name in (
        (Level.ACCOUNT, belonging.account),
        (Level.DOMAIN, belonging.domain),
        (Level.WORKSPACE, belonging.workspace),
        (Level.APPLICATION, application),
    ):
        setting = settings.get((application, level, name)) if name else None
        if name and setting is not None and setting.holds(now):
            return SetMode(application, level, name, setting)
    return None


def mode_in_force(
    belonging: Belonging,
    settings: Mapping[tuple[str, Level, str], ModeSetting],
    configured: ConfiguredModes,
    now: float,
) -> tuple[Mode, Level]:
    """Return the mode that holds for an account, and the level it comes from.

    Args:
        belonging: The account's groups.
        settings: What people set, by application, level and name.
        configured: What the configuration says.
        now: Unix seconds.
    """
    application, workspace = belonging.application, belonging.workspace
    found = setting_in_force(belonging, settings, now)
    if found is not None:
        return found.setting.mode, found.level
    if workspace and (mode := configured.workspaces.get((application, workspace))):
        return mode, Level.WORKSPACE
    if mode := configured.applications.get(application):
        return mode, Level.APPLICATION
    return configured.daemon, Level.DAEMON


def mode_sentence(whose: str, mode: Mode | None, reason: str) -> str:
    """Say what a person did to a mode.

    Args:
        whose: A group such as `domain:example.com`, or empty for one account.
        mode: The mode set, or None where a setting was taken away.
        reason: Why, in their words.
    """
    of = f" of {whose}" if whose else ""
    return f"Mode{of} set to {mode} by a person: {reason}" if mode else f"Mode{of} no longer set by a person: {reason}"


def apply_pending(circuit: Circuit, now: float, author: str, reason: str) -> Verdict | None:
    """Decide that a person takes the verdict which stands pending.

    Args:
        circuit: The account's circuit as it is.
        now: Unix seconds.
        author: Who acts.
        reason: Why, in their words.

    Returns:
        The verdict, or None where none is pending, or the state has gone as far by itself.
    """
    pending = circuit.pending
    cause = SUSPICIONS.get(pending.to) if pending else None
    if pending is None or cause is None or SEVERITY[pending.to] <= SEVERITY[circuit.state]:
        return None
    to = follow(circuit.state, cause)
    if to is None:
        return None
    return Verdict(
        at=now,
        before=circuit.state,
        to=to,
        detector="operator",
        epoch=circuit.epoch + (WANTED[to] is not circuit.wanted),
        why=f"Pending verdict {pending.verdict} ({pending.to}) applied by a person: {reason}",
        author=author,
    )
