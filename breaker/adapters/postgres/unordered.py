"""Accounts that should be stopped or limited, and are not known to be, and that nothing is under way for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.states import WANTED, Wanted
from breaker.ports import Account

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

# Whom somebody else takes out of a list again and again, or where Breaker only observes, is left to people.
_UNORDERED = """
    SELECT c.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id,
           coalesce(c.permitted, w.wanted) AS wanted, c.last_verdict
    FROM circuits c
    JOIN unnest($2::text[], $3::text[]) AS w(state, wanted) ON w.state = c.state
    JOIN accounts a USING (account)
    JOIN applications p USING (application)
    WHERE c.account > $1 AND c.state <> 'sending' AND c.confirmed IS DISTINCT FROM coalesce(c.permitted, w.wanted)
      AND c.permitted IS DISTINCT FROM 'sending'
      AND a.grant_id IS NOT NULL AND c.last_verdict IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM commands o
          WHERE o.account = c.account AND o.epoch = c.epoch AND (o.ended_at IS NULL OR o.ended = 'given_up')
      )
      AND NOT EXISTS (
          SELECT FROM put_backs t
          WHERE t.account = c.account AND t.epoch = c.epoch AND (t.put_back_at IS NULL OR t.left_at IS NOT NULL)
      )
    ORDER BY c.account
    LIMIT 500
"""

_HELD = {state: wanted for state, wanted in WANTED.items() if wanted is not Wanted.SENDING}


class PostgresUnordered:
    """Where nothing is under way.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Keep the pool."""
        self._pool = pool

    async def accounts(self, after: int) -> Sequence[tuple[Account, Wanted, int]]:
        """Return `(account, wanted, verdict)`, some hundred at most, in the order of the accounts' numbers."""
        with translated():
            rows = await self._pool.fetch(_UNORDERED, after, list(_HELD), list(_HELD.values()))
        return [(Account(*row[:6]), Wanted(row["wanted"]), row["last_verdict"]) for row in rows]
