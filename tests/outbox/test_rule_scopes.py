"""In either reading of where rules hold, nobody is refused who is not stopped, limited, or of a stopped domain."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.clock import SystemClock
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.transport import Transport
from breaker.app import wire_operations
from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.flows.designs import LISTS, RULES, Made
from breaker.ports import InventoryItem
from breaker.simulator.errors import ApiError
from breaker.simulator.options import RuleScope, SimulationOptions
from tests.fleet import settings_of
from tests.guarded import NAMES
from tests.outbox.test_carry_out import finish
from tests.simulated import APPLICATION, KEY, simulated

if TYPE_CHECKING:
    from pathlib import Path

    from breaker.app import Operations
    from breaker.simulator.state.grants import Grant
    from tests.guarded import Guarded
    from tests.simulated import Simulated

LISTS_ONLY, MOVED = "block,limit,block_domain", "block,limit,block_domain,quarantine"
DOMAINS = ("x.example", "y.example")
WORKSPACES = 3
SOMEBODY = ["someone@recipients.example.org"]


@dataclass
class Held:
    """What was wanted, as a person would keep it in mind.

    Attributes:
        stopped: Addresses.
        limited: Addresses.
        domains: Sending domains.
    """

    stopped: set[str] = field(default_factory=set)
    limited: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)

    def refuses(self, address: str, *, reply: bool) -> bool:
        stopped = address in self.stopped or address.partition("@")[2] in self.domains
        return stopped or (address in self.limited and not reply)


@dataclass
class Fleet:
    """Accounts of two domains in three workspaces, and who was refused though nobody wanted it."""

    world: Simulated
    grants: list[Grant]
    held: Held = field(default_factory=Held)
    going_to_be: Held = field(default_factory=Held)
    wronged: list[str] = field(default_factory=list)
    looks: int = 0

    def refused(self, grant: Grant, *, reply: bool) -> bool:
        try:
            self.world.application.send(grant.id, SOMEBODY, reply=reply)
        except ApiError:
            return True
        return False

    def look(self, _status: str = "") -> None:
        """Let all send that are outside of every stop, those that begin and those that end included."""
        self.looks += 1
        for grant in self.grants:
            for reply in (False, True):
                outside = not any(one.refuses(grant.email, reply=reply) for one in (self.held, self.going_to_be))
                if outside and self.refused(grant, reply=reply):
                    self.wronged.append(grant.email)


async def _set_up(store: Guarded, world: Simulated, *, everywhere: bool) -> None:
    """Make all lists and rules, attached everywhere or in the default workspace alone."""
    now = store.clock.now()
    ids: dict[Made, str] = {}
    for made, design in LISTS.items():
        ids[made] = (await world.client.create_list(NAMES.of(design), design.type)).id
    for made, rule in RULES.items():
        ids[made] = (await world.client.create_rule(NAMES.of(rule), rule.content(ids))).id
    for made, number in ids.items():
        await store.inventory.add(APPLICATION, InventoryItem(made, number, {}, now))
    rules = [ids[made] for made in RULES]
    for workspace in await world.client.workspaces():
        if everywhere or workspace.default:
            await world.client.attach_rules(workspace.id, rules)
            await store.inventory.add(APPLICATION, InventoryItem(Made.ATTACHMENT, workspace.id, {"rules": rules}, now))


async def _act(operations: Operations, kind: ActKind, whom: str, *, only_domain: bool = False) -> None:
    act = Act(kind, "test", "tester", only_domain=only_domain)
    await operations.operator.carry_out(act, [parse_selector(whom)])


async def _next(fleet: Fleet, operations: Operations, chance: random.Random) -> None:
    """Let a person stop, limit or let go somebody, or a domain."""
    wanted, whom = fleet.going_to_be, chance.choice(fleet.grants).email
    match chance.choice(("stop", "limit", "domain", "reset", "release domain")):
        case "stop":
            wanted.stopped.add(whom)
            await _act(operations, ActKind.TRIP, whom)
        case "limit" if whom not in wanted.stopped:
            wanted.limited.add(whom)
            await _act(operations, ActKind.LIMIT, whom)
        case "domain":
            wanted.domains.add(DOMAINS[1])
            await _act(operations, ActKind.TRIP, f"domain:{DOMAINS[1]}", only_domain=True)
        case "release domain":
            wanted.domains.discard(DOMAINS[1])
            await _act(operations, ActKind.RESET, f"domain:{DOMAINS[1]}", only_domain=True)
        case _:
            wanted.stopped.discard(whom)
            wanted.limited.discard(whom)
            await _act(operations, ActKind.RESET, whom)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("everywhere", [True, False], ids=["attached everywhere", "attached in one workspace"])
@pytest.mark.parametrize("actuators", [LISTS_ONLY, MOVED])
@pytest.mark.parametrize("scope", list(RuleScope))
async def test_nobody_outside_a_stop_is_ever_refused(  # noqa: PLR0913 - what varies
    store: Guarded, tmp_path: Path, scope: RuleScope, actuators: str, seed: int, *, everywhere: bool
) -> None:
    mode = "enforce" if seed % 2 else "observe"
    operations = wire_operations(settings_of(tmp_path, actuators=actuators, mode=mode), store.pool, store.clock)
    async with simulated(SimulationOptions(rule_scope=scope, requests_per_second=1_000)) as world:
        homes = [world.application.workspaces.default] + [world.application.add_workspace(f"Team {n}") for n in (1, 2)]
        await _set_up(store, world, everywhere=everywhere)
        fleet = Fleet(world, [])
        for number in range(WORKSPACES * len(DOMAINS) * 2):
            address = f"agent-{number}@{DOMAINS[number % 2]}"
            grant = world.application.add_grant(address, workspace_id=homes[number % WORKSPACES].workspace_id)
            key = await store.know(grant.id, address)
            await store.outbox().note_placement(key, grant.workspace_id, None)
            fleet.grants.append(grant)
        clock = SystemClock()
        transport = Transport(world.session, world.url, KEY, Budget(clock, 1_000.0), clock, observe=fleet.look)
        sender = store.sender(NylasPlatform(transport))
        chance = random.Random(seed)

        for act in (f"agent-0@{DOMAINS[0]}", *[None] * 8):
            if act:  # one stopped, one limited and one whole domain to begin with
                fleet.going_to_be = Held({act}, {f"agent-2@{DOMAINS[0]}"}, {DOMAINS[1]})
                await _act(operations, ActKind.TRIP, act)
                await _act(operations, ActKind.LIMIT, f"agent-2@{DOMAINS[0]}")
                await _act(operations, ActKind.TRIP, f"domain:{DOMAINS[1]}", only_domain=True)
            else:
                await _next(fleet, operations, chance)
            await finish(sender, store)
            going = fleet.going_to_be
            fleet.held = Held(set(going.stopped), set(going.limited), set(going.domains))
            fleet.look()
            for grant in fleet.grants if everywhere else ():
                seen = [fleet.refused(grant, reply=reply) for reply in (False, True)]
                assert seen == [fleet.held.refuses(grant.email, reply=reply) for reply in (False, True)], grant.email

    assert fleet.wronged == []
    assert fleet.looks > 30
