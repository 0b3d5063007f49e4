"""The daemon: every part started in order, and stopped in the reverse one.

What it holds open stands on one stack of clean-ups, so that a start which fails half way takes back what it did, and a
stop ends things in the order that loses nothing: first the webhook listener takes nothing more, then what was accepted
is committed, then the workers end, then the connections close.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import socket
import uuid
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import structlog
from aiohttp import web

from breaker.adapters.clock import SystemClock
from breaker.adapters.http.admin import AdminListener
from breaker.adapters.http.health import Health
from breaker.adapters.http.webhook import Handlers, Limits, WebhookListener
from breaker.adapters.logs import configure_logging
from breaker.adapters.metrics import Metrics
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.adoption import PostgresAdoption
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.domains import PostgresDomains
from breaker.adapters.postgres.facts import OtherSendKeyError, check_send_key
from breaker.adapters.postgres.feed import PostgresFeed
from breaker.adapters.postgres.gate import PostgresCircuitChanges
from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.outbox import PostgresOutbox
from breaker.adapters.postgres.probes import PostgresProbes
from breaker.adapters.postgres.reading.report import PostgresReport
from breaker.adapters.postgres.unordered import PostgresUnordered
from breaker.adapters.postgres.upkeep import PostgresUpkeep
from breaker.adapters.secrets import read_send_hash_key
from breaker.app.database import UnavailableError, connections, database, migrate
from breaker.app.derived import counting, probe_rules, window_sizes
from breaker.app.guarded import Guarded, WebhookSecrets
from breaker.app.intake import Intake
from breaker.app.operations import wire_operations
from breaker.app.protection import watch_protection
from breaker.app.readiness import readiness_checks
from breaker.app.refusals import Refusals
from breaker.app.reload import Reload
from breaker.app.reporter import Reporter
from breaker.app.signs_of_life import EVERY as SIGNS_OF_LIFE
from breaker.app.signs_of_life import SignsOfLife
from breaker.domain.circuit import Mode
from breaker.domain.gate import GateMemory
from breaker.flows.adopt import Sweep
from breaker.flows.adopt_domains import SweepDomains
from breaker.flows.carry_out import Pace, Sender, Surroundings
from breaker.flows.compare_counts import CompareCounts
from breaker.flows.fixtures import Names
from breaker.flows.follow_grants import read_all
from breaker.flows.holding import Holding
from breaker.flows.keep_gate import KeepGate
from breaker.flows.lease import Lease
from breaker.flows.order_again import order_again
from breaker.flows.probe import Prober
from breaker.flows.release_held import ReleaseHeld
from breaker.flows.watch_feed import EVERY, WatchFeed
from breaker.ports import ModeInForce, PlatformError, StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import asyncpg

    from breaker.app.operations import Operations
    from breaker.app.reporter import Listener
    from breaker.config import GuardedApplication, Settings
    from breaker.config.values import ListenAddress
    from breaker.ports import Account, Clock, Modes

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


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the daemon does what nobody asks it for; seconds of its clock.

    Args:
        upkeep: Between two looks after the database: days made ahead and dropped, counters folded.
        fleet_size: Between two counts of the accounts that share the budget.
        grants: Between two readings of all grants.
        adoption: Between two sweeps for what is blocked on the platform and unknown here.
        pooling: Between two looks at what the accounts of each domain and workspace did together.
        feedback: Between two looks at which recipient domains send complaint feedback.
        feed: Between two looks at what was heard of each application.
        probing: Between two looks at the accounts that are on their way back.
        held_stops: Between two looks at what the fleet guard holds.
        evaluations: Between two readings of the platform's receipts of refused sends; seconds of the wall.
        counts: Between two comparisons of our counts with the platform's, and before the first; seconds of the wall.
        protection: Between two looks at whether Breaker's rules hold for all accounts.
    """

    upkeep: float = 60.0
    fleet_size: float = 3_600.0
    grants: float = 300.0
    adoption: float = 60.0
    pooling: float = 60.0
    feedback: float = 300.0
    feed: float = EVERY
    probing: float = 1.0
    held_stops: float = 5.0
    evaluations: float = 60.0
    counts: float = 3_600.0
    protection: float = 60.0


class OnlyObserving:
    """Modes, none of which lets anything be done: for an embedded database that nobody meant."""

    async def in_force(self, account: Account, now: float) -> ModeInForce:  # noqa: ARG002 - the protocol's
        """Return `observe`, from the daemon."""
        return ModeInForce(Mode.OBSERVE, "daemon")


class Daemon:
    """A running daemon.

    Attributes:
        webhook_address: Where the webhook listener listens, as (host, port).
        admin_address: The same of the admin listener.
        grants_read: Set once the grants of an application were read.
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
        self._tasks: list[asyncio.Task[None]] = []
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._senders: list[Sender] = []
        self._probers: list[Prober] = []
        self._probing: list[asyncio.Task[None]] = []
        self._metrics = Metrics()
        self._reporter = Reporter(self._metrics, self._wake_senders, listener)
        self.webhook_address: tuple[str, int] = ("", 0)
        self.admin_address: tuple[str, int] = ("", 0)
        self.grants_read = asyncio.Event()
        self.operations: Operations
        self.reload: Reload
        self.holding: Holding
        self._intake: Intake
        self._refusals: Refusals
        self._feed: WatchFeed
        self._modes: Modes
        self._secrets: WebhookSecrets
        self.guarded: list[Guarded] = []

    async def start(self, *, observe_only: bool = False) -> None:
        """Start everything; on failure nothing is left.

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
            self._every("signs of life", life, SIGNS_OF_LIFE, asyncio.sleep)
            self._every("feed", feed, self._rhythm.feed, self._clock.sleep)
            self._every("held stops", self._release_held(pool), self._rhythm.held_stops, self._clock.sleep)
            for work in (
                self._metrics.keep_polling(self.operations.fleet, self._clock),
                self.operations.modes.keep_fresh(),
            ):
                self._tasks.append(asyncio.create_task(work))
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
                self._wake_senders,
            )
            self.reload = Reload(self._again, self.operations, self._intake, self._secrets, admin, self._metrics)
            self._tasks.append(asyncio.create_task(self.reload.run(), name="reload"))
            self.admin_address = await _listen(stack, admin.application(), self._settings.admin_listen)
            self.webhook_address = await _listen(stack, listener.application(), self._settings.listen)
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

    def _wake_senders(self) -> None:
        for sender in self._senders:
            sender.woken.set()

    def _start_workers(self, pool: asyncpg.Pool, upkeep: PostgresUpkeep) -> None:
        self._every("secrets", self._look_at_secrets, _LOOK_AT_SECRETS, asyncio.sleep)
        self._every("fleet size", self._count_fleet, self._rhythm.fleet_size, self._clock.sleep)
        self._every("upkeep", partial(self._keep_up, upkeep), self._rhythm.upkeep, self._clock.sleep)
        self._every("pooled evidence", self._intake.pool_evidence, self._rhythm.pooling, self._clock.sleep)
        self._every("feedback domains", self._intake.learn_feedback, self._rhythm.feedback, self._clock.sleep)
        missing = partial(
            order_again,
            PostgresUnordered(pool),
            PostgresCircuits(pool, window_sizes(self._settings)),
            self.operations.in_force.actuators_of,
        )
        self._every("platform standings", self._refusals.keep, _ORDER_AGAIN, asyncio.sleep)
        self._every("missing orders", partial(self._order_again, missing), _ORDER_AGAIN, asyncio.sleep)
        for one in self.guarded:
            if one.platform is not None:
                task = asyncio.create_task(self._attend(one, one.platform, pool), name="attend to an application")
                self._tasks.append(task)

    async def _attend(self, one: Guarded, platform: NylasPlatform, pool: asyncpg.Pool) -> None:
        """Learn an application's id, and begin everything that needs it."""
        told = ""
        while one.id is None:
            try:
                one.id = await platform.application_id()
            except PlatformError as error:
                if str(error) != told:  # once, not every few seconds of a night
                    told = str(error)
                    log.warning(
                        "the application can't be learnt from the platform yet, so nobody can be stopped",
                        error=told,
                        what_to_do="see whether BREAKER_NYLAS_API_KEY and BREAKER_NYLAS_API_URL are right",
                    )
                await self._clock.sleep(_BREATH)
        self._secrets.read()
        pace = Pace(
            first_delay=self._settings.platform.first_retry_seconds,
            longest_delay=self._settings.platform.longest_retry_seconds,
        )
        sender = Sender(self._surroundings(one.id, one, platform, pool), pace=pace)
        self._senders.append(sender)
        self._tasks.append(asyncio.create_task(sender.run(), name=f"sender of {one.id}"))
        around = sender.at
        sweep = Sweep(
            application_id=one.id,
            names=around.names,
            platform=platform,
            inventory=around.inventory,
            adoption=PostgresAdoption(pool, self._intake.identities, window_sizes(self._settings)),
            clock=self._clock,
            quarantines=around.quarantines,
        )
        self._every("adoption", sweep, self._rhythm.adoption, self._clock.sleep)
        may_act = partial(self._may_act, one.id)
        protection = watch_protection(one, around, pool, self._metrics, may_act)
        self._every("protection", protection, self._rhythm.protection, self._clock.sleep)
        domains = SweepDomains(
            application_id=one.id,
            platform=platform,
            inventory=around.inventory,
            domains=PostgresDomains(pool),
            clock=self._clock,
        )
        self._every("adoption of domains", domains, self._rhythm.adoption, self._clock.sleep)
        grants = partial(self._read_grants, one.id, platform)
        self._every("grants", grants, self._rhythm.grants, self._clock.sleep)
        self._every("evaluations", self._refusals.reading(one.id, platform), self._rhythm.evaluations, asyncio.sleep)
        records = PostgresReport(pool, counting(self._settings))
        compare = CompareCounts(one.id, platform.send_metrics(), records)
        self._tasks.append(asyncio.create_task(self._compare_counts(compare), name="count comparison"))
        prober = self._prober(one.id, around, pool)
        self._probers.append(prober)
        self._probing.append(self._every("probing", prober, self._rhythm.probing, self._clock.sleep))

    async def _may_act(self, application_id: str, workspace_id: str | None) -> bool:
        modes = self.operations.modes
        return self._modes is modes and await modes.acts_in(application_id, workspace_id, self._clock.now())

    def _prober(self, application_id: str, around: Surroundings, pool: asyncpg.Pool) -> Prober:
        in_force, settings = self.operations.in_force, self._settings
        return Prober(
            application_id=application_id,
            probes=PostgresProbes(pool, window_sizes(settings), lambda: counting(settings)),
            modes=self._modes,
            holds=self.holding,
            too_quiet=self._feed.too_quiet,
            inventory=around.inventory,
            actuators_of=in_force.actuators_of,
            rules=lambda: probe_rules(in_force.settings),
            enabled=lambda: in_force.settings.probing.enabled,
            lease=Lease(around.leases, f"probes:{application_id}", self.name, _PROBER_LEASE),
            clock=self._clock,
            random=random.random,
            told=self._reporter.probed,
        )

    def _surroundings(
        self, application_id: str, one: Guarded, platform: NylasPlatform, pool: asyncpg.Pool
    ) -> Surroundings:
        quarantines = {
            workspace_id: workspace.quarantine_workspace_id
            for workspace_id, workspace in one.application.workspaces.items()
            if workspace.quarantine_workspace_id
        }
        return Surroundings(
            application_id=application_id,
            holder=self.name,
            platform=platform,
            outbox=PostgresOutbox(pool, self.name),
            leases=PostgresLeases(pool),
            inventory=PostgresInventory(pool),
            names=Names(one.application.installation or application_id),
            clock=self._clock,
            random=random.random,
            quarantine_for=quarantines.get,
            quarantines=frozenset(quarantines.values()),
            confirmed=self._reporter.confirmed,
        )

    async def _read_grants(self, application_id: str, platform: NylasPlatform) -> None:
        await read_all(platform, application_id, self._intake.roster, self._clock)
        self.grants_read.set()

    async def _compare_counts(self, compare: CompareCounts) -> None:
        """Compare the counts of the last week, again and again, and first when what is under way has arrived."""

        async def once() -> None:
            now = self._clock.now()
            self._metrics.counts_compared(await compare(now - _WEEK, now))

        await asyncio.sleep(self._rhythm.counts)
        await _again_and_again("count comparison", once, self._rhythm.counts, asyncio.sleep)

    async def _order_again(self, missing: Callable[[float], Awaitable[int]]) -> None:
        if await missing(self._clock.now()):
            self._wake_senders()

    def _every(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        seconds: float,
        sleep: Callable[[float], Awaitable[None]],
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(_again_and_again(name, work, seconds, sleep), name=name)
        self._tasks.append(task)
        return task

    async def _close_rounds(self) -> None:
        """Close the rounds of probes, which nobody would watch, while the platform can still be told."""
        for task in self._probing:
            task.cancel()
        await asyncio.gather(*self._probing, return_exceptions=True)
        try:
            closed = sum([await prober.leave() for prober in self._probers])
            self._wake_senders()
            for _ in range(_FAREWELLS if closed else 0):
                if not await self.operations.fleet.commands_pending():
                    break
                await asyncio.sleep(_FAREWELL / _FAREWELLS)
        except StoreError as error:
            log.warning("rounds of probes may stay open until the next start", error=type(error).__name__)

    async def _stop_workers(self) -> None:
        await self._close_rounds()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

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


async def _again_and_again(
    name: str, work: Callable[[], Awaitable[object]], seconds: float, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Do some work for ever; what fails is logged and done again."""
    while True:
        try:
            await work()
        except (StoreError, PlatformError, OSError, UnavailableError) as error:
            log.warning("worker failed, and goes on", worker=name, error=str(error) or type(error).__name__)
            await sleep(min(seconds, _BREATH))
            continue
        except Exception:
            log.exception("worker failed unexpectedly, and goes on", worker=name)
        await sleep(seconds)


async def _take_leave(life: SignsOfLife) -> None:
    with suppress(StoreError):  # who is not told hears of it by its silence
        await life.leave()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _listen(stack: AsyncExitStack, application: web.Application, at: ListenAddress) -> tuple[str, int]:
    """Serve an application until the stack is closed; requests under way end first.

    Raises:
        UnavailableError: Its address can't be listened on.
    """
    runner = web.AppRunner(application, auto_decompress=False, access_log=None, shutdown_timeout=10.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, at.host, at.port).start()
    except OSError as error:
        raise UnavailableError(
            f"nothing can be listened for on {at} ({error.strerror or error}): is another daemon running? Else set "
            "BREAKER_LISTEN and BREAKER_ADMIN_LISTEN to addresses of this machine that are free"
        ) from error
    host, port = runner.addresses[0][:2]
    return str(host), int(port)


@asynccontextmanager
async def running(  # noqa: PLR0913 - each by name, and most callers say few
    settings: Settings,
    clock: Clock | None = None,
    *,
    observe_only: bool = False,
    rhythm: Rhythm | None = None,
    listener: Listener | None = None,
    again: Callable[[], Settings] | None = None,
) -> AsyncIterator[Daemon]:
    """Give a running daemon, and stop it in the end."""
    daemon = Daemon(settings, clock or SystemClock(), rhythm, listener, again)
    await daemon.start(observe_only=observe_only)
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
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before anything is started, so that nothing is left half started: an embedded server would outlive us.
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_, stop.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # what it asks for is being done
    observe_only = settings.database_url is None and not embedded
    async with running(settings, observe_only=observe_only, again=again) as daemon:
        loop.add_signal_handler(signal.SIGHUP, daemon.reload.ask)
        spare_the_collector()
        if observe_only:
            log.warning(
                "no BREAKER_DATABASE_URL is set, so this daemon only observes on its embedded database; "
                "give --embedded if it is meant to act"
            )
        await stop.wait()
        log.info("breaker stops")
