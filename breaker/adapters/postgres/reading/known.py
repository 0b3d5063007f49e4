"""Everybody who is known, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.ports import Account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

_PAGE = 5_000

_KNOWN = """
    SELECT a.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id
    FROM accounts a JOIN applications p USING (application)
    WHERE a.account > $1 AND a.merged_into IS NULL AND a.grant_deleted_at IS NULL
    ORDER BY a.account
    LIMIT $2
"""


class PostgresKnown:
    """The accounts that are known and were not deleted on the platform.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Read nothing yet."""
        self._pool = pool

    async def pages(self) -> AsyncIterator[Sequence[Account]]:
        """Give them all, some thousand at a time, the longest known first."""
        last = 0
        while True:
            with translated():
                rows = await self._pool.fetch(_KNOWN, last, _PAGE)
            if not rows:
                return
            last = rows[-1][0]
            yield [Account(*row) for row in rows]
