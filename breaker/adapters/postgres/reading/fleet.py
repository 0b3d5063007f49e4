"""Counts over all accounts and commands, for people and for the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.reading.mode_sql import encode_configured, mode_expression, mode_joins
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.states import State
from breaker.domain.platform.platform_standing import SendRefusal
from breaker.domain.probes.probe import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import asyncpg

    from breaker.domain.circuits.modes import ConfiguredModes

# Accounts that are sending are the rest: their circuits, by far the most, are read by nobody here.
_BY_STATE = f"""
    WITH known AS (
        SELECT {mode_expression("$2")} AS mode, c.state
        FROM accounts a
        JOIN applications p USING (application)
        LEFT JOIN (SELECT account, state FROM circuits WHERE state <> 'sending') c USING (account)
        {mode_joins("$1")}
        WHERE a.merged_into IS NULL
    )
    SELECT coalesce(state, 'sending'), mode, count(*) FROM known GROUP BY 1, 2
"""  # noqa: S608 - made of constants

_PENDING_VERDICTS = """
    SELECT pending_held_by, count(*)
    FROM (
        SELECT pending_held_by FROM circuits WHERE pending_verdict IS NOT NULL
        UNION ALL
        SELECT pending_held_by FROM domain_circuits WHERE pending_verdict IS NOT NULL
    ) held
    GROUP BY pending_held_by
"""

_WEEK = 7 * 86_400.0
_ACTIVE = "SELECT count(*) FROM circuits WHERE last_event_at >= $1"

_DOMAINS = "SELECT state, count(*) FROM domain_circuits WHERE state <> 'sending' GROUP BY state"

_PLATFORM = "SELECT what, count(*) FROM platform_standings GROUP BY what"

_FALSE_STOPS = "SELECT count(*) FROM verdicts WHERE context ? 'false_stop'"

_COMMANDS = """
    SELECT kind, count(*), min(created_at) FROM commands WHERE ended_at IS NULL GROUP BY kind
"""

# A probe of another state than the account is in is outdated.
_PROBES = """
    SELECT b.phase, count(*) FROM probes b JOIN circuits c USING (account)
    WHERE b.state = c.state AND b.since = c.since
    GROUP BY b.phase
"""


class CommandsPending(NamedTuple):
    """Commands of one kind that are not settled: how many, and since when the oldest is wanted, Unix seconds."""

    kind: str
    number: int
    oldest: float


class PostgresFleet:
    """Counts over everything.

    Args:
        pool: Connections to the database.
        configured: What the configuration says of modes, asked for at each reading.
        now: The time in Unix seconds.
    """

    def __init__(self, pool: asyncpg.Pool, configured: Callable[[], ConfiguredModes], now: Callable[[], float]) -> None:
        """Read nothing yet."""
        self._pool = pool
        self._configured = configured
        self._now = now

    async def by_state_and_mode(self) -> Mapping[tuple[State, Mode], int]:
        """Return how many accounts there are by state and mode in force; what is missing is none."""
        with translated():
            rows = await self._pool.fetch(_BY_STATE, self._now(), encode_configured(self._configured()))
        return {(State(state), Mode(mode)): count for state, mode, count in rows}

    async def active(self) -> int:
        """Return how many accounts had an outcome within the last seven days."""
        with translated():
            return int(await self._pool.fetchval(_ACTIVE, self._now() - _WEEK))

    async def domains_by_state(self) -> Mapping[State, int]:
        """Return how many sending domains there are by state of their own circuit, those that simply send left out."""
        with translated():
            return {State(state): count for state, count in await self._pool.fetch(_DOMAINS)}

    async def probes_by_phase(self) -> Mapping[Phase, int]:
        """Return how many stopped, limited and probed accounts there are by what their probe waits for."""
        with translated():
            return {Phase(phase): count for phase, count in await self._pool.fetch(_PROBES)}

    async def pending_verdicts(self) -> Mapping[HeldBy, int]:
        """Return how many accounts and domains have a held verdict, by what holds it."""
        with translated():
            rows = await self._pool.fetch(_PENDING_VERDICTS)
        return {HeldBy(held_by): count for held_by, count in rows}

    async def platform_standings(self) -> Mapping[SendRefusal, int]:
        """Return how many accounts there are by what the platform did to them."""
        with translated():
            return {SendRefusal(what): count for what, count in await self._pool.fetch(_PLATFORM)}

    async def false_stops(self) -> int:
        """Return how many stops people called false."""
        with translated():
            return int(await self._pool.fetchval(_FALSE_STOPS))

    async def commands_pending(self) -> Sequence[CommandsPending]:
        """Return the commands that are not settled, by kind."""
        with translated():
            return [CommandsPending(*row) for row in await self._pool.fetch(_COMMANDS)]
