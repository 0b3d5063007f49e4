"""The audit trail of looks at recipients' addresses, in PostgreSQL; the addresses themselves never come here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.modes import AUDIT_ACCOUNTS

if TYPE_CHECKING:
    import asyncpg

    from breaker.ports import Account


class PostgresLooks:
    """`breaker.ports.Looks` on PostgreSQL.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Keep the pool."""
        self._pool = pool

    async def looked(self, account: Account, why: str, author: str, now: float) -> None:
        """Note that somebody looks, and why, as an entry of the account.

        Raises:
            StoreError: It was not noted.
        """
        with translated():
            await self._pool.execute(AUDIT_ACCOUNTS, [account.key], now, why, author, '{"act": "look"}')
