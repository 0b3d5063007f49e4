"""Suppressed recipients in PostgreSQL: the one table that has recipients' addresses as they are.

Rows are written in the transaction that counts the outcome, after everything else in it and in the order of addresses,
so that two batches which suppress the same recipients wait for each other and never in a circle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from breaker.adapters.postgres.errors import translated
from breaker.domain.platform.suppression import Reason
from breaker.ports import SuppressedRow, SuppressionCounts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import asyncpg

    from breaker.domain.platform.suppression import Suppressed

_KEEP = """
    INSERT INTO suppressions AS s (application, address, reason, first_at, last_at, times)
    SELECT p.application, k.address, min(k.reason), min(k.at), max(k.at), count(*)::int
    FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[]) AS k(application_id, address, reason, at)
    JOIN applications p ON p.id = k.application_id
    GROUP BY p.application, k.address
    ORDER BY p.application, k.address
    ON CONFLICT (application, address) DO UPDATE
    SET reason = CASE WHEN 'complaint' IN (s.reason, excluded.reason) THEN 'complaint' ELSE excluded.reason END,
        first_at = least(s.first_at, excluded.first_at), last_at = greatest(s.last_at, excluded.last_at),
        times = s.times + excluded.times
"""

_APPLICATION = "(SELECT application FROM applications WHERE id = $1)"

_EXPIRE = f"DELETE FROM suppressions WHERE application = {_APPLICATION} AND last_at < $2"  # noqa: S608 - of constants

_WANTED = f"""
    SELECT address, written FROM suppressions WHERE application = {_APPLICATION} AND NOT refused
    ORDER BY last_at DESC, address LIMIT $2
"""  # noqa: S608 - made of constants

_UNWRITTEN = f"SELECT address FROM ({_WANTED}) latest WHERE NOT written LIMIT $3"  # noqa: S608 - made of constants

_NOTE_WRITTEN = f"""
    UPDATE suppressions SET written = true, refused = $3
    WHERE application = {_APPLICATION} AND address = ANY($2::text[])
"""  # noqa: S608 - made of constants

_NOTE_LISTED = f"""
    UPDATE suppressions s SET listed = t.there, written = s.refused OR t.there
    FROM (
        SELECT k.application, k.address, v.address IS NOT NULL AS there
        FROM suppressions k LEFT JOIN unnest($2::text[]) AS v(address) USING (address)
        WHERE k.application = {_APPLICATION}
    ) t
    WHERE s.application = t.application AND s.address = t.address
      AND (s.listed, s.written) IS DISTINCT FROM (t.there, s.refused OR t.there)
"""  # noqa: S608 - made of constants

_COUNTS = f"""
    SELECT count(*), count(*) FILTER (WHERE listed), greatest(0, count(*) FILTER (WHERE NOT refused) - $2)
    FROM suppressions WHERE application = {_APPLICATION}
"""  # noqa: S608 - made of constants

_ERASED = f"SELECT erased FROM suppression_erasures WHERE application = {_APPLICATION}"  # noqa: S608 - of constants

_LIST = """
    SELECT p.id, s.address, s.reason, s.first_at, s.last_at, s.times, s.listed
    FROM suppressions s JOIN applications p USING (application)
    WHERE ($1::text IS NULL OR s.reason = $1) AND ($2::text[] IS NULL OR s.address = ANY($2))
    ORDER BY s.last_at DESC, s.address LIMIT $3
"""

_ERASE = """
    WITH gone AS (
        DELETE FROM suppressions WHERE $1::text[] IS NULL OR address = ANY($1) RETURNING application
    ), counted AS (
        INSERT INTO suppression_erasures AS e (application, erased)
        SELECT application, count(*) FROM gone GROUP BY application
        ON CONFLICT (application) DO UPDATE SET erased = e.erased + excluded.erased
    )
    SELECT p.id, count(*) FROM gone JOIN applications p USING (application) GROUP BY p.id ORDER BY p.id
"""

_AUDIT = """
    INSERT INTO verdicts (application, scope, at, detector, why, author, context)
    SELECT application, 'suppression', $1, 'operator', $2, $3,
           jsonb_build_object('act', $4::text, 'fingerprints', $5::text[])
    FROM applications ORDER BY application
"""


class Audit(NamedTuple):
    """What the audit trail is told of an act; no address may be in it.

    Args:
        at: When, Unix seconds.
        act: Which.
        why: A sentence.
        author: Who.
        fingerprints: By what the addresses in question are known again.
    """

    at: float
    act: str
    why: str
    author: str
    fingerprints: Sequence[str] = ()


async def keep_suppressed(connection: asyncpg.Connection, recipients: Sequence[Suppressed]) -> None:
    """Keep recipients, in a transaction that is open."""
    ids, addresses, reasons, times = zip(*recipients, strict=True)
    await connection.execute(_KEEP, ids, addresses, [str(one) for one in reasons], times)


class PostgresSuppressions:
    """The recipients that are kept.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def expire(self, application_id: str, before: float) -> int:
        """Forget those that last bounced or complained before a moment; return how many."""
        with translated():
            done = await self._pool.execute(_EXPIRE, application_id, before)
        return int(done.rpartition(" ")[2])

    async def wanted(self, application_id: str, most: int) -> Sequence[str]:
        """Return the latest ones, so many at most."""
        with translated():
            return [row[0] for row in await self._pool.fetch(_WANTED, application_id, most)]

    async def unwritten(self, application_id: str, most: int, limit: int) -> Sequence[str]:
        """Return those of the latest ones that were not written yet."""
        with translated():
            return [row[0] for row in await self._pool.fetch(_UNWRITTEN, application_id, most, limit)]

    async def note_written(self, application_id: str, addresses: Collection[str], *, refused: bool = False) -> None:
        """Remember that these were put into the List, or that the platform refuses them as none."""
        with translated():
            await self._pool.execute(_NOTE_WRITTEN, application_id, list(addresses), refused)

    async def note_listed(self, application_id: str, addresses: Collection[str]) -> None:
        """Remember that the List has these and no other."""
        with translated():
            await self._pool.execute(_NOTE_LISTED, application_id, list(addresses))

    async def counts(self, application_id: str, most: int) -> SuppressionCounts:
        """Return how many there are."""
        with translated():
            return SuppressionCounts(*await self._pool.fetchrow(_COUNTS, application_id, most))

    async def erased(self, application_id: str) -> int:
        """Return a number that grows with every erasure."""
        with translated():
            return int(await self._pool.fetchval(_ERASED, application_id) or 0)

    async def all(
        self, limit: int, reason: Reason | None = None, addresses: Collection[str] | None = None
    ) -> Sequence[SuppressedRow]:
        """Return what is kept, the latest first; of some addresses only, where they are given."""
        some = None if addresses is None else list(addresses)
        with translated():
            rows = await self._pool.fetch(_LIST, reason, some, limit)
        return [SuppressedRow(row[0], row[1], Reason(row[2]), *row[3:]) for row in rows]

    async def erase(self, addresses: Collection[str] | None, audit: Audit) -> int:
        """Erase addresses, or all there are, and tell the audit trail, all or nothing; return how many.

        They are gone with the commit.
        """
        some = None if addresses is None else list(addresses)
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                erased = sum(int(number) for _, number in await connection.fetch(_ERASE, some))
                await self._tell(connection, audit._replace(why=f"{audit.why} ({erased:,} in all)"))
        return erased

    async def audit(self, audit: Audit) -> None:
        """Tell the audit trail of every application what a person did."""
        with translated():
            await self._tell(self._pool, audit)

    async def _tell(self, connection: asyncpg.Connection | asyncpg.Pool, audit: Audit) -> None:
        await connection.execute(_AUDIT, audit.at, audit.why, audit.author, audit.act, list(audit.fingerprints))
