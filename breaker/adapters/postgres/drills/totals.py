"""What metrics and `breaker doctor` tell of all drills."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import asyncpg

# Of several canaries the one whose last success is the oldest is the one to be woken for.
_SUCCESS = """
    SELECT CASE WHEN bool_and(last.at IS NOT NULL) THEN min(last.at) END
    FROM unnest($1::text[]) AS w(id)
    JOIN applications p ON p.id = w.id
    LEFT JOIN LATERAL (
        SELECT max(d.begun_at) AS at FROM drills d
        WHERE d.application = p.application AND d.outcome IN ('passed', 'found')
    ) last ON true
"""
_FAILURES = "SELECT failed_at, count(*) FROM drills WHERE failed_at IS NOT NULL GROUP BY failed_at"
_SECONDS = """
    SELECT s.step ->> 'step', (s.step ->> 'seconds')::float8
    FROM (SELECT steps FROM drills WHERE outcome IS NOT NULL ORDER BY drill DESC LIMIT 1) d,
         jsonb_array_elements(d.steps) AS s(step)
"""


@dataclass(frozen=True, slots=True)
class DrillTotals:
    """All drills.

    Args:
        last_success_at: When the last one that passed was begun, Unix seconds; None where none has.
        failures: How many failed or found something, by the step.
        seconds: How long each step of the latest took.
    """

    last_success_at: float | None = None
    failures: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


class PostgresDrillTotals:
    """Reads them.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def read(self, applications: Collection[str]) -> DrillTotals:
        """Return them; the last success is that of the application where it is the longest ago."""
        with translated():
            success = await self._pool.fetchval(_SUCCESS, list(applications))
            failures = await self._pool.fetch(_FAILURES)
            seconds = await self._pool.fetch(_SECONDS)
        return DrillTotals(success, {step or "": many for step, many in failures}, dict(map(tuple, seconds)))
