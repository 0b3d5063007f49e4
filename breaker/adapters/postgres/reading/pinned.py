"""Accounts for which a pin holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.reading.mode_sql import encode_configured, mode_expression, mode_joins
from breaker.domain.modes import ConfiguredModes
from breaker.ports import Account

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

AT_ONCE = 1_000
"""Accounts that are read at once: the others are found at the next look."""

_NOT_STOPPED = f"""
    SELECT a.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id
    FROM circuits c JOIN accounts a USING (account) JOIN applications p USING (application)
    {mode_joins("$1")}
    WHERE c.state <> 'stopped' AND a.grant_id IS NOT NULL AND a.merged_into IS NULL AND a.grant_deleted_at IS NULL
      AND {mode_expression("$2")} = 'stopped'
    ORDER BY a.account
    LIMIT {AT_ONCE}
"""  # noqa: S608 - made of constants


class PostgresPinned:
    """Accounts for which a pin holds.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Read nothing yet."""
        self._pool = pool

    async def not_stopped(self, now: float) -> Sequence[Account]:
        """Return those that are not stopped and could be, some thousand at most.

        Raises:
            StoreUnavailableError: It can't be read.
        """
        with translated():
            rows = await self._pool.fetch(_NOT_STOPPED, now, encode_configured(ConfiguredModes()))
        return [Account(*row) for row in rows]
