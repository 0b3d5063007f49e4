"""What gates follow, on a connection of its own: a starved pool is no reason to let anybody send.

Where a session reaches the server itself, its notifications ring; through a pooler in transaction mode they never do,
and looking every half second is all there is. What is read is the same either way.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.detectors.detectors import Signal
from breaker.domain.platform.platform_standing import SendRefusal
from breaker.domain.standing.gate import Held, HeldDomain, wanted_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from breaker.domain.standing.gate import GateMemory

CHANNEL = "breaker_gate"
KEPT_SECONDS = 3_600.0

_CONNECT_SECONDS = 5.0
_COMMAND_SECONDS = 10.0
_READ_ALL_AFTER = KEPT_SECONDS / 2
_PAGE = 1_000

# One statement, hence one snapshot: what was committed before it is in it, and what was not has a later number than
# the horizon, or one that is read again.
_CHANGES = """
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
           (SELECT value FROM facts WHERE name = 'database'),
           ARRAY(SELECT change FROM circuit_changes WHERE transaction >= $1::text::xid8 ORDER BY change)
"""

_WHO = """
    SELECT c.account, p.id, c.domain
    FROM circuit_changes c LEFT JOIN applications p USING (application)
    WHERE c.change = ANY($1::bigint[])
"""

_HELD = """
    SELECT c.account, p.id, a.grant_id, a.address, c.state, c.permitted, c.since, b.next_at, v.detector, v.signal,
           s.what
    FROM circuits c
    JOIN accounts a USING (account)
    JOIN applications p USING (application)
    LEFT JOIN probes b ON b.account = c.account AND b.state = c.state AND b.since = c.since
                          AND b.phase IN ('cooling', 'easing')
    LEFT JOIN platform_standings s ON s.account = c.account
    LEFT JOIN LATERAL (
        SELECT v.detector, v.signal FROM verdicts v
        WHERE v.account = c.account AND v.held_by IS NULL AND v.to_state = c.state AND v.from_state <> v.to_state
        ORDER BY v.id DESC LIMIT 1
    ) v ON c.state <> 'sending'
    WHERE a.merged_into IS NULL AND
"""
# Two halves, each answered from an index.
_ALL_HELD = f"""
    {_HELD} c.state <> 'sending'
    UNION ALL
    {_HELD} c.state = 'sending' AND c.account IN (SELECT account FROM platform_standings)
"""  # noqa: S608 - made of constants
_SOME = f"{_HELD} c.account = ANY($1::int[])"

_DOMAINS = """
    SELECT d.application, p.id, d.domain, d.since, v.cause, d.state, a.grant_id, a.address
    FROM domain_circuits d
    JOIN applications p USING (application)
    LEFT JOIN verdicts v ON v.id = d.last_verdict
    LEFT JOIN domain_probes b ON b.application = d.application AND b.domain = d.domain AND b.epoch = d.epoch
                             AND d.state = 'probing' AND d.permitted = 'sending'
    LEFT JOIN accounts a ON a.account = b.account
    WHERE d.state IN ('stopped', 'probing')
    ORDER BY d.application, d.domain
"""

_GRANTS = """
    SELECT grant_id FROM accounts
    WHERE application = $1 AND domain = $2 AND merged_into IS NULL AND grant_id IS NOT NULL
"""

_DROP = "DELETE FROM circuit_changes WHERE changed_at < clock_timestamp() - $1::float8 * interval '1 second'"


class PostgresCircuitChanges:
    """`breaker.ports.CircuitChanges` on PostgreSQL.

    Args:
        url: A connection string that reaches the server itself, if there is one.
    """

    def __init__(self, url: str) -> None:
        """Connect to nothing yet."""
        self._url = url
        self._connection: asyncpg.Connection | None = None
        self._rung = asyncio.Event()
        self._horizon: int | None = None
        self._database: str | None = None
        self._seen: frozenset[int] = frozenset()
        self._read_at = 0.0
        self._drop_at = 0.0

    async def bring_up_to_date(self, memory: GateMemory) -> None:
        """Take into a memory what was committed since the last time, or everything where that can't be told."""
        try:
            with translated():
                await self._bring_up_to_date(await self._connected(), memory)
        except BaseException:
            await self.close()
            raise

    async def rung(self, seconds: float) -> None:
        """Return once something may have been committed, or after so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)
        self._rung.clear()

    async def close(self) -> None:
        """Give up the connection; the next reading makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            # Nothing is prepared, since a pooler may stand in between after all.
            connection = await asyncpg.connect(
                self._url, timeout=_CONNECT_SECONDS, command_timeout=_COMMAND_SECONDS, statement_cache_size=0
            )
            self._connection = connection
            connection.add_termination_listener(lambda _: self._rung.set())
            await connection.add_listener(CHANNEL, lambda *_: self._rung.set())
        return self._connection

    async def _bring_up_to_date(self, connection: asyncpg.Connection, memory: GateMemory) -> None:
        now = asyncio.get_running_loop().time()
        horizon, database, changes = await connection.fetchrow(_CHANGES, str(self._horizon or 0))
        other = self._database is not None and (database != self._database or horizon < (self._horizon or 0))
        if other:
            memory.distrust()
        if other or self._horizon is None or now - self._read_at > _READ_ALL_AFTER:
            await self._read_all(connection, memory)
        elif fresh := [change for change in changes if change not in self._seen]:
            await self._read(connection, memory, fresh)
        self._horizon, self._database, self._seen, self._read_at = horizon, database, frozenset(changes), now
        if now >= self._drop_at:
            await connection.execute(_DROP, KEPT_SECONDS)
            self._drop_at = now + KEPT_SECONDS / 10

    async def _read_all(self, connection: asyncpg.Connection, memory: GateMemory) -> None:
        async with connection.transaction():
            held = [_held(row) async for row in connection.cursor(_ALL_HELD, prefetch=_PAGE)]
        memory.replace(held)
        memory.stop_domains(await self._domains(connection))

    async def _read(self, connection: asyncpg.Connection, memory: GateMemory, changes: Sequence[int]) -> None:
        who = await connection.fetch(_WHO, changes)
        accounts = sorted({account for account, _, _ in who if account is not None})
        if accounts:
            found = {row[0]: _held(row) for row in await connection.fetch(_SOME, accounts)}
            memory.change({account: found.get(account) for account in accounts})
        domains = {(application, domain) for _, application, domain in who if domain is not None}
        if domains:
            for application, domain in domains:
                memory.let_go_of(application, domain)
            memory.stop_domains(await self._domains(connection))

    async def _domains(self, connection: asyncpg.Connection) -> Sequence[HeldDomain]:
        domains = []
        for application, application_id, domain, since, cause, state, *free in await connection.fetch(_DOMAINS):
            async with connection.transaction():
                grants = [row[0] async for row in connection.cursor(_GRANTS, application, domain, prefetch=_PAGE)]
            held = HeldDomain.of(application_id, domain, since, cause, grants)
            domains.append(held._replace(state=State(state), let_go=frozenset(one for one in free if one)))
        return domains


def _held(row: Sequence[Any]) -> Held:
    key, application_id, grant_id, address, state, permitted, since, until, detector, signal, platform = row
    state = State(state)
    return Held(
        key=key,
        application_id=application_id,
        grant_id=grant_id,
        address=address,
        state=state,
        wanted=wanted_of(state, Wanted(permitted) if permitted else None),
        since=since,
        until=until,
        detector=detector,
        signal=Signal(signal) if signal else None,
        platform=SendRefusal(platform) if platform else None,
    )
