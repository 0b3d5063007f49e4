"""Signed notifications that were not understood: kept, bounded by number, until somebody replays them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from breaker.adapters.postgres.errors import translated

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from breaker.adapters.http.webhook import Undecodable
    from breaker.adapters.postgres.identities import Identities

KEPT = 10_000
"""Notifications kept at most; the oldest make room. At a few KB each, some ten MB."""


class Kept(NamedTuple):
    """A notification that was kept.

    Args:
        id: By which it is dropped.
        received_at: When it came, Unix seconds.
        body: Its unpacked body.
    """

    id: int
    received_at: float
    body: bytes


class PostgresUndecoded:
    """The table of what was not understood.

    Args:
        pool: Connections to the database.
        identities: The applications' numbers.
    """

    def __init__(self, pool: asyncpg.Pool, identities: Identities) -> None:
        """Keep the parts."""
        self._pool = pool
        self._identities = identities

    async def keep(self, one: Undecodable, now: float) -> None:
        """Keep a notification.

        Raises:
            StoreError: It was not kept.
        """
        with translated():
            application = await self._identities.application(one.application_id)
            try:
                number = await self._pool.fetchval(
                    """
                    INSERT INTO undecoded (application, received_at, trigger, problem, body)
                    VALUES ($1, $2, $3, $4, $5) RETURNING id
                    """,
                    application,
                    now,
                    one.trigger[:100],
                    one.problem[:500],
                    one.body,
                )
            except asyncpg.ForeignKeyViolationError:
                self._identities.forget([])
                raise
            await self._pool.execute("DELETE FROM undecoded WHERE id <= $1", number - KEPT)

    async def after(self, application_id: str, number: int, limit: int) -> Sequence[Kept]:
        """Return those of an application that were kept after one of them, the earliest first, so many at most.

        Raises:
            StoreError: They can't be read now.
        """
        with translated():
            application = await self._identities.application(application_id)
            rows = await self._pool.fetch(
                "SELECT id, received_at, body FROM undecoded WHERE application = $1 AND id > $2 ORDER BY id LIMIT $3",
                application,
                number,
                limit,
            )
        return [Kept(*row) for row in rows]

    async def drop(self, numbers: Collection[int]) -> None:
        """Drop what was taken in.

        Raises:
            StoreError: They stay.
        """
        with translated():
            await self._pool.execute("DELETE FROM undecoded WHERE id = ANY($1::bigint[])", list(numbers))
