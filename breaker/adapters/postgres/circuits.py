"""Circuits in PostgreSQL: loaded locked, judged, and stored in one transaction."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.circuit import Circuit, HeldBy, Pending
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.platform.commands import PRIORITIES
from breaker.domain.windows.counters import Counters
from breaker.ports import Account, Counted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    import asyncpg

    from breaker.domain.circuits.circuit import Verdict
    from breaker.domain.platform.commands import CommandKind
    from breaker.domain.windows.counters import WindowSizes

_LOAD = """
    SELECT c.account, c.state, c.since, c.epoch, c.pending_verdict, c.pending_to, c.pending_at, c.pending_held_by,
           c.permitted, c.watched_until, c.counters,
           p.id AS application_id, a.application, a.grant_id, a.address, a.workspace_id, a.home_workspace_id,
           a.provider
    FROM circuits c
    JOIN accounts a ON a.account = c.account
    JOIN applications p ON p.application = a.application
    WHERE c.account = ANY($1::int[])
    ORDER BY c.account
    FOR NO KEY UPDATE OF c
"""

_SAVE = """
    UPDATE circuits c
    SET state = s.state, since = s.since, epoch = s.epoch, pending_verdict = s.pending_verdict,
        pending_to = s.pending_to, pending_at = s.pending_at, pending_held_by = s.pending_held_by,
        permitted = s.permitted, watched_until = s.watched_until,
        last_event_at = greatest(c.last_event_at, s.last_event_at), counters = s.counters
    FROM unnest($1::int[], $2::text[], $3::float8[], $4::int[], $5::bigint[], $6::text[], $7::float8[], $8::text[],
                $9::text[], $10::float8[], $11::float8[], $12::bytea[])
         AS s(account, state, since, epoch, pending_verdict, pending_to, pending_at, pending_held_by, permitted,
              watched_until, last_event_at, counters)
    WHERE c.account = s.account
"""

_SAVE_COUNTERS = """
    UPDATE circuits c
    SET last_event_at = greatest(c.last_event_at, s.last_event_at), counters = s.counters
    FROM unnest($1::int[], $2::float8[], $3::bytea[]) AS s(account, last_event_at, counters)
    WHERE c.account = s.account
"""

_VERDICT = """
    INSERT INTO verdicts (application, account, at, from_state, to_state, detector, signal, window_size, count, of,
                          rate, threshold, headroom, cause, epoch, held_by, why, author, context)
    SELECT a.application, a.account, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13, $14, $15, $16, $17,
           $18::jsonb
    FROM accounts a
    WHERE a.account = $1
    RETURNING id
"""

_NOTE_HOME = """
    UPDATE accounts a SET home_workspace_id = $2
    WHERE a.account = $1
      AND (a.home_workspace_id IS NOT NULL OR EXISTS (
          SELECT FROM inventory i
          WHERE i.application = a.application AND i.platform_id = a.workspace_id
            AND i.kind IN ('workspace', 'probe_workspace')
      ))
"""

_ORDER = """
    INSERT INTO commands (application, account, epoch, verdict, kind, step, priority, created_at, next_attempt_at)
    SELECT a.application, a.account, $2, $3, k.kind, k.step, k.priority, $6, $6
    FROM accounts a, unnest($4::text[], $5::smallint[]) WITH ORDINALITY AS k(kind, priority, step)
    WHERE a.account = $1
"""

_encode = msgspec.json.encode


class PostgresLocked:
    """The accounts of one transaction."""

    def __init__(self, connection: asyncpg.Connection, sizes: WindowSizes) -> None:
        """Work in the transaction that is open on a connection."""
        self._connection = connection
        self._sizes = sizes
        self._loaded: dict[int, Circuit] = {}
        self._applications: dict[int, int] = {}
        self._groups: dict[int, tuple[str, str]] = {}

    async def load(self, accounts: Sequence[int]) -> Mapping[int, tuple[Account, Circuit, Counters]]:
        """Lock in ascending order and return them; those that are gone are missing."""
        found: dict[int, tuple[Account, Circuit, Counters]] = {}
        for row in await self._connection.fetch(_LOAD, sorted(accounts)):
            number, state, since, epoch, verdict, to, at, held_by, permitted, watched_until, counters, *identity = row
            pending = Pending(verdict, State(to), at, HeldBy(held_by)) if verdict is not None else None
            application_id, application, grant_id, address, workspace_id, home_workspace_id, provider = identity
            account = Account(number, application_id, grant_id, address, workspace_id, home_workspace_id, provider)
            wanted = Wanted(permitted) if permitted else None
            circuit = Circuit(State(state), since, epoch, pending, wanted, watched_until or 0.0)
            self._loaded[number] = circuit
            self._applications[number] = application
            self._groups[number] = (account.domain, account.workspace_id or "")
            found[number] = (account, circuit, Counters.from_bytes(self._sizes, counters))
        return found

    async def record_verdict(self, account: Account, verdict: Verdict, context: Mapping[str, object]) -> int:
        """Store a verdict and return its id."""
        number = await self._connection.fetchval(
            _VERDICT,
            account.key,
            verdict.at,
            verdict.before,
            verdict.to,
            verdict.detector,
            verdict.signal,
            verdict.window,
            verdict.count,
            verdict.of,
            verdict.rate,
            verdict.threshold,
            _encode(verdict.headroom).decode() if verdict.headroom else None,
            verdict.cause,
            verdict.epoch,
            verdict.held_by,
            verdict.why,
            verdict.author,
            _encode(context).decode(),
        )
        await self._connection.execute("UPDATE circuits SET last_verdict = $2 WHERE account = $1", account.key, number)
        return int(number)

    async def save(self, account: Account, circuit: Circuit, counters: Counters) -> None:
        """Store one account."""
        await self.save_all([Counted(account, circuit, counters, 0.0)])

    def is_changed(self, one: Counted) -> bool:
        """Tell whether a circuit is another than the one that was loaded or saved last."""
        return self._loaded.get(one.account.key) is not one.circuit

    async def save_all(self, accounts: Sequence[Counted]) -> None:
        """Store circuits and counters; where only counters changed, only they are written."""
        same = [one for one in accounts if not self.is_changed(one)]
        changed = [one for one in accounts if self.is_changed(one)]
        if same:
            await self._connection.execute(
                _SAVE_COUNTERS,
                [one.account.key for one in same],
                [one.last_event_at or None for one in same],
                [one.counters.to_bytes() for one in same],
            )
        if changed:
            self._loaded.update((one.account.key, one.circuit) for one in changed)
            pendings = [one.circuit.pending for one in changed]
            await self._connection.execute(
                _SAVE,
                [one.account.key for one in changed],
                [one.circuit.state for one in changed],
                [one.circuit.since for one in changed],
                [one.circuit.epoch for one in changed],
                [one.verdict if one else None for one in pendings],
                [one.to if one else None for one in pendings],
                [one.at if one else None for one in pendings],
                [one.held_by if one else None for one in pendings],
                [one.circuit.permitted for one in changed],
                [one.circuit.watched_until or None for one in changed],
                [one.last_event_at or None for one in changed],
                [one.counters.to_bytes() for one in changed],
            )

    async def note_home(self, account: Account, workspace_id: str) -> None:
        """Remember where an account belongs that is away from home, or in a copy of some home that was forgotten."""
        await self._connection.execute(_NOTE_HOME, account.key, workspace_id)

    async def order(  # noqa: PLR0913, PLR0917 - the protocol's
        self,
        account: Account,
        epoch: int,
        verdict: int,
        kinds: Sequence[CommandKind],
        now: float,
        not_before: float | None = None,
    ) -> None:
        """Put commands into the outbox; what is wanted is unconfirmed until the last of them is settled.

        Without any, what was read back stays as it was, since nothing changes there; of an account that can't be
        stopped on the platform it is unknown.
        """
        await self._connection.execute(
            """
            UPDATE commands SET ended_at = $3, ended = 'superseded'
            WHERE account = $1 AND epoch < $2 AND ended_at IS NULL
            """,
            account.key,
            epoch,
            now,
        )
        if kinds:
            await self._connection.execute(
                _ORDER,
                account.key,
                epoch,
                verdict,
                [str(kind) for kind in kinds],
                [PRIORITIES[kind] for kind in kinds],
                now if not_before is None else not_before,
            )
        if kinds or not account.enforceable:
            await self._connection.execute(
                "UPDATE circuits SET confirmed = NULL, confirmed_at = NULL WHERE account = $1", account.key
            )


class PostgresCircuits:
    """Circuits, for everything but the hot path.

    Args:
        pool: Connections to the database.
        sizes: The windows of the counters.
    """

    def __init__(self, pool: asyncpg.Pool, sizes: WindowSizes) -> None:
        """Keep what transactions need."""
        self._pool = pool
        self._sizes = sizes

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresLocked]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                yield PostgresLocked(connection, self._sizes)
