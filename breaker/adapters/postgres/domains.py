"""Circuits of sending domains in PostgreSQL, and the evidence that they are judged by.

Nothing here is written by the counting of a batch, so no row is hot: what failed is read from the refusals themselves,
of which a domain that works has few. Rows are locked in ascending order, after those of accounts, and the fleet guard's
lock comes last of all.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.circuit import Circuit, HeldBy, Pending
from breaker.domain.circuits.domain_circuit import DomainCircuit, Interval, Refusal
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.outcomes.causes import Bad
from breaker.domain.platform.commands import PRIORITIES
from breaker.ports import Account, SendingDomain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from typing import Any

    import asyncpg

    from breaker.domain.circuits.circuit import Verdict
    from breaker.domain.platform.commands import CommandKind

_HOUR = 3_600

DOMAIN_CIRCUIT_COLUMNS = """
    d.state, d.since, d.epoch, d.pending_verdict, d.pending_to, d.pending_at, d.pending_held_by, d.confirmed,
    d.restarted_at, d.permitted,
    ARRAY(SELECT i.begins_at FROM domain_intervals i WHERE i.application = d.application AND i.domain = d.domain
          ORDER BY i.begins_at),
    ARRAY(SELECT i.ends_at FROM domain_intervals i WHERE i.application = d.application AND i.domain = d.domain
          ORDER BY i.begins_at)
"""

_STANDING = f"""
    SELECT p.id, d.domain, {DOMAIN_CIRCUIT_COLUMNS}
    FROM unnest($1::text[], $2::text[]) AS asked(application_id, domain)
    JOIN applications p ON p.id = asked.application_id
    JOIN domain_circuits d ON d.application = p.application AND d.domain = asked.domain
    ORDER BY d.application, d.domain
"""  # noqa: S608 - made of constants

_MAKE = """
    INSERT INTO domain_circuits (application, domain)
    SELECT p.application, asked.domain
    FROM unnest($1::text[], $2::text[]) AS asked(application_id, domain) JOIN applications p ON p.id = application_id
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING
"""

_LOCK = """
    SELECT FROM unnest($1::text[], $2::text[]) AS asked(application_id, domain)
    JOIN applications p ON p.id = asked.application_id
    JOIN domain_circuits d ON d.application = p.application AND d.domain = asked.domain
    ORDER BY d.application, d.domain
    FOR NO KEY UPDATE OF d
"""

REFUSALS = """
    SELECT b.account, b.sent_at, b.bounce_class, b.enhanced_status, b.diagnostic, b.recipient_domain, b.sender_domain
    FROM bad_outcomes b
    WHERE b.application = (SELECT application FROM applications WHERE id = $1) AND b.sender_domain = $2
      AND b.bounce_class = 'policy' AND b.sent_at BETWEEN $3 AND $4
    ORDER BY b.sent_at DESC
    LIMIT $5
"""

# Additions are folded every minute, so those that are not yet are few.
_SENDS = """
    SELECT coalesce(sum(sends), 0)::bigint
    FROM (
        SELECT application, domain, hour, sends FROM tallies_by_hour
        UNION ALL
        SELECT application, domain, hour, sends FROM tally_additions
    ) t
    WHERE t.application = (SELECT application FROM applications WHERE id = $1) AND t.domain = $2
      AND t.hour BETWEEN $3 AND $4
"""

_ACCOUNTS = """
    SELECT a.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id
    FROM accounts a
    JOIN applications p USING (application)
    JOIN circuits c USING (account)
    WHERE p.id = $1 AND a.domain = $2 AND a.merged_into IS NULL
      AND ((a.grant_id IS NOT NULL AND a.grant_deleted_at IS NULL) OR c.last_event_at >= $3)
    ORDER BY a.account
"""

_IS_MADE = """
    SELECT EXISTS (SELECT FROM inventory i JOIN applications p USING (application) WHERE p.id = $1 AND i.kind = $2)
"""

_VERDICT = """
    WITH recorded AS (
        INSERT INTO verdicts (application, scope, at, from_state, to_state, detector, signal, window_size, count, of,
                              rate, threshold, cause, epoch, held_by, why, author, context)
        SELECT p.application, $2, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19::jsonb
        FROM applications p
        WHERE p.id = $1
        RETURNING id, application
    )
    UPDATE domain_circuits d SET last_verdict = r.id FROM recorded r
    WHERE d.application = r.application AND d.domain = $3
    RETURNING r.id
"""

_SAVE = """
    UPDATE domain_circuits d
    SET state = $3, since = $4, epoch = $5, pending_verdict = $6, pending_to = $7, pending_at = $8,
        pending_held_by = $9, restarted_at = $10, permitted = $11
    FROM applications p
    WHERE p.id = $1 AND d.application = p.application AND d.domain = $2
"""

_SAVE_INTERVALS = """
    INSERT INTO domain_intervals (application, domain, begins_at, ends_at)
    SELECT p.application, $2, i.begins_at, i.ends_at
    FROM applications p, unnest($3::float8[], $4::float8[]) AS i(begins_at, ends_at)
    WHERE p.id = $1
    ON CONFLICT (application, domain, begins_at) DO UPDATE SET ends_at = excluded.ends_at
"""

_SUPERSEDE = """
    UPDATE commands m SET ended_at = $4, ended = 'superseded'
    FROM applications p
    WHERE p.id = $1 AND m.application = p.application AND m.domain = $2 AND m.epoch < $3 AND m.ended_at IS NULL
"""

_ORDER = """
    INSERT INTO commands (application, domain, epoch, verdict, kind, step, priority, created_at, next_attempt_at)
    SELECT p.application, $2, $3, $4, k.kind, k.step, k.priority, $5, $5
    FROM applications p, unnest($6::text[], $7::smallint[]) WITH ORDINALITY AS k(kind, priority, step)
    WHERE p.id = $1
"""

_UNCONFIRM = """
    UPDATE domain_circuits d SET confirmed = NULL, confirmed_at = NULL
    FROM applications p
    WHERE p.id = $1 AND d.application = p.application AND d.domain = $2
"""

_CONFIRM = """
    UPDATE domain_circuits d SET confirmed = $3, confirmed_at = $4
    FROM applications p
    WHERE p.id = $1 AND d.application = p.application AND d.domain = $2
"""

_OPEN = """
    SELECT p.id, d.domain
    FROM domain_circuits d
    JOIN applications p USING (application)
    WHERE (d.state <> 'sending' OR d.pending_verdict IS NOT NULL)
      AND (cardinality($1::text[]) = 0 OR p.id = ANY($1::text[])) AND ($2::text IS NULL OR d.domain = $2)
    ORDER BY p.id, d.domain
"""

_FORGOTTEN = """
    SELECT d.domain, d.epoch, d.last_verdict
    FROM domain_circuits d
    JOIN applications p USING (application)
    WHERE p.id = $1 AND d.state IN ('stopped', 'probing') AND coalesce(d.permitted, 'stopped') = 'stopped'
      AND d.confirmed IS NULL AND d.last_verdict IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM commands o
          WHERE o.application = d.application AND o.domain = d.domain AND o.epoch = d.epoch
            AND (o.ended_at IS NULL OR o.ended = 'given_up')
      )
      AND NOT EXISTS (
          SELECT FROM put_backs t
          WHERE t.application = d.application AND t.domain = d.domain AND t.epoch = d.epoch
            AND (t.put_back_at IS NULL OR t.left_at IS NOT NULL)
      )
    ORDER BY d.domain
    FOR NO KEY UPDATE OF d
"""

_HAS_STAND_INS = """
    SELECT EXISTS (
        SELECT FROM domain_stand_ins s JOIN applications p USING (application)
        WHERE p.id = $1 AND s.domain = $2 AND s.epoch < $3
    )
"""

_encode = msgspec.json.encode


def domain_circuit_of(columns: Sequence[Any]) -> DomainCircuit:
    """Read `DOMAIN_CIRCUIT_COLUMNS`."""
    state, since, epoch, verdict, to, at, held_by, confirmed, restarted_at, permitted, begins, ends = columns
    pending = None if verdict is None else Pending(verdict, State(to), at, HeldBy(held_by))
    circuit = Circuit(State(state), since, epoch, pending, Wanted(permitted) if permitted else None)
    intervals = tuple(Interval(begin, end) for begin, end in zip(begins, ends, strict=True))
    return DomainCircuit(circuit, confirmed == circuit.wanted, restarted_at, intervals)


class PostgresLockedDomains:
    """The sending domains of one transaction.

    Args:
        connection: A connection with an open transaction.
    """

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def standing(self, domains: Collection[SendingDomain]) -> Mapping[SendingDomain, DomainCircuit]:
        """Return the circuits of those that have one, unlocked."""
        rows = await self._connection.fetch(_STANDING, *_columns(domains))
        return {SendingDomain(row[0], row[1]): domain_circuit_of(row[2:]) for row in rows}

    async def lock(self, domains: Collection[SendingDomain]) -> Mapping[SendingDomain, DomainCircuit]:
        """Lock in ascending order and return them all; make those that there are none of."""
        await self._connection.execute(_MAKE, *_columns(domains))
        await self._connection.execute(_LOCK, *_columns(domains))
        return await self.standing(domains)  # read after the lock, hence as the last one left them

    async def refusals(self, domain: SendingDomain, since: float, until: float, limit: int) -> Sequence[Refusal]:
        """Return the refusals among the sends from `since` to `until`, the latest first."""
        rows = await self._connection.fetch(REFUSALS, *domain, int(since), int(until), limit)
        return [Refusal(row[0], row[1], Bad(*row[2:])) for row in rows]

    async def sends(self, domain: SendingDomain, since: float, until: float) -> int:
        """Return how many sends were counted, of all clock hours that these moments lie in or between."""
        return int(await self._connection.fetchval(_SENDS, *domain, int(since) // _HOUR, int(until) // _HOUR))

    async def accounts(self, domain: SendingDomain, active_since: float) -> Sequence[Account]:
        """Return all accounts that have a grant, or were active since a moment."""
        rows = await self._connection.fetch(_ACCOUNTS, *domain, active_since)
        return [Account(*row) for row in rows]

    async def is_made(self, application_id: str, kind: str) -> bool:
        """Tell whether the inventory has something of a kind."""
        return bool(await self._connection.fetchval(_IS_MADE, application_id, kind))

    async def open(self, application_ids: Collection[str], name: str | None) -> Sequence[SendingDomain]:
        """Return those that do not simply send: not in the state `sending`, or with a held verdict."""
        rows = await self._connection.fetch(_OPEN, list(application_ids), name)
        return [SendingDomain(*row) for row in rows]

    async def record_verdict(self, domain: SendingDomain, verdict: Verdict, context: Mapping[str, object]) -> int:
        """Store a verdict and return its id."""
        number = await self._connection.fetchval(
            _VERDICT,
            domain.application_id,
            domain.id,
            domain.name,
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
            verdict.cause,
            verdict.epoch,
            verdict.held_by,
            verdict.why,
            verdict.author,
            _encode(context).decode(),
        )
        return int(number)

    async def save(self, domain: SendingDomain, circuit: DomainCircuit) -> None:
        """Store what became of a circuit that is locked, its intervals included."""
        one = circuit.circuit
        await self._connection.execute(
            _SAVE,
            *domain,
            one.state,
            one.since,
            one.epoch,
            one.pending.verdict if one.pending else None,
            one.pending.to if one.pending else None,
            one.pending.at if one.pending else None,
            one.pending.held_by if one.pending else None,
            circuit.restarted_at,
            one.permitted,
        )
        if circuit.intervals:
            begins, ends = zip(*circuit.intervals, strict=True)
            await self._connection.execute(_SAVE_INTERVALS, *domain, begins, ends)

    async def order(
        self, domain: SendingDomain, epoch: int, verdict: int, kinds: Sequence[CommandKind], now: float
    ) -> None:
        """Put commands into the outbox; what is wanted is unconfirmed until they are settled."""
        await self._connection.execute(_SUPERSEDE, *domain, epoch, now)
        priorities = [PRIORITIES[kind] for kind in kinds]
        await self._connection.execute(_ORDER, *domain, epoch, verdict, now, [str(kind) for kind in kinds], priorities)
        await self._connection.execute(_UNCONFIRM, *domain)

    async def has_stand_ins(self, domain: SendingDomain, *, before: int) -> bool:
        """Tell whether addresses stand in for it that an earlier epoch asked for last."""
        return bool(await self._connection.fetchval(_HAS_STAND_INS, *domain, before))

    async def confirm(self, domain: SendingDomain, wanted: Wanted, now: float) -> None:
        """Note that the platform was seen to do something with the domain's sends."""
        await self._connection.execute(_CONFIRM, *domain, wanted, now)

    async def forgotten(self, application_id: str) -> Sequence[tuple[SendingDomain, int, int]]:
        """Return domain, epoch and verdict of those that should be stopped, and that nothing is under way for."""
        rows = await self._connection.fetch(_FORGOTTEN, application_id)
        return [(SendingDomain(application_id, name), epoch, verdict) for name, epoch, verdict in rows]


class PostgresDomains:
    """Circuits of sending domains, for everything but the hot path.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresLockedDomains]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                yield PostgresLockedDomains(connection)


def _columns(domains: Collection[SendingDomain]) -> tuple[Sequence[str], Sequence[str]]:
    return [one.application_id for one in domains], [one.name for one in domains]
