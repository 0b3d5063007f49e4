"""The probes of sending domains in PostgreSQL: kept beside their circuits, and changed with the domain's row locked."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from breaker.adapters.postgres.domains import PostgresLockedDomains
from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.probes import PROBE_COLUMNS, PROBE_NAMES, columns_of, probe_of
from breaker.domain.circuits.states import WANTED, State, Wanted
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.causes import DOMAIN_WIDE, Bad, text_class
from breaker.domain.outcomes.outcomes import OutcomeSet
from breaker.domain.probes.domain_probe import DomainProbe, Member, Traffic
from breaker.domain.probes.probe import DAY, QUEUE, Evidence, Hold
from breaker.ports import Confirmation, DomainHold, SendingDomain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence

    import asyncpg

    from breaker.domain.circuits.circuit import Circuit
    from breaker.domain.circuits.domain_circuit import Refusal

_READ = 500
"""Refusals read at most, the latest."""
_EVER = 2**62
_KEEPS_ITS_ADDRESS = 30 * DAY
"""Seconds after a grant was deleted in which its address may come back with its block."""

_DUE = """
    SELECT p.id, d.domain
    FROM domain_circuits d
    JOIN applications p USING (application)
    LEFT JOIN domain_probes b USING (application, domain)
    WHERE p.id = $1
      AND CASE WHEN d.state NOT IN ('stopped', 'probing') THEN b.domain IS NOT NULL
               ELSE b.domain IS NULL OR b.state <> d.state OR b.since <> d.since OR b.next_at <= $2
                    OR b.phase IN ('opening', 'open', 'closing') END
    ORDER BY d.domain
"""

_OPEN = """
    SELECT p.id, d.domain
    FROM domain_circuits d
    JOIN applications p USING (application)
    WHERE p.id = $1 AND d.state = 'probing' AND d.permitted = 'sending'
    ORDER BY d.domain
"""

_PROBE = f"""
    SELECT d.confirmed, d.confirmed_at, b.account, b.cause, {PROBE_COLUMNS}
    FROM domain_circuits d
    JOIN applications p USING (application)
    LEFT JOIN domain_probes b USING (application, domain)
    WHERE p.id = $1 AND d.domain = $2
"""  # noqa: S608 - made of constants

_HELD_FOR = """
    SELECT v.from_state, v.signal, v.author, v.detector
    FROM verdicts v JOIN applications p USING (application)
    WHERE p.id = $1 AND v.scope = $2 AND v.held_by IS NULL AND v.to_state = $3 AND v.from_state <> v.to_state
    ORDER BY v.id DESC
    LIMIT 1
"""

_CAUSE = """
    SELECT v.cause
    FROM verdicts v JOIN applications p USING (application)
    WHERE p.id = $1 AND v.scope = $2 AND v.cause IS NOT NULL
    ORDER BY v.id DESC
    LIMIT 1
"""

_STOPS = """
    SELECT count(*)
    FROM verdicts v JOIN applications p USING (application)
    WHERE p.id = $1 AND v.scope = $2 AND v.at > $3 AND v.at <= $4 AND v.held_by IS NULL AND v.author IS NULL
      AND v.detector <> 'platform' AND v.from_state IN ('sending', 'warned') AND v.to_state = 'stopped'
      AND v.id > coalesce((
          SELECT max(f.id) FROM verdicts f
          WHERE f.application = v.application AND f.scope = v.scope AND f.context ? 'false_stop'
      ), 0)
"""

_MEMBERS = """
    SELECT a.account, CASE WHEN a.grant_deleted_at IS NULL THEN a.grant_id END, a.address, c.state,
           c.confirmed IS NOT DISTINCT FROM coalesce(c.permitted, w.wanted),
           EXISTS (
               SELECT FROM platform_standings s
               WHERE s.account = a.account AND s.what IN ('platform_paused', 'restricted')
           ),
           a.workspace_id, a.home_workspace_id
    FROM accounts a
    JOIN applications p USING (application)
    JOIN circuits c USING (account)
    JOIN unnest($4::text[], $5::text[]) AS w(state, wanted) ON w.state = c.state
    WHERE p.id = $1 AND a.domain = $2 AND a.merged_into IS NULL AND a.address IS NOT NULL
      AND (a.grant_deleted_at IS NULL OR a.grant_deleted_at > $3)
    ORDER BY a.account
"""

_SENDS = """
    SELECT account, count(*) FROM ledger
    WHERE application = (SELECT application FROM applications WHERE id = $1) AND account = ANY($2::int[])
      AND sent_at >= $3 AND sent_at < $4
    GROUP BY account
"""

# Delivered is what no refusal followed later; other bounces were decided before the domain was looked at.
_DELIVERED = f"outcomes & {int(OutcomeSet.DELIVERED)} <> 0 AND outcomes & {int(OutcomeSet.POLICY)} = 0"
_TAKEN = f"""
    SELECT sent_at <= $4 AS within, count(*) FILTER (WHERE {_DELIVERED}), count(*), max(sent_at)
    FROM ledger
    WHERE application = (SELECT application FROM applications WHERE id = $1) AND account = $2
      AND sent_at >= $3 AND sent_at <= $5
    GROUP BY 1
"""  # noqa: S608 - made of constants

_REFUSED = """
    SELECT b.bounce_class, b.enhanced_status, b.diagnostic, b.recipient_domain, b.sender_domain
    FROM bad_outcomes b
    WHERE b.application = (SELECT application FROM applications WHERE id = $1) AND b.sender_domain = $2
      AND b.account = $3 AND b.bounce_class = 'policy' AND b.sent_at BETWEEN $4 AND $5
    ORDER BY b.sent_at
    LIMIT $6
"""

_STAND_INS = """
    SELECT s.address, s.epoch FROM domain_stand_ins s JOIN applications p USING (application)
    WHERE p.id = $1 AND s.domain = $2
"""

_LET_STAND_IN = """
    INSERT INTO domain_stand_ins (application, domain, address, epoch)
    SELECT p.application, $2, s.address, $4 FROM applications p, unnest($3::text[]) AS s(address) WHERE p.id = $1
    ON CONFLICT (application, address) DO UPDATE SET domain = excluded.domain, epoch = excluded.epoch
"""

_STANDING_IN = """
    SELECT s.address
    FROM domain_stand_ins s
    JOIN applications p USING (application)
    JOIN domain_circuits d USING (application, domain)
    WHERE p.id = $1 AND d.state = 'probing' AND d.permitted = 'sending' AND s.epoch = d.epoch
      AND d.confirmed = 'sending' AND d.confirmed_at < $2
"""

_STAND_DOWN = """
    DELETE FROM domain_stand_ins s USING applications p, domain_circuits d
    WHERE p.id = $1 AND s.application = p.application AND d.application = s.application AND d.domain = s.domain
      AND d.state = 'probing' AND d.permitted = 'sending' AND s.epoch = d.epoch AND s.address = ANY($2::text[])
"""

_FORGET = """
    DELETE FROM domain_probes b USING applications p
    WHERE p.id = $1 AND b.application = p.application AND b.domain = $2
"""

_COLUMNS = ("account", "cause", *PROBE_NAMES)
_KEEP = f"""
    INSERT INTO domain_probes (application, domain, {", ".join(_COLUMNS)})
    SELECT p.application, $2, {", ".join(f"${place}" for place, _ in enumerate(_COLUMNS, start=3))}
    FROM applications p WHERE p.id = $1
    ON CONFLICT (application, domain) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}
"""  # noqa: S608 - made of constants


class PostgresLockedDomainProbes:
    """Sending domains with their probes, in one transaction.

    Args:
        connection: A connection with an open transaction.
    """

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.domains = PostgresLockedDomains(connection)

    async def probe_of(self, domain: SendingDomain) -> tuple[DomainProbe | None, Confirmation]:
        """Return what is known of its probe, and of the platform."""
        confirmed, confirmed_at, account, cause, *columns = await self._connection.fetchrow(_PROBE, *domain)
        probe = probe_of(columns)
        confirmation = Confirmation(Wanted(confirmed) if confirmed else None, confirmed_at)
        return (DomainProbe(probe, account, cause) if probe else None), confirmation

    async def held_for(self, domain: SendingDomain, circuit: Circuit, within: float) -> DomainHold:
        """Return why its circuit is as it is, as far as the audit trail tells."""
        row = await self._connection.fetchrow(_HELD_FOR, domain.application_id, domain.id, circuit.state)
        span = (circuit.since - within, circuit.since)
        stops = await self._connection.fetchval(_STOPS, domain.application_id, domain.id, *span)
        cause = await self._connection.fetchval(_CAUSE, domain.application_id, domain.id)
        before, signal, author, detector = row or (circuit.state, None, None, "")
        hold = Hold(State(before), Signal(signal) if signal else None, author, detector, stops, 0.0)
        return DomainHold(hold, None if author and State(before) is not State.STOPPED else cause)

    async def members(self, domain: SendingDomain, now: float) -> Sequence[Member]:
        """Return its accounts, unlocked."""
        states, wanted = list(WANTED), list(WANTED.values())
        rows = await self._connection.fetch(_MEMBERS, *domain, now - _KEEPS_ITS_ADDRESS, states, wanted)
        return [Member(row[0], row[1], row[2], State(row[3]), *row[4:]) for row in rows]

    async def traffic(self, domain: SendingDomain, members: Collection[int], failed_at: float) -> Mapping[int, Traffic]:
        """Return what accounts of it sent in the day before it failed, and were refused since."""
        until = int(failed_at)
        rows = await self._connection.fetch(_SENDS, domain.application_id, list(members), until - int(DAY), until)
        sends = dict(rows)
        refusals = await self.domains.refusals(domain, failed_at, _EVER, _READ)
        refused = Counter(one.account for one in refusals if _is_domain_wide(one))
        return {key: Traffic(refused[key], sends.get(key, 0)) for key in members}

    async def evidence(
        self, domain: SendingDomain, account: int, opened_at: float, closed_at: float | None
    ) -> Evidence:
        """Return what is known of a round, whose sends are told by whole seconds."""
        begins_at = int(opened_at)
        ends_at = int(closed_at) if closed_at is not None else _EVER
        until = int(ends_at + QUEUE) if closed_at is not None else _EVER
        rows = await self._connection.fetch(_TAKEN, domain.application_id, account, begins_at, ends_at, until)
        refused = await self._connection.fetch(_REFUSED, *domain, account, begins_at, ends_at, _READ)
        bad = sum(text_class(Bad(*row)) in DOMAIN_WIDE for row in refused)
        taken = sum(delivered for within, delivered, _, _ in rows if within)
        late = sum(number for within, _, number, _ in rows if not within)
        return Evidence(taken + bad, bad, max((row[3] for row in rows), default=None), late)

    async def stand_ins(self, domain: SendingDomain) -> Mapping[str, int]:
        """Return the addresses that stand in for the domain, with the epoch that asked for each last."""
        return dict(await self._connection.fetch(_STAND_INS, *domain))

    async def let_stand_in(self, domain: SendingDomain, addresses: Collection[str], epoch: int) -> None:
        """Remember that addresses are to stand in for the domain."""
        await self._connection.execute(_LET_STAND_IN, *domain, sorted(addresses), epoch)

    async def keep(self, domain: SendingDomain, probe: DomainProbe | None) -> None:
        """Remember how far its probe has come, or forget it."""
        if probe is None:
            await self._connection.execute(_FORGET, *domain)
        else:
            await self._connection.execute(_KEEP, *domain, probe.account, probe.cause, *columns_of(probe.probe))


class PostgresDomainProbes:
    """The probes of all sending domains.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def due(self, application_id: str, now: float) -> Sequence[SendingDomain]:
        """Return the domains about which something may be due; nothing is locked."""
        with translated():
            return _named(await self._pool.fetch(_DUE, application_id, now))

    async def open(self, application_id: str) -> Sequence[SendingDomain]:
        """Return those of which an account is to be free for a round just now."""
        with translated():
            return _named(await self._pool.fetch(_OPEN, application_id))

    async def standing_in(self, application_id: str, before: float) -> frozenset[str]:
        """Return the addresses that hold a domain of which an account is free since before a moment."""
        with translated():
            rows = await self._pool.fetch(_STANDING_IN, application_id, before)
        return frozenset(address for (address,) in rows)

    async def stand_down(self, application_id: str, addresses: Collection[str]) -> None:
        """Forget that these hold their domain, where an account of it is free."""
        with translated():
            await self._pool.execute(_STAND_DOWN, application_id, sorted(addresses))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresLockedDomainProbes]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                yield PostgresLockedDomainProbes(connection)


def _named(rows: Iterable[Sequence[str]]) -> list[SendingDomain]:
    return [SendingDomain(*row) for row in rows]


def _is_domain_wide(refusal: Refusal) -> bool:
    return text_class(refusal.bad) in DOMAIN_WIDE
