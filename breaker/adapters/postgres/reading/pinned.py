"""Accounts for which a pin holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.directory import HOME
from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.reading.mode_sql import encode_configured, mode_expression, mode_joins
from breaker.domain.circuits.modes import ConfiguredModes, Level
from breaker.ports import AGENT_PROVIDER, Account

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

AT_ONCE = 1_000
"""Accounts that are read at once: the others are found at the next look."""

_NAMED: Mapping[Level, str] = {
    Level.ACCOUNT: "a.account = w.name::int",
    Level.DOMAIN: "a.domain = w.name",
    Level.WORKSPACE: f"{HOME} = w.name",
    Level.APPLICATION: "p.id = w.name",
}

# One statement each, so that each is answered from the index that fits it.
_NOT_STOPPED: Mapping[Level, str] = {
    level: f"""
        SELECT a.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id, a.provider
        FROM unnest($3::text[], $4::text[]) AS w(application_id, name)
        JOIN applications p ON p.id = w.application_id
        JOIN accounts a ON a.application = p.application AND {named}
        JOIN circuits c USING (account)
        {mode_joins("$1")}
        WHERE c.state <> 'stopped' AND a.grant_id IS NOT NULL AND a.merged_into IS NULL AND a.grant_deleted_at IS NULL
          AND coalesce(a.provider, '{AGENT_PROVIDER}') = '{AGENT_PROVIDER}'
          AND {mode_expression("$2")} = 'stopped'
        ORDER BY a.account
        LIMIT {AT_ONCE}
    """  # noqa: S608 - made of constants
    for level, named in _NAMED.items()
}


class PostgresPinned:
    """Accounts for which a pin holds.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Read nothing yet."""
        self._pool = pool

    async def not_stopped(self, places: Sequence[tuple[str, Level, str]], now: float) -> Sequence[Account]:
        """Return those of these places that are not stopped and could be, some thousand at most.

        Args:
            places: Where, as `(application, level, name)`.
            now: Unix seconds.

        Raises:
            StoreUnavailableError: It can't be read.
        """
        configured = encode_configured(ConfiguredModes())  # which pins nobody
        found: dict[int, Account] = {}
        for level in dict.fromkeys(level for _, level, _ in places):
            applications, names = zip(*((of, name) for of, one, name in places if one is level), strict=True)
            with translated():
                rows = await self._pool.fetch(_NOT_STOPPED[level], now, configured, applications, names)
            found |= {row[0]: Account(*row) for row in rows}
        return list(found.values())
