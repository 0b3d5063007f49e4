"""Accounts in copies of workspaces, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import asyncpg

_AT_ONCE = 500

# Whoever is meant is held or probed, which the index on states other than `sending` finds.
_MISPLACED = """
    SELECT c.account, c.last_verdict
    FROM accounts a
    JOIN applications p USING (application)
    JOIN circuits c USING (account)
    WHERE p.id = $1 AND c.state <> 'sending' AND c.state IN ('limited', 'stopped', 'probing')
      AND a.merged_into IS NULL AND a.grant_deleted_at IS NULL AND c.last_verdict IS NOT NULL
      AND ((a.workspace_id, a.home_workspace_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))
           OR (a.workspace_id = ANY($4::text[])
               AND (c.state <> 'probing' OR c.permitted IS DISTINCT FROM 'sending'))
           OR (a.home_workspace_id <> a.workspace_id AND a.workspace_id <> ALL($5::text[])))
      AND NOT EXISTS (
          SELECT FROM commands o
          WHERE o.account = c.account AND o.epoch = c.epoch AND (o.ended_at IS NULL OR o.ended = 'given_up')
      )
    ORDER BY c.account
    LIMIT $6
"""


class PostgresInCopies:
    """`breaker.flows.keep_copies.InCopies` on PostgreSQL.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Keep the pool."""
        self._pool = pool

    async def misplaced(
        self,
        application_id: str,
        wrong: Collection[tuple[str, str]],
        probes: Collection[str],
        away: Collection[str],
    ) -> Sequence[tuple[int, int]]:
        """Ask about all at once; some hundred are returned at most."""
        copies, homes = [copy for copy, _ in wrong], [home for _, home in wrong]
        with translated():
            rows = await self._pool.fetch(_MISPLACED, application_id, copies, homes, list(probes), list(away), _AT_ONCE)
        return [(account, verdict) for account, verdict in rows]
