"""What a report on readiness rests on: verdicts, counts by day, and what is not as it should be."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.circuit import HeldBy
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.standing.readiness import Asked, FalseStop
from breaker.domain.windows.comparison import Counts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg

    from breaker.domain.outcomes.outcomes import Counting

_WEEK = 7 * 86_400.0
_HOUR = 3_600

# The platform's own acts and people's are no detector's.
_ASKED = """
    SELECT v.id, coalesce(v.scope, a.grant_id, a.address, v.account::text), a.address, p.id, a.domain,
           coalesce(a.home_workspace_id, a.workspace_id), v.at, v.to_state, v.detector, v.signal, v.count, v.of, v.rate,
           v.cause, v.held_by, v.why
    FROM verdicts v
    JOIN applications p ON p.application = v.application
    LEFT JOIN accounts a USING (account)
    WHERE v.at >= $1 AND v.author IS NULL AND v.detector <> 'platform' AND v.to_state IN ('stopped', 'limited')
      AND v.from_state <> 'probing' AND v.signal IS NOT NULL AND p.id = ANY($2::text[])
    ORDER BY v.id
"""

# The stop that was taken back is the last one before it.
_FALSE_STOPS = """
    SELECT coalesce(v.scope, a.grant_id, a.address, v.account::text), a.address, p.id, v.at, s.detector, v.author, v.why
    FROM verdicts v
    JOIN applications p ON p.application = v.application
    LEFT JOIN accounts a USING (account)
    LEFT JOIN LATERAL (
        SELECT b.detector FROM verdicts b
        WHERE b.id < v.id AND b.application = v.application AND b.account IS NOT DISTINCT FROM v.account
          AND b.scope IS NOT DISTINCT FROM v.scope AND b.held_by IS NULL AND b.to_state IN ('limited', 'stopped')
          AND b.from_state NOT IN ('probing', b.to_state)
        ORDER BY b.id DESC LIMIT 1
    ) s ON true
    WHERE v.at >= $1 AND v.context ? 'false_stop' AND p.id = ANY($2::text[])
    ORDER BY v.id
"""

_OF_ACCOUNTS = """
    SELECT a.address, l.outcomes, count(*)
    FROM accounts a
    JOIN applications p USING (application)
    JOIN ledger l ON l.application = a.application AND l.account = a.account
    WHERE p.id = $1 AND a.address = ANY($2::text[]) AND a.merged_into IS NULL AND l.sent_at >= $3 AND l.sent_at < $4
    GROUP BY a.address, l.outcomes
"""

_OF_APPLICATION = """
    SELECT coalesce(sum(delivered), 0)::bigint, coalesce(sum(bounces), 0)::bigint,
           coalesce(sum(complaints), 0)::bigint
    FROM (
        SELECT application, hour, delivered, bounces, complaints FROM tallies_by_hour
        UNION ALL
        SELECT application, hour, delivered, bounces, complaints FROM tally_additions
    ) t
    WHERE t.application = (SELECT application FROM applications WHERE id = $1) AND t.hour >= $2 AND t.hour < $3
"""

_HISTORY_FROM = """
    SELECT least(
        3600::bigint * (SELECT min(hour) FROM tallies_by_hour WHERE application = p.application AND sends > 0),
        3600::bigint * (SELECT min(hour) FROM tally_additions WHERE application = p.application AND sends > 0),
        (SELECT min(begins_at) FROM backfilled WHERE application = p.application)
    )
    FROM applications p WHERE p.id = $1
"""

_UNDECODED = """
    SELECT count(*) FROM undecoded JOIN applications p USING (application) WHERE p.id = $1
"""

_ACTIVE_OF = """
    SELECT p.id, g.name, count(*)
    FROM accounts a
    JOIN applications p USING (application)
    JOIN circuits c USING (account)
    CROSS JOIN LATERAL (
        VALUES ('domain:' || a.domain), ('workspace:' || coalesce(a.home_workspace_id, a.workspace_id))
    ) AS g(name)
    WHERE a.merged_into IS NULL AND c.last_event_at >= $1 AND g.name IS NOT NULL
    GROUP BY p.id, g.name
"""


class PostgresReport:
    """What a report rests on.

    Args:
        pool: Connections to the database.
        counting: What a set of outcomes is worth.
    """

    def __init__(self, pool: asyncpg.Pool, counting: Counting) -> None:
        """Read nothing yet."""
        self._pool = pool
        self._counting = counting

    async def asked(self, applications: Collection[str], since: float) -> Sequence[Asked]:
        """Return the stops and limits that detectors asked for since a moment, in their order."""
        with translated():
            rows = await self._pool.fetch(_ASKED, since, list(applications))
        return [_asked(row) for row in rows]

    async def false_stops(self, applications: Collection[str], since: float) -> Sequence[FalseStop]:
        """Return what people took back as mistakes since a moment, in their order."""
        with translated():
            rows = await self._pool.fetch(_FALSE_STOPS, since, list(applications))
        return [FalseStop(*row) for row in rows]

    async def of_accounts(
        self, application_id: str, addresses: Collection[str], since: int, until: int
    ) -> Mapping[str, Counts]:
        """Return what became of the sends of some accounts, by address."""
        with translated():
            rows = await self._pool.fetch(_OF_ACCOUNTS, application_id, list(addresses), since, until)
        found: dict[str, Counts] = defaultdict(Counts)
        for address, outcomes, number in rows:
            tally, before = self._counting.tally(outcomes), found[address]
            found[address] = Counts(
                before.delivered + number * tally.delivered,
                before.bounced + number * tally.bounces,
                before.complaints + number * tally.complaints,
            )
        return dict(found)

    async def of_application(self, application_id: str, since: int, until: int) -> Counts:
        """Return what became of the sends of all accounts; both moments are full hours."""
        with translated():
            return Counts(*await self._pool.fetchrow(_OF_APPLICATION, application_id, since // _HOUR, until // _HOUR))

    async def history_from(self, application_id: str) -> float | None:
        """Return since when all is known, Unix seconds, or None.

        That is the hour of the earliest send that is counted, or the beginning of the history that was read: where a
        fleet is younger than that, there is no more to know.
        """
        with translated():
            moment = await self._pool.fetchval(_HISTORY_FROM, application_id)
        return None if moment is None else float(moment)

    async def undecoded(self, application_id: str) -> int:
        """Return how many notifications are kept undecoded."""
        with translated():
            return int(await self._pool.fetchval(_UNDECODED, application_id))

    async def active_of_groups(self, now: float) -> Mapping[tuple[str, str], int]:
        """Return the active accounts of each domain and workspace, by application and `domain:X` or `workspace:Y`."""
        with translated():
            rows = await self._pool.fetch(_ACTIVE_OF, now - _WEEK)
        return {(application_id, name): number for application_id, name, number in rows}


def _asked(row: asyncpg.Record) -> Asked:
    number, account, address, application_id, domain, workspace, at, to, detector, signal, *rest = row
    count, of, rate, cause, held_by, why = rest
    groups = (("domain", domain), ("workspace", workspace))
    return Asked(
        id=number,
        account=account,
        address=address,
        application_id=application_id,
        groups=tuple(f"{kind}:{name}" for kind, name in groups if name),
        at=at,
        to=State(to),
        detector=detector,
        signal=Signal(signal),
        count=count,
        of=of,
        rate=rate,
        cause=cause,
        held_by=HeldBy(held_by) if held_by else None,
        why=why,
    )
