"""Signs of life: each daemon's own row, and how the notifications that it took were signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.postgres.errors import translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from breaker.domain.findings.facts import SigningFact

_DAY = 86_400.0

_LIVE = """
    INSERT INTO daemons AS d (name, seen_at, clock_difference, observe_only, applications)
    SELECT $1, t.now, $2 - t.now, $3, $4::text::jsonb
    FROM (SELECT extract(epoch FROM clock_timestamp())::float8) AS t(now)
    ON CONFLICT (name) DO UPDATE
    SET seen_at = excluded.seen_at, clock_difference = excluded.clock_difference,
        observe_only = excluded.observe_only, applications = excluded.applications
"""
_FORGET = "DELETE FROM daemons WHERE seen_at < extract(epoch FROM clock_timestamp()) - $1"
_LEAVE = "DELETE FROM daemons WHERE name = $1"

_SIGNED = """
    INSERT INTO signings AS s (application_id, how, number, last_at, packed)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::float8[], $5::bool[])
    ORDER BY 1, 2
    ON CONFLICT (application_id, how) DO UPDATE
    SET number = CASE WHEN excluded.last_at - s.last_at > $6 THEN excluded.number ELSE s.number + excluded.number END,
        last_at = greatest(s.last_at, excluded.last_at), packed = excluded.packed
"""


@dataclass(frozen=True, slots=True)
class Guarding:
    """How a daemon guards one application.

    Args:
        installation: The installation that it is of.
        acts: Whether it has an API key.
        observing: Where its configuration says observe: `` for the application, else workspace ids.
    """

    installation: str
    acts: bool
    observing: tuple[str, ...] = ()


class PostgresSignsOfLife:
    """Writes what a daemon tells of itself.

    Args:
        pool: Connections to the database.
        name: The daemon's name.
    """

    def __init__(self, pool: asyncpg.Pool, name: str) -> None:
        self._pool = pool
        self._name = name

    async def live(self, guarding: Mapping[str, Guarding], now: float, *, observe_only: bool) -> None:
        """Tell that the daemon runs, and how it guards each application.

        Raises:
            StoreError: It was not told.
        """
        applications = msgspec.json.encode(guarding).decode()
        with translated():
            await self._pool.execute(_LIVE, self._name, now, observe_only, applications)
            await self._pool.execute(_FORGET, _DAY)

    async def leave(self) -> None:
        """Tell that the daemon stops as it should.

        Raises:
            StoreError: It was not told.
        """
        with translated():
            await self._pool.execute(_LEAVE, self._name)

    async def signed(self, facts: Mapping[str, Sequence[SigningFact]]) -> None:
        """Add how notifications were signed, by application; a count begins anew after a day without any.

        Raises:
            StoreError: It was not added.
        """
        rows = [(name, one.how, one.number, one.last_at, one.packed) for name, some in facts.items() for one in some]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            with translated():
                await self._pool.execute(_SIGNED, *columns, _DAY)
