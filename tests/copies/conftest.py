"""Homes, their copies, and accounts that are stopped, on a real database and the simulated platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.in_copies import PostgresInCopies
from breaker.domain.circuits.circuit import Circuit, act
from breaker.domain.circuits.states import Cause, State, Wanted
from breaker.domain.platform.commands import Actuator, plan
from breaker.flows.designs import Made, block_rule_content
from breaker.flows.keep_copies import KeepCopies
from breaker.ports import PolicyContent
from breaker.simulator.options import SimulationOptions
from tests.guarded import BOTH, NAMES, Guarded, guarded
from tests.outbox.test_carry_out import finish
from tests.simulated import APPLICATION, Simulated, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.flows.carry_out import Sender
    from breaker.simulator.state.workspaces import Workspace


@dataclass(frozen=True)
class Homes:
    """The platform, and the database of a guarded application that is set up."""

    world: Simulated
    store: Guarded
    without: frozenset[Actuator] = frozenset()

    def sender(self) -> Sender:
        return self.store.sender(self.world.client)

    async def home(self, name: str, policy_id: str | None = None, *rules: str) -> Workspace:
        """Return a new workspace that Breaker's rules are attached to."""
        workspace = self.world.application.add_workspace(name)
        workspace.policy_id = policy_id
        workspace.rule_ids = [*rules, *self.world.application.workspaces.default.rule_ids]
        return workspace

    async def policy(self, days: int) -> str:
        """Return a policy that keeps mail for so many days."""
        content = PolicyContent({"limit_inbox_retention_period": days})
        return await self.world.client.policies().create(f"{days} days", content)

    async def rule(self, name: str) -> str:
        return (await self.world.client.create_rule(name, block_rule_content("x"))).id

    async def stop(self, address: str, home: Workspace, sender: Sender | None = None) -> int:
        """Stop an account, and return its number."""
        grant = self.world.application.add_grant(address, workspace_id=home.workspace_id)
        number = await self.store.know(grant.id, address)
        await self.act(number, Cause.TRIPPED, sender)
        return number

    async def act(self, number: int, cause: Cause, sender: Sender | None = None) -> None:
        await self.store.act(number, cause, BOTH - self.without)
        await finish(sender or self.sender(), self.store)

    async def round(self, number: int, wanted: Wanted, *, quota: int | None = 5) -> None:
        """Open or close a round of a probe, and let the platform be told."""
        now = self.store.clock.now()
        async with self.store.circuits.transaction() as locked:
            account, circuit, counters = (await locked.load([number]))[number]
            probing = Circuit(State.PROBING, now, circuit.epoch + 1, None, wanted)
            verdict = act(circuit, Cause.PROBED_BY_PERSON, now, "tester", "test") or act(
                circuit, Cause.TRIPPED, now, "tester", "test"
            )
            assert verdict is not None
            kinds = plan(wanted, BOTH - self.without, away=account.is_away, quota=wanted is Wanted.SENDING)
            verdict_id = await locked.record_verdict(account, verdict, {})
            await locked.save(account, probing, counters)
            await locked.order(account, probing.epoch, verdict_id, kinds, now)
        await finish(self.store.sender(self.world.client, quota=quota), self.store)

    async def keep(self) -> int:
        """Look after the copies once, and carry out what that orders."""
        keep = KeepCopies(
            application_id=APPLICATION,
            names=NAMES,
            platform=self.world.client,
            inventory=self.store.inventory,
            in_copies=PostgresInCopies(self.store.pool),
            circuits=self.store.circuits,
            actuators_of=lambda _account: BOTH - self.without,
            clock=self.store.clock,
            woken=lambda: None,
        )
        moved = await keep()
        await finish(self.sender(), self.store)
        return moved

    async def set_up(self) -> None:
        """Put Breaker's lists and rules on the platform."""
        await self.store.set_up(self.world.client)
        self.world.platform.journal.clear()

    def place(self, address: str) -> Workspace:
        """Return the workspace that an account is in."""
        grant = self.world.application.grants.by_address(address)
        assert grant is not None
        return self.world.application.workspaces.by_id(grant.workspace_id or "")

    def copies(self) -> dict[str, str | None]:
        """Return the copies by name, each with its policy."""
        return {
            one.name: one.policy_id for one in self.world.application.workspaces if NAMES.copied(one.name) is not None
        }

    async def remembered(self, made: Made = Made.WORKSPACE) -> dict[str, list[str]]:
        """Return the copies that the inventory knows, each with its homes."""
        items = await self.store.inventory.items(APPLICATION)
        return {item.platform_id: list(item.detail["homes"]) for item in items if item.kind == made}  # type: ignore[call-overload] # it is a list


@pytest.fixture
async def homes(database_url: str) -> AsyncIterator[Homes]:
    # A test does in a second what a daemon does in minutes.
    async with simulated(SimulationOptions(requests_per_second=1_000)) as world, guarded(database_url) as store:
        one = Homes(world, store)
        await one.set_up()
        yield one
