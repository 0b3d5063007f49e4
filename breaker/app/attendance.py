"""Attendance: all that a daemon does for one application of the platform, from the moment its id is known."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.outbox import PostgresOutbox
from breaker.adapters.postgres.probes import PostgresProbes
from breaker.adapters.postgres.reading.report import PostgresReport
from breaker.app.copies import start_keeping_copies, with_copies
from breaker.app.derived import counting, probe_rules, window_sizes
from breaker.app.domain_probing import domain_prober, stand_in_watch
from breaker.app.nightly_drill import attend_to_drills
from breaker.app.protection import watch_protection
from breaker.app.reconciling import start_sweeps
from breaker.app.suppression import suppress
from breaker.app.workers import BREATH, again_and_again
from breaker.flows.carry_out import Pace, Sender, Surroundings
from breaker.flows.compare_counts import CompareCounts
from breaker.flows.fixtures import Names
from breaker.flows.lease import Lease
from breaker.flows.probe import Prober
from breaker.ports import PlatformError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg

    from breaker.adapters.metrics import Metrics
    from breaker.adapters.nylas.client import NylasPlatform
    from breaker.app.guarded import Guarded, WebhookSecrets
    from breaker.app.intake import Intake
    from breaker.app.operations import Operations
    from breaker.app.refusals import Refusals
    from breaker.app.reporter import Reporter
    from breaker.app.rhythm import Rhythm
    from breaker.app.workers import Workers
    from breaker.config import Settings
    from breaker.flows.holding import Holding
    from breaker.flows.probe_domains import DomainProber
    from breaker.ports import Clock, Modes

_WEEK = 7 * 86_400.0
_PROBER_LEASE = 10.0
"""Seconds after which another daemon closes the rounds of one that died, whose accounts are free until then."""
_FAREWELL, _FAREWELLS = 5.0, 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the applications of one daemon share.

    Args:
        name: The daemon's name.
        settings: The configuration that it started with.
        clock: The daemon's time.
        rhythm: How often it does what.
        pool: Connections to the database.
        workers: Its tasks.
        metrics: Its metrics.
        reporter: Tells the log and the metrics what was done.
        operations: The use-cases, with the configuration in force.
        modes: How far Breaker may go.
        holding: What keeps it from changing anything by itself.
        too_quiet: Tells whether zero bounces are implausible in an application, at a moment.
        intake: What counts and judges.
        refusals: What notes what the platform did.
        secrets: The webhook secrets.
    """

    name: str
    settings: Settings
    clock: Clock
    rhythm: Rhythm
    pool: asyncpg.Pool
    workers: Workers
    metrics: Metrics
    reporter: Reporter
    operations: Operations
    modes: Modes
    holding: Holding
    too_quiet: Callable[[str, float], bool]
    intake: Intake
    refusals: Refusals
    secrets: WebhookSecrets


class Attendance:
    """Attends to the applications of one daemon.

    Attributes:
        grants_read: Set once the grants of an application were read.
    """

    def __init__(self) -> None:
        self.grants_read = asyncio.Event()
        self._senders: list[Sender] = []
        self._probers: list[Prober | DomainProber] = []
        self._probing: list[asyncio.Task[None]] = []

    def wake(self) -> None:
        """Have the senders look at once for what is wanted."""
        for sender in self._senders:
            sender.woken.set()

    async def attend(self, one: Guarded, platform: NylasPlatform, shared: Shared) -> None:
        """Learn an application's id, and begin everything that needs it.

        Args:
            one: The application; its id is set.
            platform: Its side of the platform.
            shared: What it shares with the daemon's other applications.
        """
        one.id = application_id = one.id or await _learn_id(platform, shared.clock)
        shared.secrets.read()
        clock, rhythm, workers = shared.clock, shared.rhythm, shared.workers
        around = with_copies(_surroundings(application_id, one, platform, shared), shared)
        pace = Pace(
            first_delay=shared.settings.platform.first_retry_seconds,
            longest_delay=shared.settings.platform.longest_retry_seconds,
        )
        sender = Sender(around, pace=pace)
        self._senders.append(sender)
        workers.start(f"sender of {application_id}", sender.run())
        prober = _prober(around, shared)
        self._probers.append(prober)
        self._probing.append(workers.every("probing", prober, rhythm.probing, clock.sleep))
        of_domains = domain_prober(around, shared, _PROBER_LEASE)
        self._probers.append(of_domains)
        self._probing.append(workers.every("probing of domains", of_domains, rhythm.probing, clock.sleep))
        workers.every("stand-ins of domains", stand_in_watch(around, shared), rhythm.adoption, clock.sleep)
        start_sweeps(one, platform, around, shared, self.grants_read.set)
        start_keeping_copies(around, shared, self.wake)
        attend_to_drills(around, platform, shared, self.wake)
        may_act = partial(_may_act, shared, application_id)
        protection = watch_protection(one, around, shared.pool, shared.metrics, may_act, shared.operations.in_force)
        workers.every("protection", protection, rhythm.protection, clock.sleep)
        evaluations = shared.refusals.reading(application_id, platform)
        workers.every("evaluations", evaluations, rhythm.evaluations, asyncio.sleep)
        suppression = suppress(around, shared.pool, shared.metrics.suppression, shared.operations, shared.modes)
        workers.every("suppression", suppression, rhythm.suppression, clock.sleep)
        workers.start("count comparison", _compare_counts(application_id, platform, shared))

    async def close_rounds(self, operations: Operations) -> None:
        """Close the rounds of probes, which nobody would watch, while the platform can still be told."""
        for task in self._probing:
            task.cancel()
        await asyncio.gather(*self._probing, return_exceptions=True)
        try:
            closed = sum([await prober.leave() for prober in self._probers])
            self.wake()
            for _ in range(_FAREWELLS if closed else 0):
                if not await operations.fleet.commands_pending():
                    break
                await asyncio.sleep(_FAREWELL / _FAREWELLS)
        except StoreError as error:
            log.warning("rounds of probes may stay open until the next start", error=type(error).__name__)


async def _learn_id(platform: NylasPlatform, clock: Clock) -> str:
    """Ask the platform for an application's id until it tells it."""
    told = ""
    while True:
        try:
            return await platform.application_id()
        except PlatformError as error:
            if str(error) != told:  # once, not every few seconds of a night
                told = str(error)
                log.warning(
                    "the application can't be learnt from the platform yet, so nobody can be stopped",
                    error=told,
                    what_to_do="see whether BREAKER_NYLAS_API_KEY and BREAKER_NYLAS_API_URL are right",
                )
            await clock.sleep(BREATH)


def _surroundings(application_id: str, one: Guarded, platform: NylasPlatform, shared: Shared) -> Surroundings:
    quarantines = {
        workspace_id: workspace.quarantine_workspace_id
        for workspace_id, workspace in one.application.workspaces.items()
        if workspace.quarantine_workspace_id
    }
    return Surroundings(
        application_id=application_id,
        holder=shared.name,
        platform=platform,
        outbox=PostgresOutbox(shared.pool, shared.name),
        leases=PostgresLeases(shared.pool),
        inventory=PostgresInventory(shared.pool),
        names=Names(one.application.installation or application_id),
        clock=shared.clock,
        random=random.random,
        quarantine_for=quarantines.get,
        quarantines=frozenset(quarantines.values()),
        confirmed=shared.reporter.confirmed,
    )


def _prober(around: Surroundings, shared: Shared) -> Prober:
    in_force, settings = shared.operations.in_force, shared.settings
    return Prober(
        application_id=around.application_id,
        probes=PostgresProbes(shared.pool, window_sizes(settings), lambda: counting(settings)),
        modes=shared.modes,
        holds=shared.holding,
        too_quiet=shared.too_quiet,
        inventory=around.inventory,
        actuators_of=in_force.actuators_of,
        rules=lambda: probe_rules(in_force.settings),
        enabled=lambda: in_force.settings.probing.enabled,
        lease=Lease(around.leases, f"probes:{around.application_id}", shared.name, _PROBER_LEASE),
        clock=shared.clock,
        random=random.random,
        told=shared.reporter.probed,
        protected=in_force.protected_now,
    )


async def _may_act(shared: Shared, application_id: str, workspace_id: str | None) -> bool:
    modes = shared.operations.modes
    return shared.modes is modes and await modes.acts_in(application_id, workspace_id, shared.clock.now())


async def _compare_counts(application_id: str, platform: NylasPlatform, shared: Shared) -> None:
    """Compare the counts of the last week, again and again, and first when what is under way has arrived."""
    records = PostgresReport(shared.pool, counting(shared.settings))
    compare = CompareCounts(application_id, platform.send_metrics(), records)

    async def once() -> None:
        now = shared.clock.now()
        shared.metrics.counts_compared(await compare(now - _WEEK, now))

    await asyncio.sleep(shared.rhythm.counts)
    await again_and_again("count comparison", once, shared.rhythm.counts, asyncio.sleep)
