"""A canary on the simulated platform, with what carries out orders and what drills it, in one process."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from breaker.adapters.postgres.drills import PostgresDrills
from breaker.domain.platform.commands import Actuator
from breaker.flows.drill import LEASE, ConductDrill, DrillLimits
from breaker.flows.drill_canary import HoldCanary
from breaker.flows.drill_mail import TrySending
from breaker.flows.find_scope import FindScope
from breaker.flows.lease import Lease
from breaker.simulator.options import RuleScope, SimulationOptions
from tests.guarded import NAMES, SIZES, Guarded, guarded
from tests.simulated import APPLICATION, Simulated, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.domain.drill import Drill, Step, StepResult
    from breaker.simulator.state.grants import Grant

ADDRESS = "canary@x.example"
RECIPIENT = "somebody@recipients.example.org"
QUICK = DrillLimits(read_back=2.0, refusal=0.2, event=0.0)


@dataclass
class Rehearsal:
    """A canary and all that a drill of it needs.

    Attributes:
        told: The steps as they were told.
    """

    world: Simulated
    store: Guarded
    grant: Grant
    number: int
    actuators: frozenset[Actuator] = frozenset({Actuator.BLOCK})
    told: list[StepResult] = field(default_factory=list)
    senders: list[asyncio.Task[None]] = field(default_factory=list)
    _steps: asyncio.Queue[StepResult] = field(default_factory=asyncio.Queue)

    @property
    def drills(self) -> PostgresDrills:
        return PostgresDrills(self.store.pool, SIZES)

    def conductor(self, holder: str = "breaker drill", drills: PostgresDrills | None = None) -> ConductDrill:
        """Return what drills, as one process."""
        drills = drills or self.drills
        scope = FindScope(
            application_id=APPLICATION,
            platform=self.world.client,
            inventory=self.store.inventory,
            names=NAMES,
            clock=self.store.clock,
        )
        return ConductDrill(
            application_id=APPLICATION,
            drills=drills,
            canary=HoldCanary(
                drills=drills,
                actuators_of=lambda _account: self.actuators,
                clock=self.store.clock,
                ordered=lambda: None,
                nobody=self._nobody,
            ),
            find_scope=scope,
            mail=TrySending(
                send_path=self.world.client.send_path(), platform=self.world.client, clock=self.store.clock
            ),
            lease=Lease(self.store.leases, f"drill:{APPLICATION}", holder, LEASE),
            clock=self.store.clock,
            told=self._tell,
        )

    async def drill(self, limits: DrillLimits = QUICK, *, scope: bool = False) -> Drill:
        """Drill once."""
        account = await self.store.account(self.number)
        return await self.conductor()(account, RECIPIENT, limits, by="ada", nightly=False, scope=scope)

    async def over(self, step: Step) -> None:
        """Return once a step is over."""
        async with asyncio.timeout(30):
            while (await self._steps.get()).step is not step:
                pass

    async def _nobody(self) -> str | None:
        return None

    def _tell(self, _drill: Drill, step: StepResult) -> None:
        self.told.append(step)
        self._steps.put_nowait(step)

    def start_sender(self) -> None:
        """Let what is ordered be carried out, as a daemon does."""
        self.senders.append(asyncio.create_task(self.store.sender(self.world.client).run()))

    async def stop_senders(self) -> None:
        """Let nothing be carried out any more."""
        for task in self.senders:
            task.cancel()
        for task in self.senders:
            with suppress(asyncio.CancelledError):
                await task
        self.senders.clear()

    async def standing(self) -> tuple[str, str | None]:
        """Return the canary's state, and what the platform was read back for."""
        return await self.store.standing(self.number)

    async def trail(self) -> list[tuple[str, str, str, str]]:
        """Return `(from, to, author, why)` of every verdict about the canary."""
        rows = await self.store.pool.fetch("SELECT from_state, to_state, author, why FROM verdicts ORDER BY id")
        return [tuple(row) for row in rows]

    async def rows(self) -> list[dict[str, Any]]:
        """Return what is kept of every drill."""
        return [dict(row) for row in await self.store.pool.fetch("SELECT * FROM drills ORDER BY drill")]

    def sends(self) -> list[int]:
        """Return how the platform answered every send, in their order."""
        return [call.status for call in self.world.platform.journal if call.path.endswith("/messages/send")]

    def blocked(self) -> list[str]:
        """Return who is in the list that stops."""
        [listed] = [one for one in self.world.application.lists if one.name == NAMES.block_list]
        return list(listed.items)

    def rules(self) -> list[str]:
        """Return the names of all rules."""
        return sorted(rule.name for rule in self.world.application.rules)


@asynccontextmanager
async def rehearsal(url: str, *, scope: RuleScope = RuleScope.WORKSPACE) -> AsyncIterator[Rehearsal]:
    """Set up Breaker's lists and rules, and a canary that sends."""
    options = SimulationOptions(rule_scope=scope, requests_per_second=1_000)
    async with simulated(options) as world, guarded(url) as store:
        await store.set_up(world.client)
        grant = world.application.add_grant(ADDRESS)
        made = Rehearsal(world, store, grant, await store.know(grant.id, grant.email))
        made.start_sender()
        try:
            yield made
        finally:
            await made.stop_senders()
