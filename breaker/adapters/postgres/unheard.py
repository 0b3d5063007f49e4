"""Times in which not all was heard, in PostgreSQL: those of the webhook, and the feed's own gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.ports import Unheard

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

_KEPT = 90 * 86_400.0

# An application that no account was seen of has nothing to lose yet, and comes with a later look.
_BEGIN = """
    INSERT INTO webhook_failures AS f (application, begins_at, found_at)
    SELECT p.application, $2, $3 FROM applications p WHERE p.id = $1
    ON CONFLICT (application) WHERE ends_at IS NULL DO UPDATE SET begins_at = least(f.begins_at, excluded.begins_at)
"""
_END = """
    UPDATE webhook_failures f SET ends_at = $2
    FROM applications p
    WHERE p.id = $1 AND f.application = p.application AND f.ends_at IS NULL
    RETURNING true
"""
_TO_FILL = """
    SELECT f.begins_at, f.ends_at, f.found_at, true
    FROM webhook_failures f JOIN applications p USING (application)
    WHERE p.id = $1 AND f.ends_at < $2 AND f.filled_at IS NULL
    UNION ALL
    SELECT g.begins_at, g.ends_at, g.found_at, false
    FROM feed_gaps g JOIN applications p USING (application)
    WHERE p.id = $1 AND g.ends_at < $2 AND g.filled_at IS NULL
    ORDER BY 1
"""
_FILLED = """
    UPDATE {table} f SET filled_at = $4
    FROM applications p
    WHERE p.id = $1 AND f.application = p.application AND f.begins_at = $2 AND f.ends_at = $3
"""
_DROP = "DELETE FROM webhook_failures WHERE filled_at < $1"


class PostgresUnheard:
    """`breaker.ports.UnheardTimes` on PostgreSQL.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def begin(self, application_id: str, begins_at: float, now: float) -> None:
        """Begin one, or let the one that goes on reach back further."""
        with translated():
            await self._pool.execute(_BEGIN, application_id, begins_at, now)

    async def end(self, application_id: str, now: float) -> bool:
        """End the one that goes on."""
        with translated():
            return bool(await self._pool.fetchval(_END, application_id, now))

    async def to_fill(self, application_id: str, before: float) -> Sequence[Unheard]:
        """Return what ended, of both kinds, the earliest first."""
        with translated():
            return [Unheard(*row) for row in await self._pool.fetch(_TO_FILL, application_id, before)]

    async def filled(self, application_id: str, unheard: Unheard, now: float) -> None:
        """Note it, and forget what was filled long ago."""
        statement = _FILLED.format(table="webhook_failures" if unheard.of_webhook else "feed_gaps")
        with translated():
            await self._pool.execute(statement, application_id, unheard.begins_at, unheard.ends_at, now)
            await self._pool.execute(_DROP, now - _KEPT)
