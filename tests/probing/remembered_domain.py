"""A sending domain in memory: the real prober and the real acts of people, a platform of two lists, and an outbox."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.circuits.circuit import Circuit, HeldBy, Mode
from breaker.domain.circuits.domain_circuit import DomainCircuit, Interval
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.detectors.detectors import Signal
from breaker.domain.platform.commands import HOLDS, CommandKind, plan_domain
from breaker.domain.probes.domain_probe import DomainProbe, Member, Traffic
from breaker.domain.probes.probe import QUEUE, Evidence, Hold, ProbeRules
from breaker.domain.probes.probing import Step
from breaker.flows.designs import Made
from breaker.flows.lease import Lease
from breaker.flows.operate_domains import DomainOperator
from breaker.flows.probe_domains import DomainProber, DomainStep
from breaker.ports import Confirmation, DomainHold, InventoryItem, ModeInForce, SendingDomain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence

    from breaker.domain.circuits.circuit import Verdict
    from breaker.ports import Account

DOMAIN = SendingDomain("app-1", "agents.example")
START = 1_000_000.0


@dataclass
class Ordered:
    """A command."""

    kind: CommandKind
    settled: bool = False


@dataclass
class RememberedDomain:
    """All that there is: it stands for the database, the platform and the clock.

    Attributes:
        known: The accounts, by number.
        listed: Addresses in the platform's list of stopped accounts.
        blocked: Whether the domain is in its list of stopped domains.
        newcomers: Who joined since a round was last opened.
        sends: `(account, moment, whether it was refused)`.
    """

    many: int
    now_: float = START
    circuit: DomainCircuit = field(default_factory=DomainCircuit)
    probe: DomainProbe | None = None
    confirmed: Wanted | None = Wanted.SENDING
    confirmed_at: float | None = START
    rows: dict[str, int] = field(default_factory=dict)
    commands: list[Ordered] = field(default_factory=list)
    known: dict[int, Member] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    blocked: bool = False
    newcomers: set[str] = field(default_factory=set)
    sends: list[tuple[int, float, bool]] = field(default_factory=list)
    broken: bool = False
    mode: Mode = Mode.ENFORCE
    blind: bool = False
    author: str | None = None
    verdicts: list[Verdict] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def __post_init__(self) -> None:
        for _ in range(self.many):
            self.join()
        self.newcomers.clear()
        self.prober = self.another_prober()

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        self.loop.run_until_complete(work)

    def another_prober(self) -> DomainProber:
        return DomainProber(
            application_id=DOMAIN.application_id,
            probes=self,  # type: ignore[arg-type] # its transaction is the whole of it, as far as domains are probed
            modes=self,
            holds=self,
            too_quiet=lambda _application, _now: False,
            inventory=self,  # type: ignore[arg-type] # it is only read
            rules=ProbeRules,
            lease=Lease(self, "domains", "daemon", 600.0),
            clock=self,
            random=lambda: 0.0,
            told=self.told,
        )

    # What happens

    def join(self) -> None:
        number = len(self.known) + 1
        one = Member(number, f"grant-{number}", f"agent-{number}@{DOMAIN.name}", State.SENDING, obeyed=True)
        self.known[number] = one
        self.newcomers.add(one.address)

    def look(self) -> None:
        self.run(self.prober())

    def fail(self) -> None:
        """Let the domain be stopped by its refusals, where it is not."""
        if self.circuit.circuit.state is not State.SENDING:
            return
        epoch = self.circuit.circuit.epoch + 1
        circuit = Circuit(State.STOPPED, self.now_, epoch)
        self.circuit = replace(self.circuit, circuit=circuit, intervals=(Interval(self.now_ - 60, None),))
        self.author = None
        self._order(epoch, plan_domain(Wanted.STOPPED, stand_ins=any(one < epoch for one in self.rows.values())))

    def act(self, kind: ActKind) -> None:
        """Let a person act on the domain itself."""
        before = self.circuit.circuit.state
        act = Act(kind, "because", "ada", only_domain=True)
        self.run(DomainOperator(self, self).carry_out(act, [DOMAIN]))  # type: ignore[arg-type] # what it asks is here
        if self.circuit.circuit.state is not before:
            self.author = "ada"

    def stop_alone(self, number: int) -> None:
        """Let an account be stopped by itself, and the platform do so."""
        self.known[number] = self.known[number]._replace(state=State.STOPPED)
        self.listed.add(self.known[number].address)

    def reset_alone(self, number: int) -> None:
        """Let such an account go; the platform is not told where it stands in for its domain."""
        self.known[number] = one = self.known[number]._replace(state=State.SENDING)
        if one.address not in self.rows:
            self.listed.discard(one.address)

    def obey(self, *, crash: bool = False) -> bool:
        """Carry out the command that is due; die before it is settled, or not. Tell whether there was any."""
        due = next((one for one in self.commands if not one.settled), None)
        if due is None:
            return False
        epoch = self.circuit.circuit.epoch
        match due.kind:
            case CommandKind.BLOCK_DOMAIN:
                self.blocked = True
            case CommandKind.UNBLOCK_DOMAIN:
                self.blocked = False
            case CommandKind.BLOCK_OTHERS:
                self.listed |= {address for address, asked in self.rows.items() if asked == epoch}
            case CommandKind.UNBLOCK_OTHERS:
                by_itself = {one.address for one in self.known.values() if one.state is State.STOPPED}
                self.rows = {one: asked for one, asked in self.rows.items() if asked >= epoch or one not in by_itself}
                self.listed -= {one for one, asked in self.rows.items() if asked < epoch}
        if not crash:
            self._settle(due, epoch)
        return True

    def obey_all(self) -> None:
        while self.obey():
            pass

    def send(self, number: int) -> bool:
        """Let an account try to send; tell whether it went out."""
        if self.free(number):
            self.sends.append((number, self.now_, self.broken))
        return self.free(number)

    def round(self, *, refused: int | None = None) -> None:
        """Go through a round where one is due; of its ten sends so many are refused, or all while it is broken."""
        self.look()
        self.obey_all()
        self.look()
        for which in range(10):
            self.now_ += 60
            for number in self.known:
                if self.send(number) and refused is not None:
                    self.sends[-1] = (number, self.now_, which < refused)
        self.look()
        self.obey_all()
        self.look()
        self.now_ += ProbeRules().settle

    def free(self, number: int) -> bool:
        return not self.blocked and self.known[number].address not in self.listed

    @property
    def all_free(self) -> set[str]:
        return {one.address for number, one in self.known.items() if self.free(number)}

    @property
    def stopped_alone(self) -> set[str]:
        return {one.address for one in self.known.values() if one.state is State.STOPPED}

    @property
    def state(self) -> State:
        return self.circuit.circuit.state

    @property
    def probed_by(self) -> set[str]:
        """The address of the account whose round is, or was last."""
        account = self.probe.account if self.probe else None
        return {self.known[account].address} if account is not None else set()

    def told(self, step: DomainStep) -> None:
        if step.step is Step.OPEN:
            self.newcomers.clear()

    def _order(self, epoch: int, kinds: Sequence[CommandKind]) -> None:
        assert epoch == self.circuit.circuit.epoch
        self.commands = [Ordered(kind) for kind in kinds]
        self.confirmed = self.confirmed_at = None

    def _settle(self, command: Ordered, epoch: int) -> None:
        command.settled = True
        wanted = self.circuit.circuit.wanted
        stops = wanted is Wanted.STOPPED and command.kind is CommandKind.BLOCK_DOMAIN
        if stops or (wanted is Wanted.SENDING and all(one.settled for one in self.commands)):
            self.confirmed, self.confirmed_at = wanted, self.now_
        if command.kind is CommandKind.UNBLOCK_OTHERS:
            self.rows = {one: asked for one, asked in self.rows.items() if asked >= epoch}
        lifts = [one for one in self.commands if one.settled and one.kind not in HOLDS]
        assert not lifts or all(one.settled for one in self.commands if one.kind in HOLDS)

    # What the prober and the acts ask

    @property
    def domains(self) -> RememberedDomain:
        return self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[RememberedDomain]:
        yield self

    def now(self) -> float:
        return self.now_

    async def sleep(self, _seconds: float) -> None:
        raise AssertionError("nothing here waits")

    async def take(self, _name: str, _holder: str, _lasts: float) -> bool:
        return True

    async def release(self, _name: str, _holder: str) -> None: ...

    async def items(self, _application_id: str) -> Sequence[InventoryItem]:
        return [InventoryItem(made, made, {}, START) for made in (Made.LIST, Made.DOMAIN_LIST, Made.RULE)]

    async def in_force(self, _account: Account, _now: float) -> ModeInForce:
        return ModeInForce(self.mode, "daemon")

    def held_by(self, _application_id: str, _leaving_out: str | None, _now: float) -> HeldBy | None:
        return HeldBy.BLIND if self.blind else None

    def gaps(self, _application_id: str) -> Sequence[Interval]:
        return ()

    async def due(self, _application_id: str, _now: float) -> Sequence[SendingDomain]:
        return [DOMAIN]

    async def open(self, _application_id: str) -> Sequence[SendingDomain]:
        return [DOMAIN] if self.state is State.PROBING and self.circuit.circuit.wanted is Wanted.SENDING else []

    async def standing(self, _domains: Collection[SendingDomain]) -> Mapping[SendingDomain, DomainCircuit]:
        return {DOMAIN: replace(self.circuit, confirmed=self.confirmed is self.circuit.circuit.wanted)}

    async def lock(self, domains: Collection[SendingDomain]) -> Mapping[SendingDomain, DomainCircuit]:
        return await self.standing(domains)

    async def accounts(self, _domain: SendingDomain, _active_since: float) -> Sequence[Account]:
        return []

    async def record_verdict(self, _domain: SendingDomain, verdict: Verdict, _context: Mapping[str, object]) -> int:
        self.verdicts.append(verdict)
        return len(self.verdicts)

    async def save(self, _domain: SendingDomain, circuit: DomainCircuit) -> None:
        self.circuit = circuit

    async def order(
        self, _domain: SendingDomain, epoch: int, _verdict: int, kinds: Sequence[CommandKind], _now: float
    ) -> None:
        self._order(epoch, kinds)

    async def has_stand_ins(self, _domain: SendingDomain, *, before: int) -> bool:
        return any(asked < before for asked in self.rows.values())

    async def probe_of(self, _domain: SendingDomain) -> tuple[DomainProbe | None, Confirmation]:
        return self.probe, Confirmation(self.confirmed, self.confirmed_at)

    async def held_for(self, _domain: SendingDomain, circuit: Circuit, _within: float) -> DomainHold:
        before = State.STOPPED if circuit.state is State.PROBING else State.SENDING
        return DomainHold(Hold(before, Signal.BOUNCE, self.author, "domain", 1, 0.0), "authentication 5.7.26")

    async def members(self, _domain: SendingDomain, _now: float) -> Sequence[Member]:
        return list(self.known.values())

    async def traffic(
        self, _domain: SendingDomain, members: Collection[int], _failed_at: float
    ) -> Mapping[int, Traffic]:
        return {number: Traffic(refused=number % 3, sends=number) for number in members}

    async def evidence(
        self, _domain: SendingDomain, account: int, opened_at: float, closed_at: float | None
    ) -> Evidence:
        until = self.now_ if closed_at is None else closed_at
        within = [bad for who, at, bad in self.sends if who == account and opened_at <= at <= until]
        late = [at for who, at, _ in self.sends if who == account and until < at <= until + QUEUE]
        last = max((at for who, at, _ in self.sends if who == account and opened_at <= at), default=None)
        return Evidence(len(within), sum(within), last, len(late))

    async def stand_ins(self, _domain: SendingDomain) -> Mapping[str, int]:
        return dict(self.rows)

    async def let_stand_in(self, _domain: SendingDomain, addresses: Collection[str], epoch: int) -> None:
        self.rows |= dict.fromkeys(addresses, epoch)

    async def keep(self, _domain: SendingDomain, probe: DomainProbe | None) -> None:
        self.probe = probe
