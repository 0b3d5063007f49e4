"""Everything that is known of one account."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.reading.rows import COMMAND_COLUMNS, command_of
from breaker.domain.circuit import Mode
from breaker.domain.modes import Level, ModeSetting
from breaker.domain.standing import RECENT, Explanation, sum_tallies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import asyncpg

    from breaker.adapters.postgres.reading.trail import PostgresTrail
    from breaker.domain.outcomes import Counting, Tally
    from breaker.domain.standing import Standing

_COMMANDS = f"""
    SELECT {COMMAND_COLUMNS} FROM commands m WHERE m.account = $1 ORDER BY m.id DESC LIMIT $2
"""  # noqa: S608 - made of constants

_SETTING = """
    SELECT m.mode, m.reason, m.author, m.set_at, m.expires_at
    FROM modes m JOIN applications p USING (application)
    WHERE p.id = $1 AND m.scope = $2 AND m.name = $3 AND (m.expires_at IS NULL OR m.expires_at > $4)
"""

_SENDS = """
    SELECT outcomes, count(*) FILTER (WHERE sent_at >= $3), count(*) FILTER (WHERE sent_at >= $4),
           count(*) FILTER (WHERE sent_at >= $5)
    FROM ledger
    WHERE application = (SELECT application FROM accounts WHERE account = $1) AND account = $1 AND sent_at >= $2
    GROUP BY outcomes
"""


class PostgresExplanations:
    """Accounts in full.

    Args:
        pool: Connections to the database.
        trail: The audit trail.
        counting: What counts.
        now: The time in Unix seconds.
    """

    def __init__(self, pool: asyncpg.Pool, trail: PostgresTrail, counting: Counting, now: Callable[[], float]) -> None:
        """Read nothing yet."""
        self._pool = pool
        self._trail = trail
        self._counting = counting
        self._now = now

    async def explain(self, standing: Standing, *, entries: int = 10) -> Explanation:
        """Return all that is known of an account.

        Args:
            standing: The account.
            entries: How many verdicts and commands at most.
        """
        verdicts = await self._trail.page([standing.key], limit=entries)
        with translated():
            commands = [command_of(row) for row in await self._pool.fetch(_COMMANDS, standing.key, entries)]
        return Explanation(
            standing, await self._setting(standing), verdicts.items, tuple(commands), await self.recent(standing)
        )

    async def recent(self, standing: Standing) -> Mapping[int, Tally]:
        """Return what an account's sends of the last hour, day and week are worth, none from before its reset."""
        begins = [max(int(self._now()) - seconds, ceil(standing.counters.restarted_at)) for seconds in RECENT]
        with translated():
            rows = await self._pool.fetch(_SENDS, standing.key, min(begins), *begins)
        return {
            seconds: sum_tallies([(row[0], row[1 + place]) for row in rows], self._counting)
            for place, seconds in enumerate(RECENT)
        }

    async def _setting(self, standing: Standing) -> ModeSetting | None:
        """Return what a person set, where that is what is in force."""
        name = {
            Level.ACCOUNT: str(standing.key),
            Level.DOMAIN: standing.domain,
            Level.WORKSPACE: standing.home_workspace_id,
            Level.APPLICATION: standing.application_id,
        }.get(standing.mode_source)
        if name is None:
            return None
        with translated():
            row = await self._pool.fetchrow(_SETTING, standing.application_id, standing.mode_source, name, self._now())
        return ModeSetting(Mode(row[0]), *row[1:]) if row else None
