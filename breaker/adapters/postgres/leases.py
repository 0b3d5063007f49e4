"""Leases in PostgreSQL: who may do what one daemon at a time may do, by the server's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated

if TYPE_CHECKING:
    import asyncpg

_TAKE = """
    INSERT INTO leases (name, holder, until) VALUES ($1, $2, clock_timestamp() + $3::float8 * interval '1 second')
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE leases.holder = excluded.holder OR leases.until <= clock_timestamp()
    RETURNING true
"""


class PostgresLeases:
    """`breaker.ports.Leases` on PostgreSQL.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def take(self, name: str, holder: str, lasts: float) -> bool:
        """Take or renew in one statement, so that of two that come at once one is refused."""
        with translated():
            return bool(await self._pool.fetchval(_TAKE, name, holder, lasts))

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back, if it is still this holder's."""
        with translated():
            await self._pool.execute("DELETE FROM leases WHERE name = $1 AND holder = $2", name, holder)
