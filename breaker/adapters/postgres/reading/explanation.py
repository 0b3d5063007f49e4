"""Everything that is known of one account."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.reading.rows import COMMAND_COLUMNS, VERDICT_COLUMNS, command_of, verdict_of
from breaker.adapters.postgres.reading.stops import PostgresStops
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.modes import Belonging, Level, ModeSetting, setting_in_force
from breaker.domain.standing.past import Past, as_of, state_after
from breaker.domain.standing.standing import RECENT, Explanation, sum_tallies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    import asyncpg

    from breaker.adapters.postgres.reading.trail import PostgresTrail
    from breaker.domain.circuits.modes import SetMode
    from breaker.domain.outcomes.outcomes import Counting, Tally
    from breaker.domain.standing.standing import Standing

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
_SENDS_UNTIL = _SENDS.replace("GROUP BY", "AND sent_at <= $6 GROUP BY")


_SINCE_LAST_MOVED = f"""
    SELECT {VERDICT_COLUMNS} FROM verdicts v
    WHERE v.account = $1 AND v.at <= $2 AND v.id >= coalesce(
        (SELECT max(m.id) FROM verdicts m
         WHERE m.account = $1 AND m.at <= $2 AND m.held_by IS NULL AND m.from_state <> m.to_state), 0)
    ORDER BY v.id DESC LIMIT 1000
"""  # noqa: S608 - made of constants

_UNTIL = f"""
    SELECT v.account, {VERDICT_COLUMNS} FROM verdicts v
    WHERE v.at <= $2 AND (v.account = $1 OR (
        v.account IS NULL AND v.scope = ANY($3::text[])
        AND v.application = (SELECT application FROM applications WHERE id = $4)))
    ORDER BY v.id DESC LIMIT $5
"""  # noqa: S608 - made of constants

_COMMANDS_UNTIL = f"""
    SELECT {COMMAND_COLUMNS} FROM commands m WHERE m.account = $1 AND m.created_at <= $3 ORDER BY m.id DESC LIMIT $2
"""  # noqa: S608 - made of constants


# Where a setting was taken away, it says so; the latest of each group is what was said last.
_SET_UNTIL = """
    SELECT DISTINCT ON (coalesce(v.scope, 'account'))
           coalesce(v.scope, 'account'), v.context -> 'set' ->> 'mode', v.context -> 'set' ->> 'reason', v.author, v.at,
           (v.context -> 'set' ->> 'expires_at')::float8
    FROM verdicts v
    WHERE v.at <= $2 AND v.context ? 'set' AND (v.account = $1 OR (
        v.account IS NULL AND v.scope = ANY($3::text[])
        AND v.application = (SELECT application FROM applications WHERE id = $4)))
    ORDER BY coalesce(v.scope, 'account'), v.id DESC
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
        self._stops = PostgresStops(pool)
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
            standing,
            await self._setting(standing),
            verdicts.items,
            tuple(commands),
            await self.recent(standing),
            await self._stops.evidence(standing.key),
        )

    async def recent(self, standing: Standing) -> Mapping[int, Tally]:
        """Return what an account's sends of the last hour, day and week are worth, none from before its reset."""
        begins = [max(int(self._now()) - seconds, ceil(standing.counters.restarted_at)) for seconds in RECENT]
        with translated():
            rows = await self._pool.fetch(_SENDS, standing.key, min(begins), *begins)
        return self._tallies(rows)

    async def past(self, standing: Standing, at: float, *, entries: int = 10) -> Past:
        """Return how an account stood at a moment.

        Args:
            standing: The account.
            at: The moment, Unix seconds.
            entries: How many verdicts and commands at most.
        """
        groups = [
            *("hold", "guard", f"application:{standing.application_id}", f"domain:{standing.domain}"),
            f"workspace:{standing.home_workspace_id}",
        ]
        begins = [int(at) - seconds for seconds in RECENT]
        with translated():
            own = await self._pool.fetch(_SINCE_LAST_MOVED, standing.key, at)
            shown = await self._pool.fetch(_UNTIL, standing.key, at, groups, standing.application_id, entries)
            commands = await self._pool.fetch(_COMMANDS_UNTIL, standing.key, entries, at)
            set_then = await self._pool.fetch(_SET_UNTIL, standing.key, at, groups[2:], standing.application_id)
            sends = await self._pool.fetch(_SENDS_UNTIL, standing.key, min(begins), *begins, int(at))
        state, since, epoch, pending = state_after([verdict_of(row, standing.id, standing.address) for row in own])
        return Past(
            standing=standing,
            at=at,
            state=state,
            since=since,
            epoch=epoch,
            pending=pending,
            mode=_mode_then(standing, set_then, at),
            verdicts=tuple(verdict_of(row[1:], standing.id if row[0] else None, standing.address) for row in shown),
            commands=tuple(as_of(command_of(row), at) for row in commands),
            recent=self._tallies(sends),
        )

    def _tallies(self, rows: Sequence[Sequence[Any]]) -> Mapping[int, Tally]:
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


def _mode_then(standing: Standing, rows: Sequence[Sequence[Any]], at: float) -> SetMode | None:
    """Return what people had set for an account at a moment, the most specific of it."""
    application = standing.application_id
    settings: dict[tuple[str, Level, str], ModeSetting] = {}
    for scope, mode, *said in rows:
        level, _, name = scope.partition(":")
        if mode is not None:
            settings[application, Level(level), name or str(standing.key)] = ModeSetting(Mode(mode), *said)
    belonging = Belonging(application, str(standing.key), standing.domain, standing.home_workspace_id)
    found = setting_in_force(belonging, settings, at)
    if found is None or found.level is not Level.ACCOUNT:
        return found
    return replace(found, name=standing.address or standing.id)
