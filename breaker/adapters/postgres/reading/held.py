"""What the fleet guard holds, and how much of its limits is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.guard import PostgresGuard, groups_of
from breaker.domain.circuits.guard import HeldStop, most_urgent_first
from breaker.domain.detectors.detectors import Signal
from breaker.domain.windows.counters import Counters
from breaker.domain.windows.headroom import headroom
from breaker.ports import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import asyncpg

    from breaker.domain.circuits.guard import Limits, Raise, Usage
    from breaker.domain.windows.counters import WindowSizes

MOST = 1_000
"""Accounts that are read at most, those that wait longest; beyond it a person has to look at the cause."""

_HELD = """
    SELECT c.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id, c.counters,
           v.id, v.at, v.why, v.signal
    FROM circuits c
    JOIN accounts a USING (account)
    JOIN applications p USING (application)
    JOIN verdicts v ON v.id = c.pending_verdict
    WHERE c.pending_verdict IS NOT NULL AND c.pending_held_by = 'guard'
    ORDER BY c.pending_at, c.account
    LIMIT $1
"""
_HELD_DOMAINS = """
    SELECT d.domain, p.id, v.id, v.at, v.why
    FROM domain_circuits d
    JOIN applications p USING (application)
    JOIN verdicts v ON v.id = d.pending_verdict
    WHERE d.pending_held_by = 'guard'
    ORDER BY d.pending_at, d.domain
"""


class PostgresHeld:
    """What the guard holds.

    Args:
        pool: Connections to the database.
        sizes: The windows of the counters.
        limits: Returns the configured limits.
    """

    def __init__(self, pool: asyncpg.Pool, sizes: WindowSizes, limits: Callable[[], Limits]) -> None:
        """Read nothing yet."""
        self._pool = pool
        self._sizes = sizes
        self._limits = limits
        self._guard = PostgresGuard(limits())

    async def stops(self) -> Sequence[HeldStop]:
        """Return what is held, the most urgent first."""
        with translated():
            rows = await self._pool.fetch(_HELD, MOST)
            domains = await self._pool.fetch(_HELD_DOMAINS)
        held = [
            HeldStop(f"domain:{name}", None, application_id, verdict, at, why, Signal.BOUNCE, None, None)
            for name, application_id, verdict, at, why in domains
        ]
        for *identity, data, verdict, at, why, signal in rows:
            account, watched = Account(*identity), Signal(signal or Signal.BOUNCE)
            left = headroom(Counters.from_bytes(self._sizes, data), watched)
            held.append(
                HeldStop(
                    account.id, account.address, account.application_id, verdict, at, why, watched, left, account.key
                )
            )
        return most_urgent_first(held)

    async def usage(self, now: float) -> Sequence[Usage]:
        """Return how much of every limit is used: the fleet's, and those of groups of which something is held."""
        self._guard.configure(self._limits())
        with translated():
            async with self._pool.acquire() as connection:
                groups = {
                    (account.application_id, *group)
                    for *identity, _, _, _, _, _ in await connection.fetch(_HELD, MOST)
                    for account in [Account(*identity)]
                    for group in groups_of(account)
                }
                return await self._guard.usage(connection, sorted(groups), now)

    async def raises(self, now: float) -> Sequence[Raise]:
        """Return what people raised and has not expired."""
        with translated():
            async with self._pool.acquire() as connection:
                return await self._guard.raises(connection, now)
