"""The mode in force, in SQL: for lists and counts of many accounts, where reading them one by one would be slow.

It says the same as `breaker.domain.circuits.modes.mode_in_force`; a test holds the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.postgres.directory import HOME

if TYPE_CHECKING:
    from breaker.domain.circuits.modes import ConfiguredModes

_LEVELS = (("account", "a.account::text"), ("domain", "a.domain"), ("workspace", HOME), ("application", "p.id"))


def mode_joins(now: str) -> str:
    """Return the joins that bring in what people set; `now` is the parameter with the time.

    They expect `accounts a` and `applications p`.
    """
    return "\n".join(
        f"""LEFT JOIN modes m_{level} ON m_{level}.application = a.application AND m_{level}.scope = '{level}'
            AND m_{level}.name = {name} AND (m_{level}.expires_at IS NULL OR m_{level}.expires_at > {now})"""
        for level, name in _LEVELS
    )


def mode_expression(configured: str) -> str:
    """Return the expression of the mode; `configured` is the parameter with `encode_configured`."""
    people = ", ".join(f"m_{level}.mode" for level, _ in _LEVELS)
    return f"""coalesce({people}, {configured}::jsonb -> 'workspaces' -> p.id ->> {HOME},
                        {configured}::jsonb -> 'applications' ->> p.id, {configured}::jsonb ->> 'daemon')"""


def source_expression(configured: str) -> str:
    """Return the expression of the level that the mode comes from."""
    people = "\n".join(f"WHEN m_{level}.mode IS NOT NULL THEN '{level}'" for level, _ in _LEVELS)
    return f"""CASE {people}
                    WHEN {configured}::jsonb -> 'workspaces' -> p.id ->> {HOME} IS NOT NULL THEN 'workspace'
                    WHEN {configured}::jsonb -> 'applications' ->> p.id IS NOT NULL THEN 'application'
                    ELSE 'daemon' END"""


def encode_configured(configured: ConfiguredModes) -> str:
    """Return what the configuration says as the JSON that the expressions read."""
    workspaces: dict[str, dict[str, str]] = {}
    for (application, workspace), mode in configured.workspaces.items():
        workspaces.setdefault(application, {})[workspace] = mode
    return msgspec.json.encode(
        {"daemon": configured.daemon, "applications": dict(configured.applications), "workspaces": workspaces}
    ).decode()
