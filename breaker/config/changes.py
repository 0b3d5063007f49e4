"""What of a new configuration can take effect while the daemon runs, and what needs a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from breaker.config.applications import ApplicationSettings, WorkspaceSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.config.settings import Settings

AT_ONCE = frozenset(
    {
        "actuators",
        "admin_tokens",
        "applications.actuators",
        "applications.mode",
        "applications.webhook_secrets",
        "applications.workspaces.actuators",
        "applications.workspaces.mode",
        "counting.feedback_domains",
        "counting.simulator_domains",
        "detection",
        "domains",
        "drill",
        "guard",
        "ledger.retention_days",
        "log",
        "mode",
        "platform.paused_text",
        "probing",
        "profiles",
        "protected",
        "public_url",
        "suppression",
        "webhook_secrets",
    }
)
"""The settings that take effect at once. All others hold something open, such as a listener or a connection, or have
shaped what is kept, such as the windows of the counters: they need a restart."""

_MADE_AT_START = frozenset({"send_hash_key"})
"""What is made where nothing is said, and found in its file from then on."""

T = TypeVar("T", bound=BaseModel)


def changed(old: Settings, new: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings in force after a reload, and the names of those that need a restart to be.

    Args:
        old: What is in force.
        new: What was read now.
    """
    waiting: list[str] = []
    merged = _merged(old, new, "", "", waiting)
    # Secrets of its own name an application beside those that are listed: one that is not guarded yet.
    if len(merged.guarded_applications()) != len(old.guarded_applications()):
        merged = merged.model_copy(update={"webhook_secrets": old.webhook_secrets})
        waiting.append("webhook_secrets")
    return merged.with_origins(new.origins), tuple(waiting)


def _merged(old: T, new: T, name: str, key: str, waiting: list[str]) -> T:
    """Lay the changes that take effect at once over a group of settings.

    Args:
        old: The group as it is in force.
        new: The group as it was read now.
        name: The group's dotted name, as in `AT_ONCE`.
        key: The same for people, with indexes and ids.
        waiting: Takes the names of those that have to wait.
    """
    taken: dict[str, object] = {}
    for field in type(new).model_fields:
        here, there = (f"{above}.{field}" if above else field for above in (name, key))
        before, after = getattr(old, field), getattr(new, field)
        if before == after or (field in _MADE_AT_START and before is None):
            continue
        if here in AT_ONCE:
            taken[field] = after
        elif isinstance(before, BaseModel) and isinstance(after, BaseModel):
            taken[field] = _merged(before, after, here, there, waiting)
        elif here == "applications":
            taken[field] = _applications(before, after, waiting)
        elif here == "applications.workspaces":
            taken[field] = _workspaces(before, after, there, waiting)
        else:
            waiting.append(there)
    return old.model_copy(update=taken)


def _applications(
    old: Sequence[ApplicationSettings], new: Sequence[ApplicationSettings], waiting: list[str]
) -> tuple[ApplicationSettings, ...]:
    said = {one.id: (place, one) for place, one in enumerate(new)}
    if set(said) != {one.id for one in old}:
        waiting.append("applications")
    merged = []
    for one in old:
        place, after = said.get(one.id, (0, one))
        merged.append(_merged(one, after, "applications", f"applications[{place}]", waiting))
    return tuple(merged)


def _workspaces(
    old: Mapping[str, WorkspaceSettings], new: Mapping[str, WorkspaceSettings], key: str, waiting: list[str]
) -> Mapping[str, WorkspaceSettings]:
    return {
        name: _merged(
            old.get(name, WorkspaceSettings()),
            new.get(name, WorkspaceSettings()),
            "applications.workspaces",
            f"{key}.{name}",
            waiting,
        )
        for name in dict.fromkeys((*old, *new))
    }
