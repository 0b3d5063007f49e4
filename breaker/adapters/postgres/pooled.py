"""What the accounts of a domain, a workspace or an application did together, read beside the hot path."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.domain.detectors.pooled import SPANS, Group, GroupCount, GroupKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import asyncpg

_HOUR = 3_600
_DAY = 86_400

# A send from before its account's last reset counts no longer, neither for the account nor for its neighbours.
_COMPLAINTS = """
    SELECT p.id AS application, a.account, coalesce(a.domain, '') AS domain,
           coalesce(a.home_workspace_id, a.workspace_id, '') AS workspace, b.sent_at
    FROM bad_outcomes b
    JOIN accounts o ON o.account = b.account
    JOIN accounts a ON a.account = coalesce(o.merged_into, o.account)
    JOIN applications p ON p.application = a.application
    WHERE b.kind = 'complaint' AND b.counted AND b.sent_at >= $1
      AND b.sent_at >= coalesce((
          SELECT max(v.at) FROM verdicts v
          WHERE v.account = a.account AND v.to_state = 'sending' AND v.author IS NOT NULL
      ), 0)
"""

_DELIVERED = """
    SELECT p.id AS application, t.domain, t.workspace_id AS workspace, span.days, sum(t.delivered)::bigint AS delivered
    FROM (
        SELECT application, domain, workspace_id, hour, delivered::bigint FROM tallies_by_hour WHERE hour >= $1
        UNION ALL
        SELECT application, domain, workspace_id, hour, delivered::bigint FROM tally_additions WHERE hour >= $1
    ) t
    JOIN unnest($2::integer[], $3::integer[]) AS span (days, first_hour) ON t.hour >= span.first_hour
    JOIN applications p USING (application)
    GROUP BY 1, 2, 3, 4
"""


class PostgresGroupCounts:
    """Counts of groups by span.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Keep the pool."""
        self._pool = pool

    async def of_groups(self, now: float) -> Mapping[Group, Sequence[GroupCount]]:
        """Return what every group did within each of `breaker.domain.detectors.pooled.SPANS`.

        Raises:
            StoreError: The database can't be used now.
        """
        earliest = int(now) - max(SPANS) * _DAY
        firsts = [(int(now) - days * _DAY) // _HOUR for days in SPANS]
        with translated():
            async with self._pool.acquire() as connection:
                delivered = await connection.fetch(_DELIVERED, min(firsts), SPANS, firsts)
                complaints = await connection.fetch(_COMPLAINTS, earliest)
        sends: dict[Group, Counter[int]] = defaultdict(Counter)
        for row in delivered:
            for group, _ in _groups(row["application"], row["domain"], row["workspace"], ""):
                sends[group][row["days"]] += row["delivered"]
        bad: dict[tuple[Group, int], Counter[str]] = defaultdict(Counter)
        for row in complaints:
            places = list(_groups(row["application"], row["domain"], row["workspace"], str(row["account"])))
            for days in SPANS:
                if row["sent_at"] >= now - days * _DAY:
                    for group, member in places:
                        bad[group, days][member] += 1
        return {
            group: [GroupCount(days, counts[days], dict(bad.get((group, days), {}))) for days in SPANS]
            for group, counts in sends.items()
        }


def _groups(application: str, domain: str, workspace: str, account: str) -> Iterator[tuple[Group, str]]:
    """Yield the groups that something belongs to, and as which member."""
    if domain:
        yield Group(application, GroupKind.DOMAIN, domain), account
    if workspace:
        yield Group(application, GroupKind.WORKSPACE, workspace), domain
    yield Group(application, GroupKind.APPLICATION, application), domain
