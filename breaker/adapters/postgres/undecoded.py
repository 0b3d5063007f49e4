"""Signed notifications that were not understood: kept, bounded by number, until somebody replays them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from breaker.adapters.postgres.errors import translated

if TYPE_CHECKING:
    from breaker.adapters.http.webhook import Undecodable
    from breaker.adapters.postgres.identities import Identities

KEPT = 10_000
"""Notifications kept at most; the oldest make room. At a few KB each, some ten MB."""


class PostgresUndecoded:
    """The table of what was not understood.

    Args:
        pool: Connections to the database.
        identities: The applications' numbers.
    """

    def __init__(self, pool: asyncpg.Pool, identities: Identities) -> None:
        """Keep the parts."""
        self._pool = pool
        self._identities = identities

    async def keep(self, one: Undecodable, now: float) -> None:
        """Keep a notification.

        Raises:
            StoreError: It was not kept.
        """
        with translated():
            application = await self._identities.application(one.application_id)
            try:
                number = await self._pool.fetchval(
                    """
                    INSERT INTO undecoded (application, received_at, trigger, problem, body)
                    VALUES ($1, $2, $3, $4, $5) RETURNING id
                    """,
                    application,
                    now,
                    one.trigger[:100],
                    one.problem[:500],
                    one.body,
                )
            except asyncpg.ForeignKeyViolationError:
                self._identities.forget([])
                raise
            await self._pool.execute("DELETE FROM undecoded WHERE id <= $1", number - KEPT)
