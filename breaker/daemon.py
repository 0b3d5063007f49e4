"""The daemon: every part started in order, and stopped in the reverse one.

What it holds open stands on one stack of clean-ups, so that a start which fails half way takes back what it did, and a
stop ends things in the order that loses nothing: first the webhook listener takes nothing more, then what was accepted
is committed, then the workers end, then the connections close.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
import structlog
from aiohttp import web

from breaker.adapters.clock import SystemClock
from breaker.adapters.http.admin import AdminListener
from breaker.adapters.http.health import Health
from breaker.adapters.http.webhook import Handlers, Limits, TryLaterError, Undecodable, WebhookListener
from breaker.adapters.logs import configure_logging
from breaker.adapters.metrics import Metrics
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.adoption import PostgresAdoption
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.facts import OtherSendKeyError, check_send_key
from breaker.adapters.postgres.guard import Limits as GuardLimits
from breaker.adapters.postgres.guard import PostgresGuard
from breaker.adapters.postgres.identities import Identities
from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.ledger import PostgresLedger
from breaker.adapters.postgres.migrate import SchemaError, check_schema
from breaker.adapters.postgres.outbox import PostgresOutbox
from breaker.adapters.postgres.partitions import Partitions
from breaker.adapters.postgres.roster import PostgresRoster
from breaker.adapters.postgres.undecoded import PostgresUndecoded
from breaker.adapters.postgres.unordered import PostgresUnordered
from breaker.adapters.postgres.upkeep import PostgresUpkeep
from breaker.adapters.secrets import read_send_hash_key, read_webhook_secrets
from breaker.app import (
    UnavailableError,
    actuators_of,
    connections,
    counting,
    database,
    migrate,
    window_sizes,
    wire_operations,
)
from breaker.domain.circuit import Mode
from breaker.domain.outcomes import OutcomeKind
from breaker.domain.profile import standard_profile
from breaker.flows.adopt import EVERY, Sweep
from breaker.flows.carry_out import Pace, Sender, Surroundings
from breaker.flows.count import Count, Rules
from breaker.flows.fixtures import Names
from breaker.flows.follow_grants import follow, read_all
from breaker.flows.ingest import Ingest, OverloadedError, PoisonousEventError, StoppedError
from breaker.flows.order_again import order_again
from breaker.ports import ModeInForce, PlatformError, StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from breaker.adapters.nylas.notifications import GrantEvent
    from breaker.app import Operations
    from breaker.config import GuardedApplication, Settings
    from breaker.config.values import ListenAddress
    from breaker.domain.outcomes import DeliveryEvent
    from breaker.flows.count import Report
    from breaker.flows.judge import Given
    from breaker.ports import Account, Clock, Command, Modes

_DAY = 86_400.0
_LOOK_AT_SECRETS = 1.0
_UPKEEP = 60.0
_GRANTS = 300.0
_ORDER_AGAIN = 5.0
_BREATH = 5.0
_LINE_LENGTH = 20_000

log = structlog.get_logger()


# --- What a daemon is told -------------------------------------------------------------------------------------------


class OnlyObserving:
    """Modes, none of which lets anything be done: for an embedded database that nobody meant."""

    async def in_force(self, account: Account, now: float) -> ModeInForce:  # noqa: ARG002 - the protocol's
        """Return `observe`, from the daemon."""
        return ModeInForce(Mode.OBSERVE, "daemon")


class WebhookSecrets:
    """The webhook secrets that are valid now, read anew whenever files change.

    Args:
        settings: Where they are.
        guarded: The applications.
    """

    def __init__(self, settings: Settings, guarded: Sequence[Guarded]) -> None:
        """Read them for the first time."""
        self._settings = settings
        self._guarded = guarded
        self._known: dict[str, tuple[str, ...]] = {}
        self.read()

    def all(self) -> Mapping[str, Sequence[str]]:
        """Return them by application id; the empty one stands for a sole application that can't be asked for its id."""
        return self._known

    def read(self) -> None:
        """Read the files again.

        Raises:
            ConfigurationError: A file can't be read; what was known stays.
        """
        known: dict[str, tuple[str, ...]] = {}
        for one in self._guarded:
            if one.id is None and one.platform is not None:
                continue
            found = read_webhook_secrets(self._settings, one.application)
            known[one.id or ""] = tuple(secret.get_secret_value() for secret in found)
        if known != self._known:
            self._known = known
            log.info("webhook secrets read", secrets={name or "any": len(them) for name, them in known.items()})


@dataclass(slots=True)
class Guarded:
    """One application while the daemon runs.

    Args:
        application: What is configured.
        platform: Its side of the platform, or None where no API key is known.
        id: Its id, once it is known.
    """

    application: GuardedApplication
    platform: NylasPlatform | None
    id: str | None


class Reporter:
    """Tells the log and the metrics what happened, and the senders that there is something to do.

    Args:
        metrics: The metrics.
        wake: Wakes the senders.
    """

    def __init__(self, metrics: Metrics, wake: Callable[[], None]) -> None:
        """Keep who is told."""
        self._metrics = metrics
        self._wake = wake

    def committed(self, report: Report, size: int, seconds: float) -> None:
        """A batch was committed."""
        self._metrics.batch(size, seconds)
        for kind, number in report.kinds.items():
            self._metrics.outcomes(OutcomeKind(kind), number)
        for result, number in report.outcomes.items():
            if result != "counted":
                self._metrics.not_counted(result, number)
        for one in report.given:
            self._metrics.verdict(one.verdict, one.mode)
            _log_verdict(one)
        if report.given:
            self._wake()

    def refused(self, error: Exception, size: int) -> None:
        """A batch was not committed."""
        cause = error.__cause__ or error
        self._metrics.database_error(type(cause).__name__)
        log.error("batch not committed", events=size, error=type(error).__name__, cause=type(cause).__name__)

    def tried_again(self, error: Exception) -> None:
        """A batch is tried again."""
        self._metrics.database_error(str(error).partition(" ")[0])
        log.debug("batch tried again", error=str(error))

    def answered(self, status: int, result: str, trigger: str) -> None:
        """A request was answered."""
        self._metrics.notification(status, result, trigger)
        if status != 200 or result == "not_understood":  # noqa: PLR2004
            log.warning("notification not taken in", status=status, result=result, trigger=trigger)

    def received(self, application_id: str, trigger: str, occurred_at: float, now: float) -> None:
        """A signed notification came."""
        self._metrics.event(application_id, trigger, now - occurred_at, now)

    def confirmed(self, command: Command, seconds: float) -> None:
        """A command was read back."""
        self._metrics.stop_confirmed(command.kind, seconds)
        log.info(
            "confirmed",
            command=command.id,
            kind=command.kind,
            account=command.account.id,
            account_address=command.account.address,
            epoch=command.epoch,
            attempts=command.attempts,
            seconds=round(seconds, 3),
        )


def _log_verdict(one: Given) -> None:
    verdict = one.verdict
    log.info(
        "verdict",
        verdict=one.id,
        account=one.account.id,
        account_address=one.account.address,
        **{"from": verdict.before, "to": verdict.to},
        detector=verdict.detector,
        signal=verdict.signal,
        count=verdict.count,
        of=verdict.of,
        held_by=verdict.held_by,
        mode=one.mode,
        why=verdict.why,
    )


# --- Intake ----------------------------------------------------------------------------------------------------------


class Intake:
    """From the webhook's bytes to a committed outcome."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool, clock: Clock, modes: Modes, reporter: Reporter) -> None:
        """Wire the parts; nothing runs yet."""
        self._clock = clock
        sizes, counts = window_sizes(settings), counting(settings)
        guard = settings.guard
        self.partitions = Partitions(pool, settings.ledger.partitions_ahead_days)
        self.identities = Identities(pool, sizes, counts)
        self.roster = PostgresRoster(pool, self.identities)
        self._undecoded = PostgresUndecoded(pool, self.identities)
        limits = GuardLimits(
            window=guard.window_seconds,
            in_window=(guard.window_minimum, guard.window_share),
            in_all=(guard.total_minimum, guard.total_share),
            in_group=(guard.group_minimum, guard.group_share),
        )
        detection = settings.detection
        count = Count(
            ledger=PostgresLedger(pool, sizes, self.identities, self.partitions, PostgresGuard(limits)),
            modes=modes,
            profile=standard_profile(detection.level, detection.minimum_sends, detection.minimum_bad),
            rules=Rules(
                counting=counts,
                feedback_domains=FEEDBACK_DOMAINS,
                simulator_domains=settings.counting.simulator_domains,
                send_key=read_send_hash_key(settings),
                retention=settings.ledger.retention_days * _DAY,
            ),
            actuators_of=actuators_of(settings),
        )
        self.ingest = Ingest(
            count,
            clock,
            reporter,
            writers=settings.intake.writers,
            batch_size=settings.intake.batch_size,
            line_length=_LINE_LENGTH,
        )

    async def deliver(self, event: DeliveryEvent, body: bytes) -> str:
        """Return once a delivery event is committed, with the word for metrics."""
        try:
            await self.ingest.submit(event)
        except (OverloadedError, StoppedError) as error:
            raise TryLaterError(str(error)) from error
        except PoisonousEventError as error:
            await self.keep(Undecodable(event.application_id, event.trigger, str(error), body))
            return "poisonous"
        return "committed"

    async def follow(self, event: GrantEvent) -> None:
        """Take in what an event tells of a grant."""
        await follow(self.roster, event, self._clock.now())

    async def keep(self, one: Undecodable) -> None:
        """Keep what was not understood."""
        log.error("notification kept undecoded", trigger=one.trigger, problem=one.problem)
        await self._undecoded.keep(one, self._clock.now())


FEEDBACK_DOMAINS = frozenset(
    {
        "aol.com",
        "comcast.net",
        "cox.net",
        "fastmail.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "outlook.com",
        "rocketmail.com",
        "yahoo.com",
        "ymail.com",
    }
)
"""Recipient domains whose complaint feedback loops are public knowledge; Gmail has none."""


# --- The whole -------------------------------------------------------------------------------------------------------


class Daemon:
    """A running daemon.

    Attributes:
        webhook_address: Where the webhook listener listens, as (host, port).
        admin_address: The same of the admin listener.
        operations: The use-cases, on the daemon's own connections.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Keep what was configured; `start` does the rest."""
        self._settings = settings
        self._clock = clock
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._senders: list[Sender] = []
        self._metrics = Metrics()
        self._reporter = Reporter(self._metrics, self._wake_senders)
        self.webhook_address: tuple[str, int] = ("", 0)
        self.admin_address: tuple[str, int] = ("", 0)
        self.operations: Operations
        self._intake: Intake
        self._secrets: WebhookSecrets
        self.guarded: list[Guarded] = []

    async def start(self, *, observe_only: bool = False) -> None:
        """Start everything; on failure nothing is left.

        Raises:
            UnavailableError: The database can't be used.
            ConfigurationError: A secret can't be used.
            OSError: A listener's address can't be used.
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
            modes: Modes = OnlyObserving() if observe_only else self.operations.modes
            self._intake = Intake(self._settings, pool, self._clock, modes, reporter)
            upkeep = PostgresUpkeep(pool, self._intake.partitions)
            await upkeep.make_days_ahead(self._clock.now())
            self._start_workers(pool, upkeep)
            poll = self._metrics.keep_polling(self.operations.fleet, self._clock)
            self._tasks.append(asyncio.create_task(poll, name="metrics"))
            stack.push_async_callback(self._stop_workers)
            self._intake.ingest.start()
            stack.push_async_callback(self._intake.ingest.stop)
            listener = WebhookListener(
                self._secrets,
                Handlers(self._intake.deliver, self._intake.follow, self._intake.keep),
                reporter,
                self._clock,
                Limits(
                    self._settings.intake.max_body_bytes,
                    self._settings.intake.max_unpacked_bytes,
                    self._settings.intake.max_recipients,
                ),
            )
            admin = AdminListener(
                self.operations,
                Health(self._checks(pool), self._metrics.registry),
                self._settings.admin_tokens,
                self._wake_senders,
            )
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

    def _wake_senders(self) -> None:
        for sender in self._senders:
            sender.woken.set()

    def _start_workers(self, pool: asyncpg.Pool, upkeep: PostgresUpkeep) -> None:
        self._every("secrets", self._look_at_secrets, _LOOK_AT_SECRETS, asyncio.sleep)
        self._every("upkeep", partial(self._keep_up, upkeep), _UPKEEP, self._clock.sleep)
        missing = partial(
            order_again,
            PostgresUnordered(pool),
            PostgresCircuits(pool, window_sizes(self._settings)),
            actuators_of(self._settings),
        )
        self._every("missing orders", partial(self._order_again, missing), _ORDER_AGAIN, asyncio.sleep)
        for one in self.guarded:
            if one.platform is not None:
                task = asyncio.create_task(self._attend(one, one.platform, pool), name="attend to an application")
                self._tasks.append(task)

    async def _attend(self, one: Guarded, platform: NylasPlatform, pool: asyncpg.Pool) -> None:
        """Learn an application's id, and begin everything that needs it."""
        while one.id is None:
            try:
                one.id = await platform.application_id()
            except PlatformError as error:
                log.warning("the application's id can't be learnt yet", error=str(error))
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
        self._every("adoption", sweep, EVERY, self._clock.sleep)
        self._every(
            "grants", partial(read_all, platform, one.id, self._intake.roster, self._clock), _GRANTS, self._clock.sleep
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

    async def _order_again(self, missing: Callable[[float], Awaitable[int]]) -> None:
        if await missing(self._clock.now()):
            self._wake_senders()

    def _every(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        seconds: float,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._tasks.append(asyncio.create_task(_again_and_again(name, work, seconds, sleep), name=name))

    async def _stop_workers(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def _checks(self, pool: asyncpg.Pool) -> dict[str, Callable[[], Awaitable[str | None]]]:
        async def database_() -> str | None:
            try:
                await check_schema(pool)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SchemaError) as error:
                return str(error) or type(error).__name__
            return None

        async def secret() -> str | None:
            known = any(self._secrets.all().values())
            return None if known else "no webhook secret is known yet: run `breaker setup`"

        return {"database": database_, "webhook_secret": secret}

    async def _look_at_secrets(self) -> None:
        self._secrets.read()

    async def _keep_up(self, upkeep: PostgresUpkeep) -> None:
        now = self._clock.now()
        await upkeep.make_days_ahead(now)
        await upkeep.fold_tallies()
        await upkeep.drop_days_before(now - self._settings.ledger.retention_days * _DAY)


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


async def _listen(stack: AsyncExitStack, application: web.Application, at: ListenAddress) -> tuple[str, int]:
    """Serve an application until the stack is closed; requests under way end first."""
    runner = web.AppRunner(application, auto_decompress=False, access_log=None, shutdown_timeout=10.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, at.host, at.port).start()
    host, port = runner.addresses[0][:2]
    return str(host), int(port)


@asynccontextmanager
async def running(
    settings: Settings, clock: Clock | None = None, *, observe_only: bool = False
) -> AsyncIterator[Daemon]:
    """Give a running daemon, and stop it in the end."""
    daemon = Daemon(settings, clock or SystemClock())
    await daemon.start(observe_only=observe_only)
    try:
        yield daemon
    finally:
        await daemon.stop()


async def serve(settings: Settings, *, embedded: bool = False) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reads secrets again.

    Args:
        settings: The configuration.
        embedded: Whether an embedded database is meant; without, nothing but observing is done on one.

    Raises:
        UnavailableError: The database can't be used.
    """
    configure_logging(settings.log.format, settings.log.level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    observe_only = settings.database_url is None and not embedded
    async with running(settings, observe_only=observe_only) as daemon:
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_, stop.set)
        loop.add_signal_handler(signal.SIGHUP, daemon.reload_secrets)
        if observe_only:
            log.warning(
                "no BREAKER_DATABASE_URL is set, so this daemon only observes on its embedded database; "
                "give --embedded if it is meant to act"
            )
        await stop.wait()
        log.info("breaker stops")
