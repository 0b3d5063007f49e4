"""Accounts with a verdict that is held because they are exempt or protected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.windows.counters import Counters
from breaker.domain.windows.headroom import headroom
from breaker.ports import Account, Exempted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from breaker.domain.windows.counters import WindowSizes

MOST = 1_000
"""Accounts that are read at most, those that wait longest."""

_EXEMPTED = """
    SELECT c.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id, c.counters,
           c.pending_to, v.id, v.signal
    FROM circuits c
    JOIN accounts a USING (account)
    JOIN applications p USING (application)
    JOIN verdicts v ON v.id = c.pending_verdict
    WHERE c.pending_verdict IS NOT NULL AND c.pending_held_by = 'exempt' AND a.merged_into IS NULL
    ORDER BY c.pending_at, c.account
    LIMIT $1
"""


class PostgresExempted:
    """Who they are.

    Args:
        pool: Connections to the database.
        sizes: The windows of the counters.
    """

    def __init__(self, pool: asyncpg.Pool, sizes: WindowSizes) -> None:
        """Read nothing yet."""
        self._pool = pool
        self._sizes = sizes

    async def exempted(self) -> Sequence[Exempted]:
        """Return them, those that wait longest first."""
        with translated():
            rows = await self._pool.fetch(_EXEMPTED, MOST)
        found = []
        for *identity, data, to, verdict, named in rows:
            signal = Signal(named or Signal.BOUNCE)
            left = headroom(Counters.from_bytes(self._sizes, data), signal)
            found.append(Exempted(Account(*identity), State(to), verdict, signal, left))
        return found
