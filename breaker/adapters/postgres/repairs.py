"""What was repaired on the platform, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated

if TYPE_CHECKING:
    import asyncpg

_KEPT = 90 * 86_400.0

_COUNT = "SELECT count(*) FROM repairs WHERE application_id = $1 AND object = $2 AND at > $3"
_ADD = "INSERT INTO repairs (application_id, kind, object, at) VALUES ($1, $2, $3, $4)"
_DROP = "DELETE FROM repairs WHERE at < $1"


class PostgresRepairs:
    """`breaker.flows.repair.Repairs` on PostgreSQL.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def since(self, application_id: str, of: str, since: float) -> int:
        """Return how often something was repaired since a moment."""
        with translated():
            return int(await self._pool.fetchval(_COUNT, application_id, of, since))

    async def add(self, application_id: str, kind: str, of: str, now: float) -> None:
        """Remember that something is being repaired."""
        with translated():
            await self._pool.execute(_ADD, application_id, kind, of, now)
            await self._pool.execute(_DROP, now - _KEPT)
