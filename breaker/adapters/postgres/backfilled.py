"""Which spans of the platform's history were read and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.domain.outcomes.spans import Span, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from breaker.adapters.postgres.identities import Identities

_SPANS = "SELECT begins_at, ends_at FROM backfilled WHERE application = $1 ORDER BY begins_at"

_TAKE_TOUCHED = """
    DELETE FROM backfilled WHERE application = $1 AND begins_at <= $3 AND ends_at >= $2
    RETURNING begins_at, ends_at, judged
"""

_INSERT = "INSERT INTO backfilled (application, begins_at, ends_at, judged) VALUES ($1, $2, $3, $4)"

_UNJUDGED = "SELECT EXISTS (SELECT FROM backfilled WHERE application = $1 AND NOT judged)"

_JUDGED = "UPDATE backfilled SET judged = true WHERE application = $1 AND NOT judged"


class PostgresBackfilled:
    """The spans; one process at a time changes those of an application, which a lease sees to.

    Args:
        pool: Connections to the database.
        identities: The applications' numbers.
    """

    def __init__(self, pool: asyncpg.Pool, identities: Identities) -> None:
        self._pool = pool
        self._identities = identities

    async def spans(self, application_id: str) -> Sequence[Span]:
        """Return those that were read; none overlap."""
        with translated():
            number = await self._identities.application(application_id)
            return [Span(*row) for row in await self._pool.fetch(_SPANS, number)]

    async def add(self, application_id: str, span: Span) -> None:
        """Remember that a span was read; it is joined with those that it touches, and is not judged yet."""
        with translated():
            number = await self._identities.application(application_id)
            async with self._pool.acquire() as connection, connection.transaction():
                touched = await connection.fetch(_TAKE_TOUCHED, number, span.begins_at, span.ends_at)
                begins_at = min([span.begins_at, *(row["begins_at"] for row in touched)])
                ends_at = max([span.ends_at, *(row["ends_at"] for row in touched)])
                await connection.execute(_INSERT, number, begins_at, ends_at, False)  # noqa: FBT003 - a column's value

    async def forget(self, application_id: str, span: Span) -> None:
        """Forget that a span was read; what is before and after it stays."""
        with translated():
            number = await self._identities.application(application_id)
            async with self._pool.acquire() as connection, connection.transaction():
                for row in await connection.fetch(_TAKE_TOUCHED, number, span.begins_at, span.ends_at):
                    for rest in missing(Span(row["begins_at"], row["ends_at"]), [span]):
                        await connection.execute(_INSERT, number, *rest, row["judged"])

    async def unjudged(self, application_id: str) -> bool:
        """Tell whether something was counted that is not judged."""
        with translated():
            number = await self._identities.application(application_id)
            return bool(await self._pool.fetchval(_UNJUDGED, number))

    async def judged(self, application_id: str) -> None:
        """Remember that everything is judged."""
        with translated():
            await self._pool.execute(_JUDGED, await self._identities.application(application_id))
