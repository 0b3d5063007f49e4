"""Probes in PostgreSQL: kept beside the circuits, and read and changed with the circuit locked."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from breaker.adapters.postgres.circuits import PostgresLocked
from breaker.adapters.postgres.errors import translated
from breaker.domain.acts.acts import ActKind
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.detectors.detectors import Signal
from breaker.domain.probes.probe import DAY, QUEUE, Evidence, Hold, Phase, Probe
from breaker.domain.standing.standing import sum_tallies
from breaker.ports import Account, Confirmation, Due

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from typing import Any

    import asyncpg

    from breaker.domain.circuits.circuit import Circuit
    from breaker.domain.outcomes.outcomes import Counting
    from breaker.domain.windows.counters import WindowSizes

_PACE_OVER = 7 * DAY

_SEEN = ("seen_sends", "seen_bad", "seen_last_sent_at", "seen_late")
_NAMES = (
    *("phase", "state", "since", "epoch", "next_at", "asks", "stops", "failures", "pace", "by_person"),
    *("began_at", "ordered_at", "round", "sends", "bad", *_SEEN, "opened_at", "closed_at", "heard_at"),
)

PROBE_NAMES = _NAMES
PROBE_WIDTH = len(_NAMES)
PROBE_COLUMNS = ", ".join(f"b.{name}" for name in _NAMES)

# What is held is found by its state, through the index on states other than `sending`; what sends again, and whose
# probe is to be forgotten, has a row in `probes`. All others, which are nearly all, are never looked at.
_DUE = """
    WITH looked_at AS (
        SELECT account FROM circuits WHERE state <> 'sending' AND state IN ('limited', 'stopped', 'probing')
        UNION
        SELECT account FROM probes
    )
    SELECT c.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id,
           b.account IS NULL OR b.state <> c.state OR b.since <> c.since AS outdated,
           c.permitted = 'sending' OR b.phase = 'closing' AS moving,
           EXISTS (
               SELECT FROM domain_circuits d
               WHERE d.application = a.application AND d.domain = a.domain AND d.state IN ('stopped', 'probing')
           ) AS domain_stopped,
           EXISTS (
               SELECT FROM platform_standings s
               WHERE s.account = c.account AND s.what IN ('platform_paused', 'restricted')
           ) AS platform_refuses
    FROM looked_at
    JOIN circuits c USING (account)
    JOIN accounts a USING (account)
    JOIN applications p USING (application)
    LEFT JOIN probes b USING (account)
    WHERE p.id = $1 AND c.account > $2 AND a.merged_into IS NULL
      AND CASE WHEN c.state NOT IN ('limited', 'stopped', 'probing') THEN true
               WHEN a.grant_id IS NULL OR a.grant_deleted_at IS NOT NULL THEN false
               ELSE b.account IS NULL OR b.state <> c.state OR b.since <> c.since OR b.next_at <= $3
                    OR b.phase IN ('opening', 'open', 'closing') END
    ORDER BY c.account
    LIMIT $4
"""

_OPEN = """
    SELECT c.account
    FROM circuits c
    JOIN accounts a USING (account)
    JOIN applications p USING (application)
    WHERE p.id = $1 AND c.state <> 'sending' AND c.state = 'probing' AND c.permitted = 'sending'
    ORDER BY c.account
"""

_PROBE = f"""
    SELECT c.confirmed, c.confirmed_at, {PROBE_COLUMNS} FROM circuits c LEFT JOIN probes b USING (account)
    WHERE c.account = $1
"""  # noqa: S608 - made of constants

_HELD_FOR = """
    SELECT from_state, signal, author, detector, context ->> 'act' AS act
    FROM verdicts
    WHERE account = $1 AND held_by IS NULL AND to_state = $2 AND from_state <> to_state
    ORDER BY id DESC
    LIMIT 1
"""

_STOPS = """
    SELECT count(*)
    FROM verdicts
    WHERE account = $1 AND at > $2 AND at <= $3 AND held_by IS NULL AND author IS NULL AND detector <> 'platform'
      AND from_state IN ('sending', 'warned') AND to_state IN ('limited', 'stopped')
      AND id > coalesce((SELECT max(f.id) FROM verdicts f WHERE f.account = $1 AND f.context ? 'false_stop'), 0)
"""

_PACE = """
    SELECT count(*), min(sent_at) FROM ledger
    WHERE application = $1 AND account = $2 AND sent_at >= $3 AND sent_at < $4
"""

_EVIDENCE = """
    SELECT outcomes, sent_at <= $4 AS within, count(*), max(sent_at)
    FROM ledger
    WHERE application = $1 AND account = $2 AND sent_at >= $3 AND sent_at <= $5
    GROUP BY 1, 2
"""

_KEEP = f"""
    INSERT INTO probes (account, {", ".join(_NAMES)})
    VALUES ($1, {", ".join(f"${place}" for place, _ in enumerate(_NAMES, start=2))})
    ON CONFLICT (account) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _NAMES)}
"""  # noqa: S608 - made of constants


def probe_of(columns: Sequence[Any]) -> Probe | None:
    """Read `PROBE_COLUMNS`."""
    named = dict(zip(_NAMES, columns, strict=True))
    if named["phase"] is None:
        return None
    seen = Evidence(*(named.pop(name) for name in _SEEN))
    return Probe(phase=Phase(named.pop("phase")), state=State(named.pop("state")), seen=seen, **named)


def columns_of(probe: Probe) -> list[object]:
    """Return the values of `PROBE_NAMES`."""
    seen = dict(zip(_SEEN, probe.seen, strict=True))
    return [seen[name] if name in seen else getattr(probe, name) for name in _NAMES]


class PostgresLockedProbes(PostgresLocked):
    """Accounts with their probes, in one transaction."""

    def __init__(self, connection: asyncpg.Connection, sizes: WindowSizes, counting: Counting) -> None:
        """Work in the transaction that is open on a connection."""
        super().__init__(connection, sizes)
        self._counting = counting

    async def probe_of(self, account: Account) -> tuple[Probe | None, Confirmation]:
        """Return what is known of its probe, and of the platform."""
        row = await self._connection.fetchrow(_PROBE, account.key)
        confirmed, confirmed_at, *columns = row
        return probe_of(columns), Confirmation(Wanted(confirmed) if confirmed else None, confirmed_at)

    async def held_for(self, account: Account, circuit: Circuit, within: float) -> Hold:
        """Return why its circuit is as it is, as far as the audit trail tells, and at what pace it sent before."""
        row = await self._connection.fetchrow(_HELD_FOR, account.key, circuit.state)
        stops = await self._connection.fetchval(_STOPS, account.key, circuit.since - within, circuit.since)
        before, signal, author, detector, act = row or (circuit.state, None, None, "", None)
        return Hold(
            State(before),
            Signal(signal) if signal else None,
            author,
            detector,
            stops,
            await self._pace(account, circuit),
            by_limiting=act == ActKind.LIMIT,
        )

    async def evidence(self, account: Account, opened_at: float, closed_at: float | None) -> Evidence:
        """Return what is known of a round, whose sends are told by whole seconds."""
        ends_at = int(closed_at) if closed_at is not None else _EVER
        until = int(ends_at + QUEUE) if closed_at is not None else _EVER
        rows = await self._connection.fetch(
            _EVIDENCE, self._applications[account.key], account.key, int(opened_at), ends_at, until
        )
        within = sum_tallies([(outcomes, many) for outcomes, inside, many, _ in rows if inside], self._counting)
        late = sum_tallies([(outcomes, many) for outcomes, inside, many, _ in rows if not inside], self._counting)
        last = max((sent_at for *_, sent_at in rows), default=None)
        return Evidence(within.sends, within.hard_bounces, last, late.sends)

    async def keep(self, account: Account, probe: Probe | None) -> None:
        """Remember how far its probe has come, or forget it."""
        if probe is None:
            await self._connection.execute("DELETE FROM probes WHERE account = $1", account.key)
            return
        await self._connection.execute(_KEEP, account.key, *columns_of(probe))

    async def _pace(self, account: Account, circuit: Circuit) -> float:
        """Return the sends a day of the week before, or of the time since the first send where that is less."""
        begins_at = circuit.since - _PACE_OVER
        application = self._applications[account.key]
        count, first = await self._connection.fetchrow(
            _PACE, application, account.key, int(begins_at), int(circuit.since)
        )
        return 0.0 if not count else float(count * DAY / max(DAY, circuit.since - max(begins_at, first)))


class PostgresProbes:
    """The probes of all accounts.

    Args:
        pool: Connections to the database.
        sizes: The windows of the counters.
        counting: What counts.
    """

    def __init__(self, pool: asyncpg.Pool, sizes: WindowSizes, counting: Callable[[], Counting]) -> None:
        """Keep what transactions need."""
        self._pool = pool
        self._sizes = sizes
        self._counting = counting

    async def due(self, application_id: str, after: int, now: float, limit: int) -> Sequence[Due]:
        """Return accounts about which something may be due, from beyond one on; nobody is locked."""
        with translated():
            rows = await self._pool.fetch(_DUE, application_id, after, now, limit)
        return [
            Due(Account(*row[:6]), row["outdated"], bool(row["moving"]), row["domain_stopped"], row["platform_refuses"])
            for row in rows
        ]

    async def open(self, application_id: str) -> Sequence[int]:
        """Return the accounts that are to be free for a round just now."""
        with translated():
            return [number for (number,) in await self._pool.fetch(_OPEN, application_id)]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresLockedProbes]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                yield PostgresLockedProbes(connection, self._sizes, self._counting())


_EVER = 2**62
