"""The daemon: every part started in order, and stopped in the reverse one.

What it holds open stands on one stack of clean-ups, so that a start which fails half way takes back what it did, and a
stop ends things in the order that loses nothing: first the webhook listener takes nothing more, then what was accepted
is committed, then the workers end, then the connections close.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import uuid
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import structlog

from breaker.adapters.clock import SystemClock
from breaker.adapters.drill_metrics import DrillMetrics
from breaker.adapters.http.admin import AdminListener
from breaker.adapters.http.health import Health
from breaker.adapters.http.webhook import Handlers, Limits, WebhookListener
from breaker.adapters.logs import configure_logging
from breaker.adapters.metrics import POLL_SECONDS, Metrics
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.facts import OtherSendKeyError, check_send_key
from breaker.adapters.postgres.feed import PostgresFeed
from breaker.adapters.postgres.gate import PostgresCircuitChanges
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.unordered import PostgresUnordered
from breaker.adapters.postgres.upkeep import PostgresUpkeep
from breaker.adapters.secrets import read_send_hash_key
from breaker.adapters.systemd import ServiceManager
from breaker.app.attendance import Attendance, Shared
from breaker.app.database import UnavailableError, connections, database, migrate
from breaker.app.derived import window_sizes
from breaker.app.exempted import watch_lines
from breaker.app.guarded import Guarded, WebhookSecrets
from breaker.app.intake import Intake
from breaker.app.listening import ADMIN, WEBHOOKS, listen, sockets_handed_over
from breaker.app.nightly_drill import drill_polling
from breaker.app.observing import OnlyObserving
from breaker.app.operations import wire_operations
from breaker.app.pins import keep_pins
from breaker.app.readiness import readiness_checks
from breaker.app.refusals import Refusals
from breaker.app.reload import Reload
from breaker.app.reporter import Reporter
from breaker.app.rhythm import Rhythm
from breaker.app.signs_of_life import EVERY as SIGNS_OF_LIFE
from breaker.app.signs_of_life import SignsOfLife
from breaker.app.stops_watched import watch_stops
from breaker.app.workers import Workers
from breaker.domain.standing.gate import GateMemory
from breaker.flows.holding import Holding
from breaker.flows.keep_gate import KeepGate
from breaker.flows.lease import Lease
from breaker.flows.order_again import order_again
from breaker.flows.release_held import ReleaseHeld
from breaker.flows.watch_feed import WatchFeed
from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import asyncpg

    from breaker.app.operations import Operations
    from breaker.app.reporter import Listener
    from breaker.config import GuardedApplication, Settings
    from breaker.ports import Clock, Modes

_DAY = 86_400.0
_WEEK = 7 * _DAY
_LOOK_AT_SECRETS = 1.0
_ORDER_AGAIN = 5.0
_BREATH = 5.0
_LEASE = 30.0
_PROBER_LEASE = 10.0
"""Seconds after which another daemon closes the rounds of one that died, whose accounts are free until then."""
_FAREWELL, _FAREWELLS = 5.0, 100

log = structlog.get_logger(__name__)


class Daemon:
    """A running daemon.

    Attributes:
        webhook_address: Where the webhook listener listens, as (host, port).
        admin_address: The same of the admin listener.
        operations: The use-cases, on the daemon's own connections.
        reload: Puts a changed configuration in force.
        holding: What keeps the daemon from changing anything by itself.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        rhythm: Rhythm | None = None,
        listener: Listener | None = None,
        again: Callable[[], Settings] | None = None,
    ) -> None:
        """Keep what was configured; `start` does the rest."""
        self._settings = settings
        self._again = again or (lambda: settings)
        self._clock = clock
        self._rhythm = rhythm or Rhythm(adoption=settings.platform.sweep_seconds)
        self._stack = AsyncExitStack()
        self._workers = Workers()
        self._attendance = Attendance()
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._metrics = Metrics()
        self._reporter = Reporter(self._metrics, self._attendance.wake, listener)
        self.webhook_address: tuple[str, int] = ("", 0)
        self.admin_address: tuple[str, int] = ("", 0)
        self.operations: Operations
        self.reload: Reload
        self.holding: Holding
        self._intake: Intake
        self._refusals: Refusals
        self._feed: WatchFeed
        self._modes: Modes
        self._secrets: WebhookSecrets
        self.guarded: list[Guarded] = []

    async def start(self, *, observe_only: bool = False, sockets: Mapping[str, socket.socket] | None = None) -> None:
        """Start everything; on failure nothing is left.

        Args:
            observe_only: Whether nothing but observing is done, whatever the modes say.
            sockets: Sockets that listen already, in place of the configured addresses, by the listener's name.

        Raises:
            UnavailableError: The database can't be used, or a listener's address.
            ConfigurationError: A secret can't be used.
        """
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(database(self._settings, make=True))
            if self._settings.database_url is None:
                await migrate(self._settings)
            pool = await stack.enter_async_context(connections(self._settings, url))
            try:
                await check_send_key(pool, read_send_hash_key(self._settings))
            except OtherSendKeyError as error:
                raise UnavailableError(str(error)) from error
            self.operations = wire_operations(self._settings, pool, self._clock)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            self.guarded = [self._guard(one, session) for one in self._settings.guarded_applications()]
            self._secrets = WebhookSecrets(self._settings, self.guarded)
            reporter = self._reporter
            self._modes = modes = OnlyObserving() if observe_only else self.operations.modes
            self.operations.in_force.count_fleet(await self.operations.fleet.active())
            feed = self._watch_feed(pool)
            self._feed = feed
            with suppress(StoreError):  # a gap that goes on is known before the first event comes
                await feed()
            self.holding = Holding(self.operations.modes, feed)
            self._metrics.watch_hold(lambda: self.operations.modes.hold(self._clock.now()) is not None)
            self._intake = Intake(self.operations.in_force, pool, self._clock, modes, self.holding, reporter)
            self._refusals = Refusals(
                pool, self.operations.in_force, modes, self.holding, self._clock, reporter, self.name
            )
            life = SignsOfLife(pool, self.name, lambda: self.guarded, self._clock, observe_only=observe_only)
            upkeep = PostgresUpkeep(pool, self._intake.partitions)
            await upkeep.make_days_ahead(self._clock.now())
            self._start_workers(pool, upkeep)
            self._workers.every("signs of life", life, SIGNS_OF_LIFE, asyncio.sleep)
            self._workers.every("feed", feed, self._rhythm.feed, self._clock.sleep)
            self._workers.every("held stops", self._release_held(pool), self._rhythm.held_stops, self._clock.sleep)
            lines = watch_lines(pool, self.operations.in_force, self._metrics.registry, self.name)
            self._workers.every("lines", lines, self._rhythm.lines, self._clock.sleep)
            self._workers.every(
                "pins", keep_pins(pool, self.operations, self._attendance.wake), self._rhythm.pins, self._clock.sleep
            )
            self._workers.start("metrics", self._metrics.keep_polling(self.operations.fleet, self._clock))
            self._workers.start("modes", self.operations.modes.keep_fresh())
            stack.push_async_callback(_take_leave, life)
            stack.push_async_callback(self._stop_workers)
            self._intake.ingest.start()
            stack.push_async_callback(self._intake.ingest.stop)
            gate = await self._keep_gate(stack, url)
            listener = WebhookListener(
                self._secrets,
                Handlers(self._intake.deliver, self._intake.follow, self._refusals.failed, self._intake.keep),
                reporter,
                self._clock,
                Limits(
                    self._settings.intake.max_body_bytes,
                    self._settings.intake.max_unpacked_bytes,
                    self._settings.intake.max_recipients,
                    self._settings.intake.answer_within_seconds,
                ),
                life.signings,
            )
            admin = AdminListener(
                self.operations,
                Health(readiness_checks(pool, self._secrets.known), self._metrics.registry),
                gate,
                self._refusals.note,
                self._settings.admin_tokens,
                self._attendance.wake,
            )
            self.reload = Reload(self._again, self.operations, self._intake, self._secrets, admin, self._metrics)
            self._workers.start("reload", self.reload.run())
            self.admin_address = await listen(
                stack, admin.application(), self._settings.admin_listen, (sockets or {}).get(ADMIN)
            )
            self.webhook_address = await listen(
                stack, listener.application(), self._settings.listen, (sockets or {}).get(WEBHOOKS)
            )
            self._stack = stack.pop_all()
        log.info(
            "breaker serves",
            webhooks="{}:{}".format(*self.webhook_address),
            admin="{}:{}".format(*self.admin_address),
            database=self._settings.database_url is not None,
        )

    async def stop(self) -> None:
        """Stop everything; what was accepted is committed."""
        await self._stack.aclose()

    async def idle(self) -> bool:
        """Tell whether nothing stands in line, and nothing is wanted of the platform that was not tried yet."""
        return self._intake.ingest.idle and not await self.operations.fleet.commands_pending()

    @property
    def grants_read(self) -> asyncio.Event:
        """Set once the grants of an application were read."""
        return self._attendance.grants_read

    @property
    def events(self) -> int:
        """How many notifications were committed since the start."""
        return self._reporter.events

    def reload_secrets(self) -> None:
        """Read the webhook secrets again, now."""
        self._secrets.read()

    def _guard(self, application: GuardedApplication, session: aiohttp.ClientSession) -> Guarded:
        if application.api_key is None:
            return Guarded(application, None, application.id)
        transport = Transport(
            session,
            application.api_url,
            application.api_key.get_secret_value(),
            Budget(self._clock, self._settings.platform.requests_per_second),
            self._clock,
            observe=self._metrics.platform_request,
            answer_within=self._settings.platform.timeout_seconds,
        )
        return Guarded(application, NylasPlatform(transport), application.id)

    def _watch_feed(self, pool: asyncpg.Pool) -> WatchFeed:
        def listening() -> Mapping[str, NylasPlatform | None]:
            return {one.id: one.platform for one in self.guarded if one.id is not None}

        lease = Lease(PostgresLeases(pool), "feed", self.name, _LEASE)
        return WatchFeed(PostgresFeed(pool), self._clock, listening, lease, self._reporter)

    def _release_held(self, pool: asyncpg.Pool) -> ReleaseHeld:
        lease = Lease(PostgresLeases(pool), "held stops", self.name, _LEASE)
        intake = self._intake
        return ReleaseHeld(self.operations.guard, lambda: intake.count, lease, self._clock, self._reporter.decided)

    async def _keep_gate(self, stack: AsyncExitStack, url: str) -> KeepGate:
        """Give a gate that knows what is committed, and follows it until the workers are stopped."""
        direct = self._settings.database_direct_url
        changes = PostgresCircuitChanges(direct.get_secret_value() if direct else url)
        stack.push_async_callback(changes.close)
        gate = KeepGate(changes, GateMemory(), self._clock, self._metrics)
        try:
            await gate.read()
        except StoreError as error:
            name = "BREAKER_DATABASE_DIRECT_URL" if direct else "the database"
            raise UnavailableError(
                f"the gate can't follow what is committed: {name} does not answer ({error})"
            ) from error
        task = asyncio.create_task(gate.run(), name="gate")
        stack.push_async_callback(_end, task)
        return gate

    def _start_workers(self, pool: asyncpg.Pool, upkeep: PostgresUpkeep) -> None:
        self._workers.every("secrets", self._look_at_secrets, _LOOK_AT_SECRETS, asyncio.sleep)
        drills = drill_polling(DrillMetrics(self._metrics.registry), pool, self.operations)
        self._workers.every("drill metrics", drills, POLL_SECONDS, asyncio.sleep)
        self._workers.every("fleet size", self._count_fleet, self._rhythm.fleet_size, self._clock.sleep)
        self._workers.every("upkeep", partial(self._keep_up, upkeep), self._rhythm.upkeep, self._clock.sleep)
        stops = watch_stops(pool, self._metrics.registry)
        self._intake.after_stop = stops.note
        self._workers.every("stops that should hold", stops, self._rhythm.stops, self._clock.sleep)
        self._workers.every("pooled evidence", self._intake.pool_evidence, self._rhythm.pooling, self._clock.sleep)
        self._workers.every("feedback domains", self._intake.learn_feedback, self._rhythm.feedback, self._clock.sleep)
        missing = partial(
            order_again,
            PostgresUnordered(pool),
            PostgresCircuits(pool, window_sizes(self._settings)),
            self.operations.in_force.actuators_of,
        )
        self._workers.every("platform standings", self._refusals.keep, _ORDER_AGAIN, asyncio.sleep)
        self._workers.every("missing orders", partial(self._order_again, missing), _ORDER_AGAIN, asyncio.sleep)
        shared = self._shared(pool)
        for one in self.guarded:
            if one.platform is not None:
                work = self._attendance.attend(one, one.platform, shared)
                self._workers.start("attend to an application", work)

    def _shared(self, pool: asyncpg.Pool) -> Shared:
        return Shared(
            name=self.name,
            settings=self._settings,
            clock=self._clock,
            rhythm=self._rhythm,
            pool=pool,
            workers=self._workers,
            metrics=self._metrics,
            reporter=self._reporter,
            operations=self.operations,
            modes=self._modes,
            holding=self.holding,
            too_quiet=self._feed.too_quiet,
            intake=self._intake,
            refusals=self._refusals,
            secrets=self._secrets,
        )

    async def _order_again(self, missing: Callable[[float], Awaitable[int]]) -> None:
        if await missing(self._clock.now()):
            self._attendance.wake()

    async def _stop_workers(self) -> None:
        await self._attendance.close_rounds(self.operations)
        await self._workers.stop()

    async def _count_fleet(self) -> None:
        if self.operations.in_force.count_fleet(await self.operations.fleet.active()):
            self._intake.configure()

    async def _look_at_secrets(self) -> None:
        self._secrets.read()

    async def _keep_up(self, upkeep: PostgresUpkeep) -> None:
        now = self._clock.now()
        await upkeep.make_days_ahead(now)
        await upkeep.fold_tallies()
        await upkeep.drop_old_feed(now)
        await upkeep.drop_days_before(now - self.operations.in_force.settings.ledger.retention_days * _DAY)


async def _take_leave(life: SignsOfLife) -> None:
    with suppress(StoreError):  # who is not told hears of it by its silence
        await life.leave()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def running(  # noqa: PLR0913 - each by name, and most callers say few
    settings: Settings,
    clock: Clock | None = None,
    *,
    observe_only: bool = False,
    rhythm: Rhythm | None = None,
    listener: Listener | None = None,
    again: Callable[[], Settings] | None = None,
    sockets: Mapping[str, socket.socket] | None = None,
) -> AsyncIterator[Daemon]:
    """Give a running daemon, and stop it in the end."""
    daemon = Daemon(settings, clock or SystemClock(), rhythm, listener, again)
    await daemon.start(observe_only=observe_only, sockets=sockets)
    try:
        yield daemon
    finally:
        await daemon.stop()


def spare_the_collector() -> None:
    """Let the cycle collector look at what is new only, and seldom: a request makes no cycles that matter.

    Measured: a fifth of the processor time of a durable event.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def serve(settings: Settings, again: Callable[[], Settings], *, embedded: bool = False) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reads the configuration again.

    Args:
        settings: The configuration.
        again: Reads it again, from the same places.
        embedded: Whether an embedded database is meant; without, nothing but observing is done on one.

    Raises:
        UnavailableError: The database can't be used.
    """
    configure_logging(settings.log.format, settings.log.level)
    manager, sockets = ServiceManager.of(os.environ, os.getpid()), sockets_handed_over()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before anything is started, so that nothing is left half started: an embedded server would outlive us.
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # what it asks for is being done
    observe_only = settings.database_url is None and not embedded
    async with running(settings, observe_only=observe_only, again=again, sockets=sockets) as daemon:
        loop.add_signal_handler(signal.SIGHUP, daemon.reload.ask)
        alive = asyncio.create_task(manager.keep_alive(), name="signs of life for the service manager")
        spare_the_collector()
        if observe_only:
            log.warning(
                "no BREAKER_DATABASE_URL is set, so this daemon only observes on its embedded database; "
                "give --embedded if it is meant to act"
            )
        manager.tell("READY=1", "STATUS=takes in events on {}:{}".format(*daemon.webhook_address))
        await stop.wait()
        manager.tell("STOPPING=1", "STATUS=commits what was taken in")
        log.info("breaker stops")
    await _end(alive)
