from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from breaker.flows.adopt import Sweep
from breaker.flows.designs import LISTS, RULES, Made
from breaker.flows.set_up import SetUp
from breaker.flows.set_up_plan import Need
from breaker.flows.tear_down import TearDown
from breaker.simulator.options import SimulationOptions
from tests.guarded import LIMITING, NAMES, Guarded, guarded
from tests.simulated import APPLICATION, Simulated, simulated
from tests.simulator.client import Receiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from breaker.domain.platform.commands import Actuator
    from breaker.flows.fixtures import Names
    from breaker.ports import Platform, Rule


@dataclass
class Place:
    """An application with a webhook listener, to set up and tear down."""

    world: Simulated
    store: Guarded
    receiver: Receiver
    secrets: list[str] = field(default_factory=list)

    def set_up(
        self,
        platform: Platform | None = None,
        *,
        names: Names = NAMES,
        take_over: bool = False,
        url: str | None = "",
        actuators: Collection[Actuator] = LIMITING,
    ) -> SetUp:
        need = Need(
            application_id=APPLICATION,
            names=names,
            actuators=actuators,
            webhook_url=self.receiver.url if url == "" else url,
            secret_known=bool(self.secrets),
            take_over=take_over,
        )
        return SetUp(
            need=need,
            platform=platform or self.world.client,
            inventory=self.store.inventory,
            clock=self.store.clock,
            keep_secret=self.secrets.append,
        )

    def tear_down(self, *, names: Names = NAMES, quarantines: tuple[str, ...] = ()) -> TearDown:
        return TearDown(
            application_id=APPLICATION,
            names=names,
            platform=self.world.client,
            inventory=self.store.inventory,
            outbox=self.store.outbox(),
            adoption=self.store.adoption,
            clock=self.store.clock,
            quarantines=quarantines,
        )

    def sweep(self, *, quarantines: tuple[str, ...] = ()) -> Sweep:
        return Sweep(
            application_id=APPLICATION,
            names=NAMES,
            platform=self.world.client,
            inventory=self.store.inventory,
            adoption=self.store.adoption,
            clock=self.store.clock,
            quarantines=quarantines,
        )

    async def list_id(self, made: Made = Made.LIST) -> str:
        """Return one of Breaker's lists, by its name."""
        name = NAMES.of(LISTS[made])
        (found,) = [one.id for one in await self.world.client.lists() if one.name == name]
        return found

    async def rule(self, made: Made = Made.RULE) -> Rule:
        """Return one of Breaker's rules, by its name."""
        name = NAMES.of(RULES[made])
        (found,) = [one for one in await self.world.client.rules() if one.name == name]
        return found

    async def inventory(self) -> list[tuple[str, str]]:
        return [(item.kind, item.platform_id) for item in await self.store.inventory.items(APPLICATION)]


async def done(flow: SetUp | TearDown) -> list[str]:
    """Plan, carry out, and return the sentences of what was done."""
    if isinstance(flow, SetUp):
        return [step.sentence async for step in flow.carry_out(await flow.plan())]
    return [step.sentence async for step in flow.carry_out(await flow.plan())]


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    # A test does in a second what people do in an hour.
    unhurried = SimulationOptions(requests_per_second=1_000)
    async with simulated(unhurried) as world, guarded(database_url) as store, Receiver() as receiver:
        yield Place(world, store, receiver)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Guarded]:
    async with guarded(database_url) as opened:
        yield opened
