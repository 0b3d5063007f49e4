"""A daemon in pieces: wired as `breaker.app` wires it, and doing each of its works when it is told to."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import asyncpg

from breaker.adapters.metrics import Metrics
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.notifications import GrantEvent, SendFailed, decode
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.feed import PostgresFeed
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.unordered import PostgresUnordered
from breaker.adapters.postgres.upkeep import PostgresUpkeep
from breaker.app.attendance import Attendance, Shared
from breaker.app.database import UnavailableError
from breaker.app.derived import window_sizes
from breaker.app.guarded import Guarded, WebhookSecrets
from breaker.app.intake import Intake
from breaker.app.operations import Operations, wire_operations
from breaker.app.refusals import Refusals
from breaker.app.reporter import Reporter
from breaker.app.rhythm import Rhythm
from breaker.app.workers import Workers
from breaker.domain.outcomes.outcomes import DeliveryEvent
from breaker.flows.holding import Holding
from breaker.flows.lease import Lease
from breaker.flows.order_again import order_again
from breaker.flows.probe import Prober
from breaker.flows.release_held import ReleaseHeld
from breaker.flows.watch_feed import WatchFeed
from breaker.ports import PlatformError, StoreError
from tests.whole.moments import Moments, connection_class, trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from breaker.config import Settings
    from breaker.flows.carry_out import Sender
    from breaker.ports import Clock

EXPECTED = (StoreError, PlatformError, OSError, UnavailableError)
"""What a daemon's works may raise; whatever else they raise is a fault of ours."""

ANSWER_WITHIN = 4.0
"""Seconds that the platform has to answer: less than a sender's lease, which nobody renews within a pass here."""

_PASSES = 50


@dataclass(slots=True)
class Work:
    """Something that a daemon does again and again.

    Attributes:
        once: Does it once.
        every: Seconds between two times.
        due_at: When it is due next, Unix seconds.
    """

    once: Callable[[], Awaitable[object]]
    every: float
    due_at: float = 0.0


class Recorded(Workers):
    """Workers that do nothing by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.works: dict[str, Work] = {}
        self.senders: list[Sender] = []

    def every(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        seconds: float,
        sleep: Callable[[float], Awaitable[None]],  # noqa: ARG002 - the parent's
    ) -> asyncio.Task[None]:
        self.works[name] = Work(work, seconds)
        return asyncio.create_task(asyncio.sleep(0))

    def start(self, name: str, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        if name.startswith("sender"):
            self.senders.append(inspect.getcoroutinelocals(work)["self"])
        work.close()
        return asyncio.create_task(asyncio.sleep(0))


async def _nothing(_connection: asyncpg.Connection) -> None:
    """Leave a connection as it is."""


@dataclass(slots=True)
class Daemon:
    """One daemon.

    Attributes:
        name: What it is called.
        clock: Its time.
        moments: Where it can be killed.
        pool: Its connections.
        session: Its HTTP client.
        metrics: Its metrics.
        operations: The use-cases.
        intake: What counts.
        refusals: What notes what the platform did.
        works: What it does again and again, by name.
        sender: What carries out commands.
    """

    name: str
    clock: Clock
    moments: Moments
    pool: asyncpg.Pool
    session: aiohttp.ClientSession
    tasks: set[asyncio.Task[object]] = field(default_factory=set)
    metrics: Metrics = field(default_factory=Metrics)
    operations: Operations = field(init=False)
    intake: Intake = field(init=False)
    refusals: Refusals = field(init=False)
    works: dict[str, Work] = field(init=False)
    sender: Sender = field(init=False)

    @classmethod
    def made(cls, name: str, url: str, clock: Clock, moments: Moments) -> Daemon:
        """Make one that has not started; nothing is asked."""
        pool = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=6,
            reset=_nothing,
            connection_class=connection_class(moments),
            server_settings={"application_name": name},
            max_inactive_connection_lifetime=0,
        )
        return cls(name, clock, moments, pool, aiohttp.ClientSession(trace_configs=[trace(moments)]))

    async def start(self, settings: Settings) -> None:
        """Wire it, and read what has to be known."""
        await self.pool
        clock, pool, metrics = self.clock, self.pool, self.metrics
        attendance, workers = Attendance(), Recorded()
        reporter = Reporter(metrics, attendance.wake)
        self.operations = operations = wire_operations(settings, pool, clock)
        guarded = [self._guarded(settings)]
        feed = WatchFeed(
            PostgresFeed(pool),
            clock,
            lambda: {one.id: one.platform for one in guarded if one.id},
            self._lease("feed", 30.0),
            reporter,
        )
        with suppress(StoreError):
            await feed()
        holding = Holding(operations.modes, feed)
        self.intake = intake = Intake(operations.in_force, pool, clock, operations.modes, holding, reporter)
        self.refusals = Refusals(pool, operations.in_force, operations.modes, holding, clock, reporter, self.name)
        missing = partial(
            order_again,
            PostgresUnordered(pool),
            PostgresCircuits(pool, window_sizes(settings)),
            operations.in_force.actuators_of,
        )
        held = ReleaseHeld(
            operations.guard, lambda: intake.count, self._lease("held stops", 30.0), clock, reporter.decided
        )
        shared = Shared(
            name=self.name,
            settings=settings,
            clock=clock,
            rhythm=Rhythm(),
            pool=pool,
            workers=workers,
            metrics=metrics,
            reporter=reporter,
            operations=operations,
            modes=operations.modes,
            holding=holding,
            too_quiet=feed.too_quiet,
            intake=intake,
            refusals=self.refusals,
            secrets=WebhookSecrets(settings, guarded),
        )
        platform = guarded[0].platform
        assert platform is not None
        await attendance.attend(guarded[0], platform, shared)
        await operations.modes.refresh(after=0.0)
        self.sender = workers.senders[0]
        upkeep = PostgresUpkeep(pool, intake.partitions)
        self.works = {
            "upkeep": Work(partial(upkeep.fold_tallies), 600.0),
            "modes": Work(partial(operations.modes.refresh, after=0.0), 1.0),
            "feed": Work(feed, 5.0),
            "platform standings": Work(self.refusals.keep, 5.0),
            "pooled evidence": Work(intake.pool_evidence, 60.0),
            "missing orders": Work(lambda: missing(clock.now()), 5.0),
            "held stops": Work(held, 5.0),
            **workers.works,
        }
        running = asyncio.all_tasks()
        intake.ingest.start()
        self.tasks = asyncio.all_tasks() - running

    async def once(self, name: str) -> None:
        """Do one of its works once; what it may raise is passed over, as the daemon does."""
        work = self.works[name]
        work.due_at = self.clock.now() + work.every
        with suppress(*EXPECTED):
            await work.once()

    async def look(self) -> None:
        """Do all that is due, and carry out what is wanted."""
        await self.carry_out()
        for name, work in self.works.items():
            if self.clock.now() >= work.due_at:
                await self.once(name)
        await self.carry_out()

    async def carry_out(self) -> None:
        """Let its sender work until it finds nothing to do."""
        with suppress(*EXPECTED):
            for _ in range(_PASSES):
                if not await self.sender.once():
                    return
            raise AssertionError(f"a sender was busy for {_PASSES} passes, and time stood still")

    async def take(self, body: bytes) -> None:
        """Take in a notification; returns once it is committed."""
        event = decode(body, self.clock.now())
        if isinstance(event, DeliveryEvent):
            await self.intake.deliver(event, body)
        elif isinstance(event, GrantEvent):
            await self.intake.follow(event)
        elif isinstance(event, SendFailed):
            await self.refusals.failed(event)

    async def leave(self) -> None:
        """Stop in good order."""
        prober = self.works["probing"].once
        assert isinstance(prober, Prober)
        with suppress(*EXPECTED):
            await prober.leave()
        await self.carry_out()
        await self.intake.ingest.stop()
        self.tasks = set()

    async def bury(self) -> None:
        """Take away what is left of it."""
        self.moments.dead = True
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.pool.terminate()
        await self.session.close()

    def _guarded(self, settings: Settings) -> Guarded:
        [application] = settings.guarded_applications()
        assert application.api_key is not None
        transport = Transport(
            self.session,
            application.api_url,
            application.api_key.get_secret_value(),
            Budget(self.clock, 1_000.0),
            self.clock,
            observe=self.metrics.platform_request,
            answer_within=ANSWER_WITHIN,
        )
        return Guarded(application, NylasPlatform(transport), application.id)

    def _lease(self, name: str, lasts: float) -> Lease:
        return Lease(PostgresLeases(self.pool), name, self.name, lasts)
