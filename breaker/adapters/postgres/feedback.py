"""Recipient domains that send complaint feedback, learnt from the complaints that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.ports import LearntDomain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

# Complaints are one in some thousands of sends, and have an index of their own.
_LEARN = """
    INSERT INTO learnt_feedback AS l (domain, complaints, accounts, learnt_at)
    SELECT recipient_domain, count(*), count(DISTINCT account), $3
    FROM bad_outcomes
    WHERE kind = 'complaint' AND recipient_domain <> ''
    GROUP BY recipient_domain
    HAVING count(*) >= $1 AND count(DISTINCT account) >= $2
    ORDER BY recipient_domain
    ON CONFLICT (domain) DO UPDATE SET complaints = excluded.complaints, accounts = excluded.accounts
    WHERE excluded.complaints > l.complaints
"""

_ALL = "SELECT domain, complaints, accounts, learnt_at FROM learnt_feedback ORDER BY domain"


class PostgresFeedback:
    """What was learnt of complaint feedback.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Read nothing yet."""
        self._pool = pool

    async def learn(self, complaints: int, accounts: int, now: float) -> Sequence[LearntDomain]:
        """Add the recipient domains with at least so many complaints of so many accounts; return all ever learnt."""
        with translated():
            await self._pool.execute(_LEARN, complaints, accounts, now)
        return await self.all()

    async def all(self) -> Sequence[LearntDomain]:
        """Return all that were ever learnt."""
        with translated():
            return [LearntDomain(*row) for row in await self._pool.fetch(_ALL)]
