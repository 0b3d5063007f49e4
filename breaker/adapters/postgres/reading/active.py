"""The accounts that send, with all that they are judged by; read without locking anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.reading.rows import CIRCUIT_COLUMNS, circuit_of
from breaker.domain.windows.counters import Counters
from breaker.ports import Account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from breaker.domain.circuits.circuit import Circuit
    from breaker.domain.windows.counters import WindowSizes

_ACCOUNTS = f"""
    SELECT c.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id, {CIRCUIT_COLUMNS}, c.counters
    FROM circuits c JOIN accounts a USING (account) JOIN applications p USING (application)
"""  # noqa: S608 - made of constants

_PAGE = f"""
    {_ACCOUNTS}
    WHERE c.account > $1 AND c.last_event_at >= $2 AND a.merged_into IS NULL
    ORDER BY c.account
    LIMIT $3
"""

# By a hash of their number, so that old and new accounts have the same chance, and every time it is the same ones.
_SAMPLE = f"""
    {_ACCOUNTS}
    WHERE c.account IN (
        SELECT account FROM circuits WHERE last_event_at >= $1 ORDER BY hashint4(account), account LIMIT $2
    ) AND a.merged_into IS NULL
    ORDER BY c.account
"""  # noqa: S608 - made of constants


class PostgresActive:
    """The active accounts.

    Args:
        pool: Connections to the database.
        sizes: The windows of the counters.
    """

    def __init__(self, pool: asyncpg.Pool, sizes: WindowSizes) -> None:
        """Read nothing yet."""
        self._pool = pool
        self._sizes = sizes

    async def pages(self, since: float, size: int) -> AsyncIterator[Sequence[tuple[Account, Circuit, Counters]]]:
        """Give the accounts that had an outcome since a moment, so many at a time, the longest known first."""
        last = 0
        while True:
            with translated():
                rows = await self._pool.fetch(_PAGE, last, since, size)
            if not rows:
                return
            last = rows[-1][0]
            yield [self._row(row) for row in rows]

    async def sample(self, since: float, most: int) -> Sequence[tuple[Account, Circuit, Counters]]:
        """Return some of them, so many at most, each with the same chance."""
        with translated():
            return [self._row(row) for row in await self._pool.fetch(_SAMPLE, since, most)]

    def _row(self, row: Sequence[Any]) -> tuple[Account, Circuit, Counters]:
        return Account(*row[:6]), circuit_of(row[6:15]), Counters.from_bytes(self._sizes, row[15])
