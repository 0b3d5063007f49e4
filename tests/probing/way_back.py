"""One account on its way back, on a real database: what counts its sends, what probes it, and a platform that obeys."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.outbox import PostgresOutbox
from breaker.adapters.postgres.probes import PostgresProbes
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.platform.commands import Actuator, CommandKind
from breaker.domain.probes.probe import ProbeRules
from breaker.flows.designs import Made
from breaker.flows.lease import Lease
from breaker.flows.probe import Done, Prober
from breaker.ports import InventoryItem, ModeInForce
from tests.counting.daemons import APPLICATION, COUNTING, NOW, SIMPLE, SIZES, Daemon, daemon, event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from breaker.domain.circuits.domain_circuit import Interval
    from breaker.domain.profiles.profile import Profile
    from breaker.ports import Account

HOUR, DAY = 3_600.0, 86_400.0


@dataclass
class Doubts:
    """What can be doubted."""

    blind: bool = False
    quiet: bool = False

    def held_by(self, _application_id: str, _leaving_out: str | None, _now: float) -> HeldBy | None:
        return HeldBy.BLIND if self.blind else None

    def gaps(self, _application_id: str) -> Sequence[Interval]:
        return ()

    def too_quiet(self, _application_id: str, _now: float) -> bool:
        return self.quiet


@dataclass
class WayBack:
    """The account `grant-1`, and all that happens to it.

    Attributes:
        held_to: The lists that the platform has it in.
        done: What the prober told.
    """

    daemon: Daemon
    mode: Mode
    actuators: Sequence[Actuator]
    rules: ProbeRules = field(default_factory=ProbeRules)
    doubts: Doubts = field(default_factory=Doubts)
    held_to: set[str] = field(default_factory=set)
    done: list[Done] = field(default_factory=list)
    sent: int = 0

    @property
    def now(self) -> float:
        return self.daemon.clock.time

    @property
    def free(self) -> bool:
        """Whether the platform lets it write new mail."""
        return not self.held_to

    async def in_force(self, _account: Account, _now: float) -> ModeInForce:
        return ModeInForce(self.mode, "daemon")

    def later(self, seconds: float) -> None:
        self.daemon.clock.time += seconds

    def prober(self, holder: str = "daemon-1", *, lease: str = "prober") -> Prober:
        pool = self.daemon.pool
        return Prober(
            application_id=APPLICATION,
            probes=PostgresProbes(pool, SIZES, lambda: COUNTING),
            modes=self,
            holds=self.doubts,
            too_quiet=self.doubts.too_quiet,
            inventory=PostgresInventory(pool),
            actuators_of=lambda _account: self.actuators,
            rules=lambda: self.rules,
            lease=Lease(PostgresLeases(pool), lease, holder, 600.0),
            clock=self.daemon.clock,
            random=lambda: 0.0,
            told=self.done.append,
        )

    async def send(self, many: int = 1, *, bad: int = 0, every: float = 60.0) -> int:
        """Let it try to send, the bad ones last, and hear at once what became of it; return how many went out."""
        if not self.free:
            return 0
        for number in range(many):
            self.later(every)
            self.sent += 1
            kind = OutcomeKind.DELIVERED if number < many - bad else OutcomeKind.BOUNCED
            await self.daemon.take(event(kind, f"m-{self.sent}", sent_at=self.now), now=self.now)
        return many

    async def obey(self) -> list[str]:
        """Let the platform do what is ordered, and be read back; return what it was."""
        outbox = PostgresOutbox(self.daemon.pool, "sender")
        obeyed: list[str] = []
        while commands := await outbox.claim(APPLICATION, self.now, 10, 60.0):
            for command in commands:
                match command.kind:
                    case CommandKind.BLOCK | CommandKind.LIMIT:
                        self.held_to.add(command.kind)
                    case CommandKind.UNBLOCK | CommandKind.UNLIMIT:
                        self.held_to.discard(command.kind.removeprefix("un"))
                obeyed.append(command.kind)
            await outbox.settle(commands, self.now)
        return obeyed

    async def stop(self) -> None:
        """Let it mail a bought list until it is stopped."""
        await self.send(20, bad=6)
        assert await self.state() == "stopped"
        await self.obey()
        assert not self.free

    async def round(self, prober: Prober, *, bad: int = 0) -> None:
        """Go through one round."""
        await prober()
        await self.obey()
        await prober()
        await self.send(10, bad=bad)
        await prober()
        await self.obey()
        await prober()
        self.later(self.rules.settle)

    async def state(self) -> str:
        return str((await self.daemon.row(grant="grant-1"))["state"])

    async def trail(self) -> list[tuple[str, str, str]]:
        """Return `(from, to, detector)` of every verdict about it."""
        rows = await self.daemon.pool.fetch("SELECT from_state, to_state, detector FROM verdicts ORDER BY id")
        return [tuple(row) for row in rows]

    async def probe(self) -> dict[str, Any] | None:
        """Return the row that is kept of its probe."""
        row = await self.daemon.pool.fetchrow("SELECT * FROM probes")
        return dict(row) if row else None

    async def can_limit(self) -> None:
        """Let the platform have what limits."""
        inventory = PostgresInventory(self.daemon.pool)
        for made in (Made.LIMIT_LIST, Made.LIMIT_RULE):
            await inventory.add(APPLICATION, InventoryItem(made, f"id of {made}", {}, NOW))


@asynccontextmanager
async def way_back(
    url: str, *, profile: Profile = SIMPLE, actuators: Sequence[Actuator] = (Actuator.BLOCK,)
) -> AsyncIterator[WayBack]:
    """Give an account in the mode enforce, whose detector is simple."""
    async with daemon(url, mode=Mode.ENFORCE, profile=profile, actuators=actuators) as one:
        yield WayBack(one, Mode.ENFORCE, actuators)
