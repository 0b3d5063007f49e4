"""Stops that the platform was read back for, and what shows whether they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.domain.outcomes.outcomes import OutcomeSet
from breaker.domain.platform.stop_evidence import StopEvidence
from breaker.domain.probes.probe import QUEUE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import asyncpg

_CONFIRMED = """
    SELECT account, epoch, confirmed_at FROM circuits
    WHERE account = ANY($1::int[]) AND state = 'stopped' AND confirmed = 'stopped'
"""

# Sends that never left, since they carried a virus, are in the ledger too.
_EVIDENCE = """
    SELECT c.confirmed_at, CASE WHEN e.last_refused_at >= c.since THEN e.last_refused_at END, l.sends, l.last
    FROM circuits c
    JOIN accounts a USING (account)
    LEFT JOIN evaluations_read e USING (account)
    CROSS JOIN LATERAL (
        SELECT count(*) AS sends, max(sent_at) AS last FROM ledger
        WHERE application = a.application AND account = c.account AND sent_at > c.confirmed_at + $2::float8
          AND outcomes <> $3
    ) l
    WHERE c.account = $1 AND c.state = 'stopped' AND c.confirmed = 'stopped'
"""


class PostgresStops:
    """`breaker.ports.ConfirmedStops` on PostgreSQL, and the evidence of one of them.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def confirmed_at(self, accounts: Collection[int]) -> Mapping[int, tuple[int, float]]:
        """Return epoch and moment of confirmation of those that are stopped and confirmed so."""
        with translated():
            rows = await self._pool.fetch(_CONFIRMED, list(accounts))
        return {account: (epoch, confirmed_at) for account, epoch, confirmed_at in rows}

    async def evidence(self, account: int) -> StopEvidence | None:
        """Return what shows whether an account's stop holds; None where it is not stopped and confirmed so."""
        with translated():
            row = await self._pool.fetchrow(_EVIDENCE, account, QUEUE, int(OutcomeSet.REJECTED))
        return None if row is None else StopEvidence(*row)
