"""A sending domain on its way back: a real database, the simulated platform, and the mail of all of its accounts."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from breaker.adapters.postgres.adoption import PostgresAdoption
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.domain_probes import PostgresDomainProbes
from breaker.adapters.postgres.domains import PostgresDomains
from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.outbox import PostgresOutbox
from breaker.adapters.postgres.probes import PostgresProbes
from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.circuits.circuit import Mode, act, apply
from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind
from breaker.domain.platform.commands import Actuator, plan
from breaker.domain.probes.probe import ProbeRules
from breaker.flows.adopt import Sweep
from breaker.flows.adopt_domains import SweepDomains
from breaker.flows.carry_out import Pace, Sender, Surroundings
from breaker.flows.designs import LISTS, RULES, Made
from breaker.flows.fixtures import Names
from breaker.flows.lease import Lease
from breaker.flows.operate_domains import DomainOperator
from breaker.flows.probe_domains import DomainProber, DomainStep
from breaker.flows.watch_stand_ins import WatchStandIns
from breaker.ports import InventoryItem, ModeInForce, SendingDomain
from breaker.simulator.errors import ApiError
from breaker.simulator.options import RuleScope, SimulationOptions
from breaker.simulator.state.messages import Outgoing
from tests.counting.daemons import APPLICATION, COUNTING, NOBODY, NOW, SIZES, Daemon, daemon, event
from tests.probing.way_back import Doubts
from tests.simulated import Simulated, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from breaker.domain.circuits.states import Cause
    from breaker.domain.profiles.profile import Profile
    from breaker.ports import Account, Due

DOMAIN = SendingDomain(APPLICATION, "agents.example")
HOUR, DAY = 3_600.0, 86_400.0
NAMES = Names("installation-1")
DKIM = "smtp; 550-5.7.26 This mail has been blocked because the sender is unauthenticated."
FORBIDDEN = 403
ACTUATORS = (Actuator.BLOCK, Actuator.BLOCK_DOMAIN)


def address(number: int) -> str:
    return f"agent-{number}@{DOMAIN.name}"


@dataclass
class SentDomain:
    """The domain, and all that happens to it.

    Attributes:
        broken: Whether its mail is refused for failed authentication.
        modes: The modes of accounts that are not in `enforce`, by address.
        steps: What the prober told.
    """

    daemon: Daemon
    simulated: Simulated
    many: int
    sender: Sender
    lists: dict[Made, str]
    broken: bool = False
    rules: ProbeRules = field(default_factory=ProbeRules)
    doubts: Doubts = field(default_factory=Doubts)
    modes: dict[str, Mode] = field(default_factory=dict)
    steps: list[DomainStep] = field(default_factory=list)
    grants: dict[int, str] = field(default_factory=dict)
    sent: int = 0

    @property
    def now(self) -> float:
        return self.daemon.clock.time

    def later(self, seconds: float) -> None:
        self.daemon.clock.time += seconds

    async def in_force(self, account: Account, _now: float) -> ModeInForce:
        return ModeInForce(self.modes.get(account.address or "", Mode.ENFORCE), "daemon")

    def prober(self, holder: str = "daemon-1", *, lease: str = "domains", lasts: float = 600.0) -> DomainProber:
        pool = self.daemon.pool
        return DomainProber(
            application_id=APPLICATION,
            probes=PostgresDomainProbes(pool),
            modes=self,
            holds=self.doubts,
            too_quiet=self.doubts.too_quiet,
            inventory=PostgresInventory(pool),
            rules=lambda: self.rules,
            lease=Lease(PostgresLeases(pool), lease, holder, lasts),
            clock=self.daemon.clock,
            random=lambda: 0.0,
            told=self.steps.append,
        )

    async def join(self, number: int) -> None:
        """Let the platform have one account more, and Breaker hear of it."""
        self.grants[number] = self.simulated.application.add_grant(address(number)).id
        await self.deliver(number)

    async def deliver(self, number: int) -> None:
        """Let an account have delivered a message, wherever it came from."""
        self.sent += 1
        one = event(
            OutcomeKind.DELIVERED,
            f"m-{self.sent}",
            sent_at=self.now,
            grant=self.grants[number],
            sender=address(number),
        )
        await self.daemon.take(one, now=self.now)

    def may_send(self, number: int) -> bool:
        """Let an account try to send; tell whether the platform took it."""
        try:
            self.simulated.application.submit(self.grants[number], Outgoing(to=("somebody@example.org",)))
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            return False
        return True

    def free(self) -> list[int]:
        """Return the accounts that the platform lets send."""
        return [number for number in self.grants if self.may_send(number)]

    async def send(self, number: int, many: int = 1, *, every: float = 60.0, unknown: int = 0) -> int:
        """Let an account try to send, and hear at once what became of it; return how many went out."""
        went = 0
        for which in range(many):
            self.later(every)
            if not self.may_send(number):
                continue
            went += 1
            self.sent += 1
            bounces = self.broken or which < unknown
            one = event(
                OutcomeKind.BOUNCED if bounces else OutcomeKind.DELIVERED,
                f"m-{self.sent}",
                f"m-{self.sent}@company-{self.sent % 3}.example",
                bounce_class=BounceClass.POLICY if bounces and self.broken else None,
                diagnostic=DKIM if self.broken else "smtp; 550 5.1.1 User unknown",
                sent_at=self.now,
                grant=self.grants[number],
                sender=address(number),
            )
            await self.daemon.take(one, now=self.now)
        return went

    async def obey(self) -> list[str]:
        """Let the platform do what is ordered, and be read back; return the kinds of commands."""
        before = await self.daemon.pool.fetchval("SELECT coalesce(max(id), 0) FROM commands WHERE ended_at IS NOT NULL")
        while await self.sender.once():
            pass
        rows = await self.daemon.pool.fetch(
            "SELECT kind FROM commands WHERE id > $1 AND ended = 'settled' ORDER BY id", before
        )
        return [kind for (kind,) in rows]

    async def stop(self) -> None:
        """Let its records break until it is stopped, and the platform show it."""
        self.broken = True
        for number in range(1, 6):
            await self.send(number, every=1.0)
        await self.obey()
        assert (await self.row())["confirmed"] == "stopped"
        assert self.free() == []

    async def cool_down(self, prober: DomainProber, hours: float = 6.0) -> None:
        """Let the cool-down pass."""
        await prober()
        self.later(hours * HOUR)

    async def open(self, prober: DomainProber) -> int:
        """Let a round be opened; return the account that is free."""
        await prober()
        await self.obey()
        await prober()
        [number] = self.free()
        return number

    async def round(self, prober: DomainProber) -> int:
        """Go through one round, and return whose it was."""
        number = await self.open(prober)
        await self.send(number, 10)
        await prober()
        await self.obey()
        await prober()
        self.later(self.rules.settle)
        return number

    async def accept(self, prober: DomainProber) -> None:
        """Go through all rounds until the domain is let go."""
        await self.open(prober)
        await self.accept_from_here(prober)

    async def accept_from_here(self, prober: DomainProber, *, free: Sequence[int] | None = None) -> None:
        """Go on from an open round until the domain is let go, and with it these accounts, or all."""
        while await self.state() == "probing":
            await self.round(prober)
            await prober()
            await self.obey()
        assert self.free() == list(self.grants if free is None else free)

    async def accounts_due(self) -> Sequence[Due]:
        """Return the accounts that their own prober would look at."""
        return await PostgresProbes(self.daemon.pool, SIZES, lambda: COUNTING).due(APPLICATION, 0, self.now, 100)

    async def row(self) -> dict[str, Any]:
        return dict(await self.daemon.pool.fetchrow("SELECT * FROM domain_circuits"))

    async def state(self) -> str:
        return str((await self.row())["state"])

    async def probe(self) -> dict[str, Any] | None:
        row = await self.daemon.pool.fetchrow("SELECT * FROM domain_probes")
        return dict(row) if row else None

    async def stand_ins(self) -> set[str]:
        return {name for (name,) in await self.daemon.pool.fetch("SELECT address FROM domain_stand_ins")}

    async def trail(self, scope: str = f"domain:{DOMAIN.name}") -> list[tuple[str, str, str]]:
        """Return `(from, to, detector)` of every verdict about it."""
        rows = await self.daemon.pool.fetch(
            "SELECT from_state, to_state, detector FROM verdicts WHERE scope = $1 ORDER BY id", scope
        )
        return [tuple(row) for row in rows]

    async def of_accounts(self) -> list[tuple[str, str]]:
        """Return `(from, to)` of every verdict about an account."""
        rows = await self.daemon.pool.fetch(
            "SELECT from_state, to_state FROM verdicts WHERE account IS NOT NULL ORDER BY id"
        )
        return [tuple(row) for row in rows]

    async def listed(self, made: Made) -> set[str]:
        """Return what stands in a list on the platform."""
        return {value async for value in self.simulated.client.values(self.lists[made])}

    async def act(self, kind: ActKind) -> None:
        """Let a person act on the domain's own circuit."""
        operator = DomainOperator(PostgresDomains(self.daemon.pool), self.daemon.clock)
        await operator.carry_out(Act(kind, "because", "ada", only_domain=True), [DOMAIN])

    async def act_on(self, number: int, cause: Cause) -> None:
        """Let a person act on an account."""
        pool = self.daemon.pool
        key = await pool.fetchval("SELECT account FROM accounts WHERE address = $1", address(number))
        async with PostgresCircuits(pool, SIZES).transaction() as locked:
            account, circuit, counters = (await locked.load([key]))[key]
            verdict = act(circuit, cause, self.now, "ada", "because")
            assert verdict is not None
            verdict_id = await locked.record_verdict(account, verdict, {})
            changed = apply(circuit, verdict, verdict_id)
            await locked.save(account, changed, counters)
            await locked.order(account, changed.epoch, verdict_id, plan(changed.wanted, ACTUATORS), self.now)

    async def watch_stand_ins(self) -> int:
        """Look whether all stand in who should; return how many do not."""
        pool = self.daemon.pool
        return await WatchStandIns(
            application_id=APPLICATION,
            platform=self.simulated.client,
            inventory=PostgresInventory(pool),
            probes=PostgresDomainProbes(pool),
            clock=self.daemon.clock,
        )()

    async def sweep(self) -> tuple[str, ...]:
        """Look for what is held on the platform and unknown here; return it."""
        pool, client = self.daemon.pool, self.simulated.client
        inventory = PostgresInventory(pool)
        swept = await Sweep(
            application_id=APPLICATION,
            names=NAMES,
            platform=client,
            inventory=inventory,
            adoption=PostgresAdoption(pool, self.daemon.identities, SIZES),
            clock=self.daemon.clock,
        )()
        domains = SweepDomains(
            application_id=APPLICATION,
            platform=client,
            inventory=inventory,
            domains=PostgresDomains(pool),
            clock=self.daemon.clock,
        )
        return (*swept.adopted, *await domains())


@asynccontextmanager
async def sending_domain(
    url: str, many: int = 6, *, profile: Profile = NOBODY, scope: RuleScope = RuleScope.WORKSPACE
) -> AsyncIterator[SentDomain]:
    """Give a domain of so many accounts in the mode enforce, each of which has had a message delivered."""
    async with (
        # A day of the test's clock passes in no time, and the platform's budget goes by real seconds.
        simulated(SimulationOptions(rule_scope=scope, requests_per_second=1_000)) as platform,
        daemon(url, mode=Mode.ENFORCE, profile=profile, actuators=ACTUATORS) as one,
    ):
        await one.pool.execute("INSERT INTO applications (id) VALUES ($1) ON CONFLICT DO NOTHING", APPLICATION)
        inventory = PostgresInventory(one.pool)
        lists = await _set_up(platform, inventory)
        surroundings = Surroundings(
            application_id=APPLICATION,
            holder="daemon-1",
            platform=platform.client,
            outbox=PostgresOutbox(one.pool, "daemon-1"),
            leases=PostgresLeases(one.pool),
            inventory=inventory,
            names=NAMES,
            clock=one.clock,
            random=lambda: 0.0,
        )
        sender = Sender(surroundings, pace=Pace(lease=600.0))
        domain = SentDomain(one, platform, many, sender, lists)
        for number in range(1, many + 1):
            await domain.join(number)
        yield domain


async def _set_up(platform: Simulated, inventory: PostgresInventory) -> dict[Made, str]:
    client = platform.client
    lists: dict[Made, str] = {}
    for made in (Made.LIST, Made.DOMAIN_LIST):
        lists[made] = (await client.create_list(NAMES.of(LISTS[made]), LISTS[made].type)).id
    rule = await client.create_rule(NAMES.of(RULES[Made.RULE]), RULES[Made.RULE].content(lists))
    for made, number in _items(lists, rule.id):
        await inventory.add(APPLICATION, InventoryItem(made, number, {}, NOW))
    for workspace in await client.workspaces():
        await client.attach_rules(workspace.id, [rule.id])
    return lists


def _items(lists: dict[Made, str], rule: str) -> Iterable[tuple[Made, str]]:
    return [*lists.items(), (Made.RULE, rule)]
