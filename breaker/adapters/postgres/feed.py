"""What daemons heard, shared: counts by hour, and the times in which the feed was not to be trusted.

A daemon adds what it heard every few seconds, in one statement, so a row is written by each daemon about as often as
that, however many events there are.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.feed import DAY, HOUR, WEEK, BlindCause
from breaker.ports import FeedRecord, Gap

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import asyncpg

    from breaker.domain.circuits.feed import Blindness
    from breaker.ports import HeardKey, HeardOf

_KEPT = 2 * WEEK + DAY
_GAPS_KEPT = 90 * DAY
_NEVER = float("inf")
_BREAK = 300.0
"""Seconds without any daemon after which listening begins anew: what came meanwhile is delivered again."""

# Applications that no account was seen of are not known yet, and come with a later call.
_SHARE = """
    INSERT INTO feed_hours AS f (application, trigger, hour, events, last_at)
    SELECT p.application, h.trigger, h.hour, h.events, h.last_at
    FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::float8[])
         AS h(application_id, trigger, hour, events, last_at)
    JOIN applications p ON p.id = h.application_id
    ORDER BY p.application, h.trigger, h.hour
    ON CONFLICT (application, trigger, hour) DO UPDATE
    SET events = f.events + excluded.events, last_at = greatest(f.last_at, excluded.last_at)
"""

_LISTEN = """
    INSERT INTO feeds AS f (application, known_since, listening_since, listened_at)
    SELECT p.application, floor($2::float8 / 3600)::int, $2, $2
    FROM applications p WHERE p.id = ANY($1::text[])
    ORDER BY p.application
    ON CONFLICT (application) DO UPDATE
    SET listening_since = CASE WHEN excluded.listened_at - f.listened_at > $3
                               THEN excluded.listened_at ELSE f.listening_since END,
        listened_at = greatest(f.listened_at, excluded.listened_at)
"""

_FEEDS = """
    SELECT p.id, f.known_since, f.listening_since, f.quiet_at
    FROM feeds f JOIN applications p USING (application)
"""
_HOURS = """
    SELECT p.id, f.trigger, f.hour, f.events
    FROM feed_hours f JOIN applications p USING (application)
    WHERE f.hour >= $1
"""
_LAST = """
    SELECT p.id, f.trigger, max(f.last_at)
    FROM feed_hours f JOIN applications p USING (application)
    GROUP BY p.id, f.trigger
"""
_GAPS = """
    SELECT p.id, g.begins_at, g.cause, g.why, g.found_at, g.seen_at, g.confirmed_at, g.ends_at
    FROM feed_gaps g JOIN applications p USING (application)
    WHERE g.ends_at IS NULL OR g.ends_at > $1
    ORDER BY g.found_at DESC
"""

_BEGIN = """
    INSERT INTO feed_gaps (application, begins_at, cause, why, found_at, seen_at)
    SELECT p.application, $2, $3, $4, $5, $5 FROM applications p WHERE p.id = $1
    ON CONFLICT DO NOTHING
    RETURNING true
"""
_SEE = """
    UPDATE feed_gaps g SET seen_at = greatest(g.seen_at, $2)
    FROM applications p
    WHERE p.id = $1 AND g.application = p.application AND g.ends_at IS NULL
"""
_CONFIRM = """
    UPDATE feed_gaps g SET confirmed_at = coalesce(g.confirmed_at, $2)
    FROM applications p
    WHERE p.id = $1 AND g.application = p.application AND g.ends_at IS NULL
"""
_QUIET = """
    UPDATE feeds f SET quiet_at = greatest(f.quiet_at, $2)
    FROM applications p WHERE p.id = $1 AND f.application = p.application
"""
# What was found quiet by the platform's own account was no gap.
_FORGET = """
    DELETE FROM feed_gaps g USING applications p
    WHERE p.id = $1 AND g.application = p.application AND g.ends_at IS NULL AND g.cause = 'silence'
"""
_END = """
    UPDATE feed_gaps g SET ends_at = $2
    FROM applications p
    WHERE p.id = $1 AND g.application = p.application AND g.ends_at IS NULL
    RETURNING true
"""
_DROP = ("DELETE FROM feed_hours WHERE hour < $1", "DELETE FROM feed_gaps WHERE ends_at < $1")


class PostgresFeed:
    """`breaker.ports.FeedRecords` on PostgreSQL.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Read nothing yet."""
        self._pool = pool
        self._hours: dict[str, dict[tuple[str, int], int]] = defaultdict(dict)
        self._read_from: int | None = None

    async def share(self, heard: Mapping[HeardKey, HeardOf], listening: Collection[str], now: float) -> None:
        """Add what was heard, and note that these applications are listened to."""
        with translated():
            async with self._pool.acquire() as connection:
                if heard:
                    keys, values = zip(*heard, strict=True), zip(*heard.values(), strict=True)
                    await connection.execute(_SHARE, *map(list, keys), *map(list, values))
                await connection.execute(_LISTEN, sorted(listening), now, _BREAK)

    async def read(self, now: float) -> Mapping[str, FeedRecord]:
        """Return what is known; hours that are over are read once."""
        first = int(now // HOUR) - _KEPT // HOUR
        with translated():
            async with self._pool.acquire() as connection:
                feeds = await connection.fetch(_FEEDS)
                hours = await connection.fetch(_HOURS, first if self._read_from is None else self._read_from)
                last = await connection.fetch(_LAST)
                gaps = await connection.fetch(_GAPS, now - _GAPS_KEPT)
        for application_id, trigger, hour, events in hours:
            self._hours[application_id][trigger, hour] = events
        # Another daemon may tell of the hour before a little late.
        self._read_from = int(now // HOUR) - 1
        for known in self._hours.values():
            for old in [key for key in known if key[1] < first]:
                del known[old]
        last_at: dict[str, dict[str, float]] = defaultdict(dict)
        for application_id, trigger, moment in last:
            last_at[application_id][trigger] = moment
        of_gaps: dict[str, list[Gap]] = defaultdict(list)
        for application_id, begins_at, cause, *rest in gaps:
            of_gaps[application_id].append(Gap(begins_at, BlindCause(cause), *rest))
        return {
            application_id: FeedRecord(
                last_at[application_id],
                self._hours[application_id],
                known_since,
                listening_since,
                quiet_at,
                of_gaps[application_id],
            )
            for application_id, known_since, listening_since, quiet_at in feeds
        }

    async def open_gaps(self) -> Mapping[str, Gap]:
        """Return the gaps that go on, by application."""
        with translated():
            rows = await self._pool.fetch(_GAPS, _NEVER)
        return {application_id: Gap(at, BlindCause(cause), *rest) for application_id, at, cause, *rest in rows}

    async def begin_gap(self, application_id: str, found: Blindness, now: float) -> bool:
        """Begin a gap, or see the one that goes on once more."""
        with translated():
            async with self._pool.acquire() as connection:
                begun = await connection.fetchval(_BEGIN, application_id, found.since, found.cause, found.why, now)
                if not begun:
                    await connection.execute(_SEE, application_id, now)
        return bool(begun)

    async def note_read(self, application_id: str, now: float, *, delivered: bool) -> None:
        """Note what one read of the platform said."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                if delivered:
                    await connection.execute(_CONFIRM, application_id, now)
                else:
                    await connection.execute(_QUIET, application_id, now)
                    await connection.execute(_FORGET, application_id)

    async def end_gap(self, application_id: str, now: float) -> bool:
        """End the gap that goes on."""
        with translated():
            return bool(await self._pool.fetchval(_END, application_id, now))

    async def drop_old(self, now: float) -> None:
        """Drop hours and gaps that nothing is judged by any more."""
        with translated():
            await self._pool.execute(_DROP[0], int(now // HOUR) - _KEPT // HOUR)
            await self._pool.execute(_DROP[1], now - _GAPS_KEPT)
