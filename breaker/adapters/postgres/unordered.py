"""Accounts that should be stopped, and that nothing is under way for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

_UNORDERED = """
    SELECT c.account, c.last_verdict
    FROM circuits c JOIN accounts a USING (account)
    WHERE c.state IN ('limited', 'stopped', 'probing') AND c.confirmed IS NULL AND a.grant_id IS NOT NULL
      AND c.last_verdict IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM commands o
          WHERE o.account = c.account AND o.epoch = c.epoch AND (o.ended_at IS NULL OR o.ended = 'given_up')
      )
    ORDER BY c.account
    LIMIT 500
"""


class PostgresUnordered:
    """Where nothing is under way.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Keep the pool."""
        self._pool = pool

    async def accounts(self) -> Sequence[tuple[int, int]]:
        """Return `(account, verdict)`, some hundred at most."""
        with translated():
            return [(account, verdict) for account, verdict in await self._pool.fetch(_UNORDERED)]
