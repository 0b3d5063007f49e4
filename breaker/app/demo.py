"""The demo: the same fleet on the same simulated platform, once without Breaker and once with it.

With Breaker it is all real but the platform: an embedded PostgreSQL, the daemon in `enforce`, signed webhooks and calls
over sockets. Both run on one simulated clock, which stands still whenever something is under way.

Two fifths of the fleet share a sending domain whose DKIM breaks one morning and is repaired by the afternoon: it is
stopped as a whole, and comes back by the probe of one of its mailboxes.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import structlog

from breaker.adapters.postgres.embedded import EmbeddedPostgres, temporary_home
from breaker.adapters.postgres.migrate import upgrade
from breaker.app.daemon import running
from breaker.app.installations import installations
from breaker.app.rhythm import Rhythm
from breaker.config import load
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.states import State
from breaker.domain.platform.commands import CommandKind
from breaker.domain.probes.probing import Step
from breaker.simulator.fleets.scenarios import FleetSize, shared_domain_fleet
from breaker.simulator.naive import NaiveBreaker
from breaker.simulator.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from breaker.app.daemon import Daemon
    from breaker.domain.standing.standing import Explanation
    from breaker.flows.judge import Given
    from breaker.flows.judge_domains import GivenDomain
    from breaker.flows.probe_domains import DomainStep
    from breaker.ports import Command
    from breaker.simulator.clock import SimulatedClock
    from breaker.simulator.fleets.truth import AccountTruth, FleetTruth

DAY = 86_400.0
DEMO_TOKEN = "only-on-this-machine-and-only-now"  # noqa: S105 - it guards a listener on loopback for a minute
_SHARE_STOPPED = 0.3
_BREATH = 0.002
_EXPLAINED = 3


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What is shown.

    Args:
        seed: What all is drawn from.
        accounts: How many mailboxes.
        days: How many simulated days.
        volume: Scales how much each sends.
        compare: Whether a naive breaker is shown the same fleet.
    """

    seed: int = 1
    accounts: int = 200
    days: float = 4.0
    volume: float = 0.4
    compare: bool = False

    @property
    def size(self) -> FleetSize:
        """The same as the simulator puts it."""
        return FleetSize(self.accounts, self.days, self.volume)


@dataclass(frozen=True, slots=True)
class Stop:
    """A mailbox that Breaker stopped or limited.

    Args:
        truth: What the platform's books say of it.
        state: What was done.
        at: When it was decided, Unix seconds.
        confirmed_at: When the platform was read back, or None.
        why: The verdict's sentence.
    """

    truth: AccountTruth
    state: State
    at: float
    confirmed_at: float | None
    why: str


@dataclass(frozen=True, slots=True)
class DomainStop:
    """A sending domain that Breaker stopped as a whole.

    Args:
        domain: The domain.
        accounts: How many mailboxes of the fleet it has.
        at: When it was decided, Unix seconds.
        confirmed_at: When the platform was read back, or None.
        why: The verdict's sentence.
        stops: How often it was stopped, failed probes not counted.
        single: Verdicts about single mailboxes of it while it was stopped or probed.
        probed_by: The mailboxes that probed it, one after the other.
        rounds: How many rounds of sends they had.
        back_at: When it was let go with all of its mailboxes, or None.
    """

    domain: str
    accounts: int
    at: float
    confirmed_at: float | None
    why: str
    stops: int
    single: int
    probed_by: tuple[str, ...]
    rounds: int
    back_at: float | None


@dataclass(frozen=True, slots=True)
class NaiveResult:
    """The same fleet under a naive breaker.

    Args:
        truth: The truth with it.
        stopped: The grants that it stopped.
    """

    truth: FleetTruth
    stopped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What came out.

    Args:
        plan: What was shown.
        without: The truth without Breaker.
        with_breaker: The truth with it.
        naive: What became of the same fleet under a naive breaker, where that was asked for.
        stops: Who was stopped or limited, in that order.
        domains: Which sending domains were stopped as a whole.
        explanations: The three most instructive ones, in full.
        events: Notifications that the daemon committed.
        seconds: Real seconds that all of it took.
    """

    plan: DemoPlan
    without: FleetTruth
    with_breaker: FleetTruth
    naive: NaiveResult | None
    stops: tuple[Stop, ...]
    domains: tuple[DomainStop, ...]
    explanations: tuple[Explanation, ...]
    events: int
    seconds: float


class Audience(Protocol):
    """Who watches."""

    def begins(self, what: str) -> None:
        """A part of the demo begins."""
        ...

    def passes(self, days: float, of: float, events: int) -> None:
        """Simulated time has passed."""
        ...

    def decides(self, at: float, given: Given) -> None:
        """A verdict was committed."""
        ...

    def decides_domain(self, at: float, given: GivenDomain) -> None:
        """A verdict about a sending domain was committed."""
        ...

    def probes_domain(self, at: float, done: DomainStep) -> None:
        """A step of a sending domain's probe was committed."""
        ...

    def obeys(self, at: float, command: Command) -> None:
        """The platform was read back for a command."""
        ...

    def waits(self, result: DemoResult, daemon: Daemon, platform_url: str) -> None:
        """It is over; everything is left running, at these addresses, until the process is interrupted."""
        ...


class _Listener:
    """Keeps what the daemon tells."""

    def __init__(self, clock: SimulatedClock, audience: Audience) -> None:
        self._clock = clock
        self._audience = audience
        self.unsettled = False
        self.given: dict[str, tuple[Given, float]] = {}
        self.domains: dict[str, list[GivenDomain]] = {}
        self.steps: dict[str, list[DomainStep]] = {}
        self.single: Counter[str] = Counter()
        self.confirmed: dict[str, float] = {}

    def decided(self, given: Given) -> None:
        self.unsettled = True
        if given.verdict.applied and given.verdict.to in {State.STOPPED, State.LIMITED}:
            self.given[given.account.id] = (given, given.verdict.at)
        domain = f"domain:{given.account.domain}"
        if domain in self.domains and not self.is_back(domain):
            self.single[domain] += 1
        self._audience.decides(self._clock.now(), given)

    def decided_domain(self, given: GivenDomain) -> None:
        self.unsettled = True
        if given.verdict.applied and given.verdict.to is State.STOPPED:
            self.domains.setdefault(given.domain.id, []).append(given)
        self._audience.decides_domain(self._clock.now(), given)

    def probed_domain(self, done: DomainStep) -> None:
        self.unsettled = True
        self.steps.setdefault(done.domain.id, []).append(done)
        self._audience.probes_domain(self._clock.now(), done)

    def is_back(self, domain: str) -> bool:
        last = next(reversed(self.steps.get(domain, ())), None)
        return last is not None and last.step is Step.ACCEPT and last.id > self.domains[domain][-1].id

    def obeyed(self, command: Command, seconds: float) -> None:  # noqa: ARG002 - simulated seconds say nothing here
        if command.kind in {CommandKind.BLOCK, CommandKind.LIMIT}:
            self.confirmed[command.about.id] = self._clock.now()
        elif command.kind is CommandKind.BLOCK_DOMAIN:
            self.confirmed.setdefault(command.about.id, self._clock.now())  # between rounds it is blocked again
        self._audience.obeys(self._clock.now(), command)


async def demonstrate(plan: DemoPlan, audience: Audience, *, keep: bool = False) -> DemoResult:
    """Run the demo.

    Args:
        plan: What is shown.
        audience: Who watches.
        keep: Whether to leave everything running in the end, until the process is interrupted.
    """
    begun = perf_counter()
    _quiet()
    audience.begins("an embedded PostgreSQL and a simulated platform")
    second_process = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_end_at_once_when_interrupted)
    with second_process as beside, temporary_home("breaker-demo-") as home:
        loop = asyncio.get_running_loop()
        with _deaf_to_interrupts():  # as the second process is until it can end without a word
            without = loop.run_in_executor(beside, _without_breaker, plan)
        naive = loop.run_in_executor(beside, _with_naive_breaker, plan) if plan.compare else None
        without.add_done_callback(_heard)
        if naive:
            naive.add_done_callback(_heard)
        async with _world(plan, home, audience) as world:
            audience.begins("the daemon, in mode enforce; then the fleet")
            await world.set_up()
            await world.run()
            truth, listener = world.simulation.truth(), world.listener
            stops = _stops(truth, listener)
            explanations = await world.explain(_instructive(stops))
            result = DemoResult(
                plan=plan,
                without=await without,
                with_breaker=truth,
                naive=await naive if naive else None,
                stops=stops,
                domains=_domain_stops(truth, listener),
                explanations=explanations,
                events=world.events,
                seconds=perf_counter() - begun,
            )
            if keep:
                beside.shutdown()  # a Ctrl-C goes to the whole process group, and would end it with a traceback
                audience.waits(result, world.daemon, world.url)
                await _interrupted()
    return result


async def _interrupted() -> None:
    """Return at the first SIGINT or SIGTERM."""
    interrupted = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, interrupted.set)
    await interrupted.wait()


@dataclass(slots=True)
class _World:
    """The running parts of the demo."""

    plan: DemoPlan
    home: Path
    simulation: Simulation
    daemon: Daemon
    listener: _Listener
    audience: Audience
    url: str
    flags: dict[str, object]
    events: int = 0

    async def set_up(self) -> None:
        """Do what `breaker setup` does."""
        settings = load(None, {**self.flags, "public_url": "http://{}:{}".format(*self.daemon.webhook_address)}, {})
        async with _moving(self.simulation.clock), installations(settings) as found:
            for one in found:
                async for _ in one.set_up.carry_out(await one.set_up.plan()):
                    pass
            self.daemon.reload_secrets()
            await self.daemon.grants_read.wait()

    async def run(self) -> None:
        """Let the fleet work, day by day."""
        self.simulation.start_fleet()
        for day in range(1, int(self.plan.days) + 1):
            await self.simulation.run(DAY, self._settled)
            self.events = self.daemon.events
            self.audience.passes(day, self.plan.days, self.events)

    async def _settled(self) -> None:
        """Return when the daemon is idle; whoever waits for its clock meanwhile gets some time."""
        if not self.listener.unsettled:
            return
        self.listener.unsettled = False
        clock = self.simulation.clock
        while not await self.daemon.idle():
            if not clock.advancing:  # by the simulation, which lost patience with us
                await clock.advance(0.1)
            await asyncio.sleep(_BREATH)

    async def explain(self, stops: tuple[Stop, ...]) -> tuple[Explanation, ...]:
        """Return the accounts in full."""
        operations = self.daemon.operations
        found = []
        for stop in stops:
            [standing] = await operations.accounts.find(parse_selector(stop.truth.grant_id))
            found.append(await operations.explanations.explain(standing))
        return tuple(found)


@asynccontextmanager
async def _world(plan: DemoPlan, home: Path, audience: Audience) -> AsyncIterator[_World]:
    """Start the platform, the database and the daemon, and stop them in the end."""
    async with AsyncExitStack() as stack:
        postgres = EmbeddedPostgres(home / "postgres", durable=False)
        database_url = await postgres.start()
        stack.push_async_callback(postgres.stop)
        await upgrade(database_url)
        simulation = Simulation(shared_domain_fleet(plan.size, plan.seed), plan.seed)
        url = await simulation.platform.start()
        stack.push_async_callback(simulation.platform.stop)
        flags: dict[str, object] = {
            "database_url": database_url,
            "secrets_dir": str(home / "secrets"),
            "listen": "127.0.0.1:0",
            "admin_listen": "127.0.0.1:0",
            "admin_tokens": f"demo:act:{DEMO_TOKEN}",
            "mode": "enforce",
            "actuators": "block,limit,block_domain,quarantine",
            "nylas_api_url": url,
            "nylas_api_key": "nyk_simulated",
            "detection.fleet_accounts": plan.accounts,
            # An eighth of this fleet is made to go bad, which the guard would rightly take for a fault of the feed.
            "guard.total_share": _SHARE_STOPPED,
            "guard.group_share": 1.0,
        }
        listener = _Listener(simulation.clock, audience)
        rhythm = Rhythm(
            upkeep=DAY / 2,
            grants=DAY,
            adoption=DAY,
            pooling=DAY / 8,
            feedback=DAY / 8,
            fleet_size=DAY,
            protection=DAY,
            webhook=DAY,
            gaps=DAY,
            probing=DAY / 144,
            feed=DAY / 48,
            held_stops=DAY / 48,
            lines=DAY,
            pins=DAY,
            stops=DAY / 48,
            suppression=DAY,
            drills=DAY,
        )
        async with running(load(None, flags, {}), simulation.clock, rhythm=rhythm, listener=listener) as daemon:
            yield _World(plan, home, simulation, daemon, listener, audience, url, flags)


@asynccontextmanager
async def _moving(clock: SimulatedClock) -> AsyncIterator[None]:
    """Let the simulated clock follow the wall while people would wait: requests are limited by it."""

    async def move() -> None:
        while True:
            await clock.advance(0.05)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(move())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C, in processes too that are begun meanwhile."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_at_once_when_interrupted() -> None:
    """Leave it to the first process to say that somebody pressed Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _heard(future: asyncio.Future[FleetTruth] | asyncio.Future[NaiveResult]) -> None:
    """Take note of what a future ended with, which nobody awaits where the demo is interrupted."""
    if not future.cancelled():
        future.exception()


def _without_breaker(plan: DemoPlan) -> FleetTruth:
    """Run the fleet with nobody listening; in a process of its own."""
    return asyncio.run(_alone(Simulation(shared_domain_fleet(plan.size, plan.seed), plan.seed), plan))


def _with_naive_breaker(plan: DemoPlan) -> NaiveResult:
    """Run the fleet under a naive breaker; in a process of its own."""
    simulation = Simulation(shared_domain_fleet(plan.size, plan.seed), plan.seed)
    naive = NaiveBreaker(simulation.fleet.application)
    simulation.platform.deliveries.taps.append(naive.hear)
    truth = asyncio.run(_alone(simulation, plan))
    return NaiveResult(truth, tuple(naive.stopped))


async def _alone(simulation: Simulation, plan: DemoPlan) -> FleetTruth:
    await simulation.platform.start()
    simulation.start_fleet()
    await simulation.run(plan.days * DAY)
    truth = simulation.truth()
    await simulation.platform.stop()
    return truth


def _stops(truth: FleetTruth, listener: _Listener) -> tuple[Stop, ...]:
    by_grant = {one.grant_id: one for one in truth.accounts}
    stops = [
        Stop(by_grant[grant_id], given.verdict.to, at, listener.confirmed.get(grant_id), given.verdict.why)
        for grant_id, (given, at) in listener.given.items()
    ]
    return tuple(sorted(stops, key=lambda stop: stop.at))


def _domain_stops(truth: FleetTruth, listener: _Listener) -> tuple[DomainStop, ...]:
    accounts = Counter(one.address.rpartition("@")[2] for one in truth.accounts)
    stops = []
    for name, given in sorted(listener.domains.items()):
        first, steps = given[0], listener.steps.get(name, [])
        opened = [one for one in steps if one.step is Step.OPEN]
        stops.append(
            DomainStop(
                first.domain.name,
                accounts[first.domain.name],
                first.verdict.at,
                listener.confirmed.get(name),
                first.verdict.why,
                stops=len(given),
                single=listener.single[name],
                probed_by=tuple(dict.fromkeys(one.account for one in opened if one.account)),
                rounds=len(opened),
                back_at=steps[-1].verdict.at if listener.is_back(name) else None,
            )
        )
    return tuple(stops)


def _instructive(stops: tuple[Stop, ...]) -> tuple[Stop, ...]:
    """Choose three stops: of different kinds of trouble where there are, the earliest of each first."""
    firsts = list({stop.truth.kind: stop for stop in reversed(stops)}.values())
    chosen = sorted(firsts, key=lambda stop: stop.at)[:_EXPLAINED]
    return tuple(chosen + [stop for stop in stops if stop not in chosen][: _EXPLAINED - len(chosen)])


def _quiet() -> None:
    """Keep logs out of the story; errors stay."""
    logging.getLogger().setLevel(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
