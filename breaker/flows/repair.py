"""Repair: what somebody else changed of Breaker's rules on the platform is put right, where Breaker may act.

A rule that was disabled or changed is mended, a workspace that does not name the rules is given them beside its own.
Who may only observe reports. Whatever is told, is told once, until it is over. After three repairs of one object within
an hour somebody else insists: Breaker yields, and pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from breaker.flows.designs import RULES, Made, rules_for
from breaker.ports import InventoryItem, Rule, Urgency

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator

    from breaker.domain.platform.commands import Actuator
    from breaker.flows.guarded_rules import GuardedRules
    from breaker.flows.lease import Lease
    from breaker.ports import Clock, Inventory, Platform, Workspace

MOST = 3
"""Repairs of one object within `SPAN`; the next one is left to people."""

SPAN = 3_600.0
"""Seconds."""


class Drift(StrEnum):
    """What somebody else changed."""

    LIST_MISSING = "list_missing"
    RULE_MISSING = "rule_missing"
    RULE_DISABLED = "rule_disabled"
    RULE_CHANGED = "rule_changed"
    RULE_DETACHED = "rule_detached"
    NEW_WORKSPACE = "new_workspace"


class Outcome(StrEnum):
    """What was done about it."""

    REPORTED = "reported"
    """Nothing: Breaker only observes there, is on hold, or can't repair it by itself."""
    REPAIRED = "repaired"
    YIELDED = "yielded"
    """Nothing any more: it was repaired three times within the hour."""


@dataclass(frozen=True, slots=True)
class Drifted:
    """One thing that somebody else changed.

    Args:
        kind: What.
        of: The object: `rule:<which>` or `workspace:<id>`.
        name: What people call it.
        workspace: The workspace, or None for what concerns all.
    """

    kind: Drift
    of: str
    name: str
    workspace: Workspace | None = None


class Repairs(Protocol):
    """What was repaired, shared by all daemons."""

    async def since(self, application_id: str, of: str, since: float) -> int:
        """Return how often something was repaired since a moment."""
        ...

    async def add(self, application_id: str, kind: str, of: str, now: float) -> None:
        """Remember that something is being repaired."""
        ...


class Told(Protocol):
    """Who is told."""

    def drifted(self, application_id: str, drifted: Drifted, outcome: Outcome) -> None:
        """Somebody else changed something, and this was done about it."""
        ...


@dataclass(slots=True, kw_only=True)
class Repair:
    """Repairs one application.

    Args:
        application_id: The application.
        platform: The application on the platform.
        inventory: Where what is attached is remembered.
        repairs: What was repaired.
        may_act: Tells whether Breaker may act in a workspace; of None: anywhere.
        actuators_of: The ways to stop that are on for a workspace.
        lease: Lets one daemon at a time repair.
        clock: The time.
        told: Who is told.
    """

    application_id: str
    platform: Platform
    inventory: Inventory
    repairs: Repairs
    may_act: Callable[[str | None], Awaitable[bool]]
    actuators_of: Callable[[str | None], Collection[Actuator]]
    lease: Lease
    clock: Clock
    told: Told
    _told: dict[tuple[str, Drift], Outcome] = field(init=False, default_factory=dict)

    async def __call__(self, read: GuardedRules) -> bool:
        """Repair what was read to be changed; tell whether anything was.

        Raises:
            PlatformError: Something could not be repaired; it is tried again.
            StoreError: The database can't be used now.
        """
        if not read.fixtures.ids.keys() & RULES.keys() or not await self.lease.ensure():
            return False  # nothing was set up, or it was taken back; or another daemon sees to it
        found = list(self._drifted(read))
        self._told = {
            key: outcome for key, outcome in self._told.items() if key in {(one.of, one.kind) for one in found}
        }
        repaired = False
        for one in found:
            outcome = await self._outcome(one)
            if outcome is Outcome.REPAIRED:
                await self.repairs.add(self.application_id, one.kind, one.of, self.clock.now())
                await self._repair(read, one)
                repaired = True
            if outcome is Outcome.REPAIRED or self._told.get((one.of, one.kind)) is not outcome:
                self._told[one.of, one.kind] = outcome
                self.told.drifted(self.application_id, one, outcome)
        return repaired

    def _drifted(self, read: GuardedRules) -> Iterator[Drifted]:
        on = {one.id: read.actuators_in(one, self.actuators_of) for one in read.workspaces}
        anywhere = frozenset(actuator for actuators in on.values() for actuator in actuators)
        for design in rules_for(anywhere):
            if design.made not in read.fixtures.ids:
                continue  # an actuator that was switched on since: people run `breaker setup` for it
            problem = read.problem_of(design, anywhere)
            if problem is not None:
                yield Drifted(Drift(problem.value), f"rule:{design.made}", read.names.of(design))
        for workspace in read.workspaces:
            if read.detached(workspace, on[workspace.id]):
                known = workspace.id in read.fixtures.attached or workspace.id in read.fixtures.copies
                kind = Drift.RULE_DETACHED if known else Drift.NEW_WORKSPACE
                yield Drifted(kind, f"workspace:{workspace.id}", workspace.name, workspace)

    async def _outcome(self, drifted: Drifted) -> Outcome:
        where = None if drifted.workspace is None else drifted.workspace.id
        if drifted.kind in {Drift.LIST_MISSING, Drift.RULE_MISSING} or not await self.may_act(where):
            return Outcome.REPORTED
        done = await self.repairs.since(self.application_id, drifted.of, self.clock.now() - SPAN)
        return Outcome.REPAIRED if done < MOST else Outcome.YIELDED

    async def _repair(self, read: GuardedRules, drifted: Drifted) -> None:
        platform = self.platform.at(Urgency.RESET)
        if drifted.workspace is None:
            made = Made(drifted.of.removeprefix("rule:"))
            rule = read.rule_of(made)
            if rule is not None:
                await platform.change_rule(Rule(rule.id, rule.name, RULES[made].content(read.list_ids())))
            return
        there = [one.id for made in RULES if (one := read.rule_of(made)) is not None]
        await platform.attach_rules(drifted.workspace.id, there)
        if read.home_of(drifted.workspace) == drifted.workspace.id:
            detail: dict[str, object] = {"name": drifted.workspace.name, "rules": there}
            item = InventoryItem(Made.ATTACHMENT, drifted.workspace.id, detail, self.clock.now())
            await self.inventory.add(self.application_id, item)
