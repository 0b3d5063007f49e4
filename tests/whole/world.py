"""The world around the daemons: the simulated platform, a fleet, the database, time, people and strangers."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.app.operations import wire_operations
from breaker.config import Settings, load
from breaker.domain.acts.selectors import parse_selector
from breaker.flows.fixtures import Names
from breaker.flows.set_up import SetUp
from breaker.flows.set_up_plan import Need
from breaker.ports import StoreError
from breaker.simulator.clock import SimulatedClock
from breaker.simulator.errors import ApiError
from breaker.simulator.faults import Fault, FaultKind
from breaker.simulator.options import EnforcementOptions, SimulationOptions
from breaker.simulator.platform import SimulatedPlatform
from breaker.simulator.state.lists import ItemsBody
from breaker.simulator.state.messages import Outgoing
from tests.whole.daemon import ANSWER_WITHIN, Daemon
from tests.whole.moments import Moment, Moments

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from pathlib import Path

    import aiohttp

    from breaker.app.operations import Operations
    from breaker.domain.acts.acts import Act, Report
    from breaker.domain.acts.fleet_acts import FleetAct
    from breaker.domain.platform.commands import Actuator
    from breaker.simulator.application import Application
    from breaker.simulator.webhooks.notifications import Notification
    from tests.whole.loop import MovableLoop
    from tests.whole.moments import Change

APPLICATION, KEY = "app-1", "nyk_v0_whole"
NAMES = Names(APPLICATION)
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
DOMAINS = ("one.example", "two.example")
FLEET = tuple(f"{name}@{domain}" for domain in DOMAINS for name in ("ada", "bob", "cyd"))
SELLERS = ("sue@one.example", "sam@two.example")
"""Accounts of a workspace in which stopped ones are moved too."""
BYSTANDERS = ("eve@gmail.example",)
"""A connected mailbox, which is no Agent Account."""

CONFIGURATION = """
database_url = "{database_url}"
data_dir = "{folder}"
nylas_api_url = "{api_url}"

[[applications]]
id = "{application}"
api_key = "{key}"
mode = "enforce"
actuators = ["block", "limit", "block_domain"]

[applications.workspaces."{sales}"]
actuators = ["block", "limit", "block_domain", "quarantine"]
"""

_HONEST = 0.05
"""Real seconds after which an unanswered request is taken for one that never will be, where a fault makes some so."""
_TOO_LONG = 60.0


class DrivenClock:
    """The daemons' clock: who sleeps moves the world's time on."""

    def __init__(self, world: World, moments: Moments) -> None:
        self._world = world
        self._moments = moments

    def now(self) -> float:
        return self._world.clock.now()

    async def sleep(self, seconds: float) -> None:
        await self._moments.reached(Moment.SLEEP)
        await self._world.pass_time(seconds)


@dataclass
class World:
    """Everything there is.

    Attributes:
        loop: Whose time moves with the clock.
        database_url: The database, empty at the start.
        database: A connection past all daemons.
        people: A pool for what people type.
        folder: For the configuration.
        clock: The one clock.
        daemons: Those that live, by name.
        touched: Addresses and domains that a stranger listed or took off, and that were not decided about since.
        released: Changes that let somebody go whom Breaker wanted held.
        refused: Sends that were refused though nothing held their sender.
        undelivered: Notifications that no daemon has taken in yet.
    """

    loop: MovableLoop
    database_url: str
    database: asyncpg.Connection
    folder: Path
    session: aiohttp.ClientSession
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    daemons: dict[str, Daemon] = field(default_factory=dict)
    touched: dict[str, int] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)
    undelivered: deque[bytes] = field(default_factory=deque)
    broken: set[str] = field(default_factory=set)
    platform: SimulatedPlatform = field(init=False)
    application: Application = field(init=False)
    sales: str = field(init=False)
    settings: Settings = field(init=False)
    operations: Operations = field(init=False)
    _pool: asyncpg.Pool = field(init=False)
    _client: NylasPlatform = field(init=False)
    _started: int = 0
    _time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin(self) -> None:
        """Make the platform with its fleet, and set Breaker up on it."""
        options = SimulationOptions(requests_per_second=1_000_000, enforcement=EnforcementOptions(enabled=False))
        self.platform = SimulatedPlatform(self.clock, options=options)
        self.application = self.platform.add_application(APPLICATION, KEY)
        self.platform.deliveries.taps.append(self._tap)
        url = await self.platform.start()
        self.sales = self.application.add_workspace("Sales").workspace_id
        for address in FLEET:
            self.application.add_grant(address)
        for address in SELLERS:
            self.application.add_grant(address, workspace_id=self.sales)
        for address in BYSTANDERS:
            self.application.connect(address, provider="google")
        file = self.folder / "breaker.toml"
        file.write_text(
            CONFIGURATION.format(
                database_url=self.database_url,
                folder=self.folder,
                api_url=url,
                application=APPLICATION,
                key=KEY,
                sales=self.sales,
            )
        )
        self.settings = load(file, {}, {})
        self._pool = await asyncpg.create_pool(self.database_url, min_size=0, max_size=4)
        self.operations = wire_operations(self.settings, self._pool, self.clock)
        transport = Transport(self.session, url, KEY, Budget(self.clock, 1_000.0), self.clock)
        self._client = NylasPlatform(transport)
        await self.set_up()
        await self.hear()

    async def end(self) -> None:
        """Take everything away."""
        for daemon in list(self.daemons.values()):
            await self._bury(daemon)
        self._pool.terminate()
        self.platform.faults.clear()
        stopping = asyncio.create_task(self.platform.stop())
        while not (await asyncio.wait({stopping}, timeout=0.01))[0]:
            self.loop.move_on(1.0)  # calls that were never answered are waited for
        stopping.result()

    # Daemons

    async def start_daemon(self) -> Daemon:
        """Start one more."""
        self._started += 1
        moments = Moments(self._asked)
        clock = DrivenClock(self, moments)
        daemon = Daemon.made(f"daemon-{self._started}", self.database_url, clock, moments)
        self.daemons[daemon.name] = daemon
        await self.of(daemon, daemon.start(self.settings))
        return daemon

    async def of(self, daemon: Daemon, work: Coroutine[object, object, object]) -> bool:
        """Let a daemon do something; tell whether it survived that."""
        task = asyncio.create_task(work)
        waited = 0.0
        while not daemon.moments.dead and not task.done():
            await asyncio.wait({task, *daemon.tasks}, timeout=_HONEST, return_when=asyncio.FIRST_COMPLETED)
            waited += _HONEST
            silent = any(fault.kind is FaultKind.SILENCE for fault in self.platform.faults)
            if silent and daemon.moments.waits_for_the_platform:
                self.loop.move_on(ANSWER_WITHIN)
            assert waited < _TOO_LONG, "a daemon hangs"
        if not daemon.moments.dead:
            daemon.moments.spare()
            task.result()
            return True
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._bury(daemon)
        return False

    async def everybody(self) -> None:
        """Let each daemon do what is due."""
        for daemon in list(self.daemons.values()):
            await self.of(daemon, daemon.look())
        await self.hear()

    async def leave(self, daemon: Daemon) -> None:
        """Let a daemon stop in good order."""
        if await self.of(daemon, daemon.leave()):
            await self._bury(daemon)

    async def _bury(self, daemon: Daemon) -> None:
        self.daemons.pop(daemon.name, None)
        await daemon.bury()
        for _ in range(1_000):
            if not await self.database.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", daemon.name
            ):
                return
            await asyncio.sleep(0.001)
        raise AssertionError("the server does not let go of a dead daemon's connections")

    # Time

    async def pass_time(self, seconds: float) -> None:
        """Move all clocks on; nobody does anything by himself."""
        async with self._time:
            await self.clock.advance(seconds)
            self.loop.move_on(seconds)
            await self.database.execute("UPDATE leases SET until = until - $1::float8 * interval '1 second'", seconds)
            await self.database.execute(
                "UPDATE commands SET claimed_until = claimed_until - $1::float8 WHERE ended_at IS NULL", seconds
            )

    async def later(self, seconds: float) -> None:
        """Let time pass with the daemons at work, who look more seldom the longer it is."""
        for part in (min(seconds, 5.0), *[max(seconds - 5.0, 0.0) / 3] * 3):
            if part:
                await self.pass_time(part)
                await self.everybody()

    # Mail

    async def send(self, address: str, good: int, bad: int, *, complaints: int = 0, reply: bool = False) -> bool:
        """Let an account send, and the platform tell what became of it; tell whether it was let."""
        recipients = tuple(f"r{number}@mail{number % 4}.example" for number in range(good + bad))
        grant = self.application.grants.by_address(address)
        if grant is None:
            return False
        try:
            message = self.application.send_fated(address, Outgoing(to=recipients, in_reply=reply))
        except ApiError:
            return False
        if grant.domain in self.broken:
            refused = "smtp; 550 5.7.26 Unauthenticated email is not accepted due to the domain's DMARC policy"
            self.application.bounce(message, diagnostic_code=refused)
        else:
            if bad:
                self.application.bounce(message, recipients[:bad])
            if good:
                self.application.deliver(message, recipients[bad:])
            if complaints:
                self.application.complain(message, recipients[bad : bad + complaints])
        await self.hear()
        return True

    async def hear(self) -> None:
        """Let the daemons take in what they were not told of yet; the next one, where one dies of it."""
        while self.undelivered and self.daemons:
            daemon = next(iter(self.daemons.values()))
            try:
                alive = await self.of(daemon, daemon.take(self.undelivered[0]))
            except StoreError:
                return  # it answers 503, and is told again
            if alive:
                self.undelivered.popleft()

    def _tap(self, notification: Notification, _now: float) -> None:
        self.undelivered.append(notification.body(1))

    # People and strangers

    async def act(self, act: Act, *selectors: str) -> Report:
        """Let a person act."""
        return await self.operations.operator.carry_out(act, [parse_selector(one) for one in selectors])

    async def act_on_fleet(self, act: FleetAct) -> None:
        """Let a person act on all at once."""
        await self.operations.fleet_acts.carry_out(act, self.clock.now())

    async def set_up(self) -> None:
        """Let a person type `breaker setup`."""
        everywhere: set[Actuator] = set(self.settings.actuators)
        for application in self.settings.guarded_applications():
            for workspace in application.workspaces.values():
                everywhere |= workspace.actuators
        flow = SetUp(
            need=Need(
                application_id=APPLICATION,
                names=NAMES,
                actuators=frozenset(everywhere),
                webhook_url=None,
                secret_known=True,
            ),
            platform=self._client,
            inventory=PostgresInventory(self._pool),
            clock=self.clock,
            keep_secret=lambda _secret: None,
        )
        async for _ in flow.carry_out(await flow.plan()):
            pass

    async def list_by_hand(self, purpose: str, value: str) -> None:
        """Let a stranger put a value into one of Breaker's lists."""
        await self._by_hand("POST", purpose, value)

    async def unlist_by_hand(self, purpose: str, value: str) -> None:
        """Let a stranger take a value out of one of Breaker's lists."""
        await self._by_hand("DELETE", purpose, value)

    async def _by_hand(self, method: str, purpose: str, value: str) -> None:
        [found] = [one for one in self.application.lists if purpose in one.name]
        body = ItemsBody(items=[value])
        (self.application.lists.add_items if method == "POST" else self.application.lists.remove_items)(found.id, body)
        epoch = await self.database.fetchval(
            "SELECT epoch FROM circuits JOIN accounts USING (account) WHERE address = $1 AND merged_into IS NULL", value
        )
        self.touched[value] = epoch or 0

    def listed(self, purpose: str) -> frozenset[str]:
        """Return the values of one of Breaker's lists, by a word of its name."""
        return frozenset(value for one in self.application.lists if purpose in one.name for value in one.items)

    def fault(self, kind: FaultKind, **settings: object) -> None:
        """Put a fault in force."""
        self.platform.add_fault(Fault(kind, **settings))  # type: ignore[arg-type] # the names are checked by Fault

    # What must not happen

    async def _asked(self, change: Change) -> None:
        """Look whether a change that is about to be asked of the platform lets somebody go who is wanted held."""
        method, path, values = change
        if method != "DELETE" or not path.endswith("/items"):
            return
        name = next(one.name for one in self.application.lists if one.id == path.split("/")[3])
        kept: dict[str, Sequence[str]] = {"stopped accounts": ("stopped",), "limited accounts": ("limited",)}
        for purpose, wanted in kept.items():
            if purpose in name:
                rows = await self.database.fetch(WANTED_OF, list(values), list(wanted))
                self.released += [f"{one['address']} of {purpose}, wanted {one['wanted']}" for one in rows]
        if "domains" in name:
            rows = await self.database.fetch(
                """
                SELECT domain FROM domain_circuits
                WHERE coalesce(permitted, state) IN ('stopped', 'probing') AND domain = ANY($1::text[])
                """,
                list(values),
            )
            self.released += [f"the domain {one['domain']}" for one in rows]


WANTED = """
    coalesce(c.permitted,
             CASE c.state WHEN 'probing' THEN 'stopped' WHEN 'warned' THEN 'sending' ELSE c.state END)
"""
WANTED_OF = f"""
    SELECT a.address, {WANTED} AS wanted FROM accounts a JOIN circuits c USING (account)
    WHERE a.merged_into IS NULL AND a.address = ANY($1::text[]) AND {WANTED} = ANY($2::text[])
"""
