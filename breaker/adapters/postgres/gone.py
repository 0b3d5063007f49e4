"""Accounts that are held and whose grant is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

_HELD = """
    SELECT a.account
    FROM circuits c
    JOIN accounts a USING (account)
    JOIN applications p USING (application)
    WHERE p.id = $1 AND c.state <> 'sending' AND a.merged_into IS NULL AND a.grant_deleted_at < $2
      AND NOT EXISTS (SELECT FROM commands o WHERE o.account = c.account AND o.ended_at IS NULL)
    ORDER BY a.account
    LIMIT 500
"""


class PostgresGone:
    """`breaker.flows.let_gone_go.Gone` on PostgreSQL.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def held(self, application_id: str, before: float) -> Sequence[int]:
        """Return their numbers, ascending."""
        with translated():
            return [number for (number,) in await self._pool.fetch(_HELD, application_id, before)]
