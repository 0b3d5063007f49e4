"""The days of the ledger: made ahead, dropped when they are over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated

if TYPE_CHECKING:
    from collections.abc import Collection

    import asyncpg

_DAY = 86_400
_NAME = re.compile(r"^(ledger|bad_outcomes)_(\d{8})$")
_PARTITIONS = """
    SELECT c.relname, extract(epoch FROM to_date(right(c.relname, 8), 'YYYYMMDD'))::bigint / 86400 AS day
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('ledger'::regclass, 'bad_outcomes'::regclass)
"""


class Partitions:
    """The partitions of the ledger, by day of sending (days since 1970, UTC).

    Args:
        pool: Connections to the database.
        ahead: Days that are made before they come.
    """

    def __init__(self, pool: asyncpg.Pool, ahead: int) -> None:
        """Know no partition yet."""
        self._pool = pool
        self._ahead = ahead
        self._made: set[int] = set()

    async def make(self, days: Collection[int]) -> None:
        """Make the partitions of these days where they are missing."""
        for day in sorted(set(days) - self._made):
            async with self._pool.acquire() as connection:
                await connection.execute("SELECT ledger_partition($1)", day)
            self._made.add(day)

    async def make_ahead(self, now: float) -> None:
        """Make the partitions of yesterday, today and the days to come."""
        today = int(now) // _DAY
        with translated():
            await self.make(range(today - 1, today + self._ahead + 1))

    async def drop_before(self, moment: float) -> int:
        """Drop the partitions that hold nothing from `moment`, in Unix seconds, on; return how many."""
        oldest = int(moment) // _DAY
        dropped = 0
        with translated():
            for name, day in await self._pool.fetch(_PARTITIONS):
                if day < oldest and _NAME.match(name):
                    await self._pool.execute(f'DROP TABLE IF EXISTS "{name}"')
                    self._made.discard(day)
                    dropped += 1
        return dropped

    def forget(self) -> None:
        """Look every day up anew: the database may have been replaced."""
        self._made.clear()
