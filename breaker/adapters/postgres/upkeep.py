"""What keeps the database in shape beside the hot path: days made ahead and dropped, shared counters folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.feed import PostgresFeed

if TYPE_CHECKING:
    import asyncpg

    from breaker.adapters.postgres.partitions import Partitions

_FOLDED_AT_ONCE = 20_000

# Deleting and adding are one statement, so an addition is in exactly one of the two tables at any moment.
_FOLD = """
    WITH taken AS (
        DELETE FROM tally_additions
        WHERE id IN (SELECT id FROM tally_additions ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING *
    ), added AS (
        INSERT INTO tallies_by_hour AS t
        SELECT application, domain, workspace_id, hour, sum(sends), sum(hard_bounces), sum(bounces), sum(delivered),
               sum(complaints), sum(rejected)
        FROM taken
        GROUP BY application, domain, workspace_id, hour
        ORDER BY application, domain, workspace_id, hour
        ON CONFLICT (application, domain, workspace_id, hour) DO UPDATE
        SET sends = t.sends + excluded.sends, hard_bounces = t.hard_bounces + excluded.hard_bounces,
            bounces = t.bounces + excluded.bounces, delivered = t.delivered + excluded.delivered,
            complaints = t.complaints + excluded.complaints, rejected = t.rejected + excluded.rejected
    )
    SELECT count(*) FROM taken
"""


class PostgresUpkeep:
    """The database's housekeeping.

    Args:
        pool: Connections to the database.
        partitions: The days of the ledger.
    """

    def __init__(self, pool: asyncpg.Pool, partitions: Partitions) -> None:
        """Keep the parts."""
        self._pool = pool
        self._partitions = partitions

    async def make_days_ahead(self, now: float) -> None:
        """Make the ledger's partitions for the days to come."""
        await self._partitions.make_ahead(now)

    async def drop_days_before(self, moment: float) -> int:
        """Drop what is older than the retention; return how many partitions."""
        return await self._partitions.drop_before(moment)

    async def drop_old_feed(self, now: float) -> None:
        """Drop what was heard in hours that nothing is compared with any more."""
        await PostgresFeed(self._pool).drop_old(now)

    async def fold_tallies(self) -> int:
        """Fold what batches added to the counters of domains and workspaces; return how many additions."""
        folded = 0
        with translated():
            while True:
                taken = await self._pool.fetchval(_FOLD, _FOLDED_AT_ONCE)
                folded += int(taken)
                if taken < _FOLDED_AT_ONCE:
                    return folded
