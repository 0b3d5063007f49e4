"""A daemon's counting on a real database, without its listeners; several of them on one database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from breaker.adapters.postgres.guard import Limits, PostgresGuard
from breaker.adapters.postgres.identities import Identities
from breaker.adapters.postgres.ledger import PostgresLedger
from breaker.adapters.postgres.partitions import Partitions
from breaker.adapters.postgres.pooled import PostgresGroupCounts
from breaker.adapters.postgres.roster import PostgresRoster
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.states import State
from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.outcomes.outcomes import BounceClass, Counting, DeliveryEvent, OutcomeKind, Recipient
from breaker.domain.outcomes.sends import Rules
from breaker.domain.platform.commands import Actuator
from breaker.domain.profiles.profile import Profile
from breaker.domain.profiles.profiles import Profiles
from breaker.domain.windows.counters import Counters, WindowSizes
from breaker.flows.count import Count
from breaker.flows.ingest import Ingest
from breaker.flows.pool_evidence import PoolEvidence
from breaker.ports import ModeInForce, TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from breaker.flows.count import Report
    from breaker.ports import Account

NOW = 1_790_000_000.0
"""A moment in September 2026, 13:33:20 UTC."""
DAY = 86_400
SIZES = WindowSizes((100, 300), (200,))
COUNTING = Counting()
FEEDBACK = "feedback.example"
SIMULATOR = "simulator.example"
APPLICATION = "app-1"

RULES = Rules(COUNTING, frozenset({FEEDBACK}), frozenset({SIMULATOR}), b"k" * 32)


@dataclass(frozen=True)
class FourInTwenty:
    """Asks for a stop at four hard bounces in twenty sends since the last reset, or a higher share of more."""

    name: str = "four"
    signal: Signal = Signal.BOUNCE

    def suspect(self, counters: Counters) -> Suspicion | None:
        bad, sends = counters.totals.hard_bounces, counters.totals.sends
        if sends < 20 or bad * 5 < sends:
            return None
        return Suspicion(self.name, self.signal, State.STOPPED, None, bad, sends, 0.2)

    def is_calm(self, counters: Counters) -> bool:
        return self.suspect(counters) is None

    def describe(self) -> dict[str, object]:
        return {}


NOBODY = Profile("nobody", Budget(), ())
"""A profile that suspects nobody."""
SIMPLE = Profile("simple", Budget(), (FourInTwenty(),))


@dataclass
class SetClock:
    """A clock that stands where it is set."""

    time: float = NOW

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing here waits {seconds} s")


@dataclass(frozen=True)
class OneMode:
    """One mode for everybody."""

    mode: Mode = Mode.OBSERVE

    async def in_force(self, _account: Account, _now: float) -> ModeInForce:
        return ModeInForce(self.mode, "daemon")


@dataclass
class Observed:
    """What was told of batches."""

    sizes: list[int] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)
    again: list[Exception] = field(default_factory=list)

    def committed(self, report: Report, size: int, _seconds: float) -> None:
        self.sizes.append(size)
        self.reports.append(report)

    def refused(self, error: Exception, _size: int) -> None:
        self.refusals.append(error)

    def tried_again(self, error: Exception) -> None:
        self.again.append(error)


@dataclass(frozen=True)
class Daemon:
    """The counting part of one daemon.

    Attributes:
        pool: Its own connections.
        identities: Its own memory of who is who.
        partitions: Its own memory of days.
        count: The flow.
        ingest: The line before it, not started.
        observed: What the line told.
        clock: Its time.
        sizes: The windows.
        evidence: What groups did, read when it is called.
    """

    pool: asyncpg.Pool
    identities: Identities
    partitions: Partitions
    count: Count
    ingest: Ingest
    observed: Observed
    clock: SetClock
    sizes: WindowSizes
    evidence: PoolEvidence

    @property
    def roster(self) -> PostgresRoster:
        return PostgresRoster(self.pool, self.identities)

    async def take(self, *events: DeliveryEvent, now: float = NOW) -> Report:
        """Count a batch; once more where accounts turned out to be one, as the line does."""
        try:
            return await self.count(events, now)
        except TryTransactionAgainError:
            return await self.count(events, now)

    async def counters(self, *, grant: str | None = None, address: str | None = None) -> Counters:
        """Return what is counted of an account that is known by this grant or address."""
        return Counters.from_bytes(self.sizes, (await self.row(grant=grant, address=address))["counters"])

    async def row(self, *, grant: str | None = None, address: str | None = None) -> asyncpg.Record:
        """Return an account and its circuit."""
        rows = await self.pool.fetch(
            "SELECT * FROM accounts JOIN circuits USING (account) WHERE merged_into IS NULL AND "
            + ("grant_id = $1" if grant else "address = $1"),
            grant or address,
        )
        assert len(rows) == 1, f"{len(rows)} accounts are known as {grant or address}"
        return rows[0]

    async def sends(self) -> list[tuple[int, int, int]]:
        """Return `(account, sent_at, outcomes)` of the whole ledger, the newest first."""
        rows = await self.pool.fetch("SELECT account, sent_at, outcomes FROM ledger ORDER BY sent_at DESC")
        return [tuple(row) for row in rows]


@asynccontextmanager
async def daemon(  # noqa: PLR0913 - each by name, and most tests say one
    url: str,
    *,
    mode: Mode = Mode.OBSERVE,
    profile: Profile | Profiles = NOBODY,
    rules: Rules = RULES,
    sizes: WindowSizes = SIZES,
    limits: Limits | None = None,
    actuators: Sequence[Actuator] = (Actuator.BLOCK, Actuator.QUARANTINE),
    budget: Budget | None = None,
    connections: int = 4,
    writers: int = 2,
    batch_size: int = 64,
    server_settings: dict[str, str] | None = None,
    log: Callable[[asyncpg.connection.LoggedQuery], None] | None = None,
) -> AsyncIterator[Daemon]:
    """Give a daemon on a database, with connections of its own; `log` is told of every statement."""

    async def set_up(connection: asyncpg.Connection) -> None:
        if log:
            connection.add_query_logger(log)

    pool = await asyncpg.create_pool(
        url, min_size=0, max_size=connections, server_settings=server_settings or {}, setup=set_up
    )
    try:
        identities, partitions = Identities(pool, sizes, rules.counting), Partitions(pool, ahead=1)
        ledger = PostgresLedger(pool, sizes, identities, partitions, PostgresGuard(limits or Limits()))
        profiles = profile if isinstance(profile, Profiles) else Profiles(profile)
        clock, observed = SetClock(), Observed()
        evidence = PoolEvidence(PostgresGroupCounts(pool), lambda: budget or Budget(), clock)
        count = Count(ledger, OneMode(mode), profiles, rules, lambda _account: actuators, lambda: evidence.current)
        ingest = Ingest(count, clock, observed, writers=writers, batch_size=batch_size, line_length=10_000)
        yield Daemon(pool, identities, partitions, count, ingest, observed, clock, sizes, evidence)
    finally:
        await pool.close()


@asynccontextmanager
async def started(one: Daemon) -> AsyncIterator[Daemon]:
    """Run a daemon's line for as long as the block lasts."""
    one.ingest.start()
    try:
        yield one
    finally:
        await one.ingest.stop()


def event(  # noqa: PLR0913 - each by name, and most tests say few
    kind: OutcomeKind,
    message: str,
    *recipients: str,
    grant: str | None = "grant-1",
    sender: str | None = "agent@agents.example",
    sent_at: float = NOW - 100,
    bounce_class: BounceClass | None = None,
    diagnostic: str | None = None,
    application: str = APPLICATION,
) -> DeliveryEvent:
    """Make an event as the decoder does."""
    family = "message" if grant else "message.transactional"
    if kind is OutcomeKind.BOUNCED:
        bounce_class = bounce_class or BounceClass.UNKNOWN_RECIPIENT
    return DeliveryEvent(
        application_id=application,
        grant_id=grant,
        sender=sender,
        message_id=message,
        sent_at=int(sent_at),
        occurred_at=sent_at + 5,
        kind=kind,
        recipients=tuple(
            Recipient(recipient, bounce_class, diagnostic) for recipient in recipients or (f"{message}@example.org",)
        ),
        trigger=f"{family}.{kind}",
    )
