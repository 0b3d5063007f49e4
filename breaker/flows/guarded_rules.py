"""Whether Breaker's rules hold on the platform: read once, and asked for every workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.platform.commands import Actuator
from breaker.domain.platform.protection import Unprotected, first_reason
from breaker.flows.designs import LISTS, RULES, Made, lists_for, rules_for
from breaker.flows.fixtures import Fixtures

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from breaker.flows.designs import RuleDesign
    from breaker.flows.fixtures import Names
    from breaker.ports import Inventory, Platform, Rule, ValueList, Workspace

STOPPING = frozenset({Actuator.BLOCK, Actuator.QUARANTINE})
"""The actuators of which one has to be on, else nobody can be stopped."""


@dataclass(frozen=True, slots=True)
class GuardedRules:
    """Breaker's lists and rules as they are on the platform, and the workspaces.

    Args:
        names: What this installation's things are called.
        fixtures: What the inventory knows.
        lists: All lists.
        rules: All rules.
        workspaces: All workspaces.
    """

    names: Names
    fixtures: Fixtures
    lists: Sequence[ValueList]
    rules: Sequence[Rule]
    workspaces: Sequence[Workspace]

    @classmethod
    async def read(cls, platform: Platform, inventory: Inventory, application_id: str, names: Names) -> GuardedRules:
        """Read them.

        Raises:
            PlatformError: The platform could not be read.
            StoreError: The inventory could not be read.
        """
        fixtures = Fixtures.of(await inventory.items(application_id))
        return cls(names, fixtures, await platform.lists(), await platform.rules(), await platform.workspaces())

    def list_of(self, made: Made) -> ValueList | None:
        """Return one of Breaker's lists, by what the inventory knows, else by its name."""
        known = next((one for one in self.lists if one.id == self.fixtures.ids.get(made)), None)
        return known or next((one for one in self.lists if one.name == self.names.of(LISTS[made])), None)

    def rule_of(self, made: Made) -> Rule | None:
        """Return one of Breaker's rules, likewise."""
        known = next((one for one in self.rules if one.id == self.fixtures.ids.get(made)), None)
        return known or next((one for one in self.rules if one.name == self.names.of(RULES[made])), None)

    def list_ids(self) -> Mapping[Made, str]:
        """Return the ids of those of Breaker's lists that are there."""
        found = {made: self.list_of(made) for made in LISTS}
        return {made: one.id for made, one in found.items() if one is not None}

    def home_of(self, workspace: Workspace) -> str:
        """Return the workspace whose settings hold for one: of a copy that Breaker made, its home."""
        copy = self.fixtures.copies.get(workspace.id)
        known = copy.homes[0] if copy and copy.homes else None
        return known or self.names.home_of(workspace.name) or workspace.id

    def actuators_in(
        self, workspace: Workspace, actuators_of: Callable[[str], Collection[Actuator]]
    ) -> Collection[Actuator]:
        """Return the ways to stop that are on in a workspace; in a copy those of all homes that it is for."""
        copy = self.fixtures.copies.get(workspace.id)
        homes = copy.homes if copy and copy.homes else (self.home_of(workspace),)
        return frozenset(actuator for home in homes for actuator in actuators_of(home))

    def not_referred(self, design: RuleDesign, actuators: Collection[Actuator]) -> list[Made]:
        """Return the lists that are there, and that the rule should look up and does not."""
        rule, there = self.rule_of(design.made), self.list_ids()
        if rule is None:
            return []
        conditions = rule.content.conditions
        return [
            one.made
            for one in lists_for(design, actuators)
            if one.made in there
            and not any(
                (condition.field, condition.operator) == (design.lists[one.made], "in_list")
                and there[one.made] in condition.values
                for condition in conditions
            )
        ]

    def problem_of(self, design: RuleDesign, actuators: Collection[Actuator]) -> Unprotected | None:
        """Return what is wrong with a rule by itself, wherever it is attached."""
        there, rule = self.list_ids(), self.rule_of(design.made)
        if rule is None:
            return Unprotected.RULE_MISSING
        if any(one.made not in there for one in lists_for(design, actuators)):
            return Unprotected.LIST_MISSING
        if not rule.content.enabled:
            return Unprotected.RULE_DISABLED
        needed = {one.made: there[one.made] for one in lists_for(design, actuators)}
        # A list that some other workspace needs may stand in it or not; it changes nothing here.
        fits = any(design.is_met_by(rule.content, ids) for ids in (there, needed)) or self._more_than_needed(
            design, rule, needed
        )
        return None if fits else Unprotected.RULE_CHANGED

    def detached(self, workspace: Workspace, actuators: Collection[Actuator]) -> list[Made]:
        """Return the rules that are there, and that a workspace does not name and has to."""
        found = {design.made: self.rule_of(design.made) for design in rules_for(actuators)}
        return [made for made, rule in found.items() if rule is not None and rule.id not in workspace.rule_ids]

    def unprotected(self, workspace: Workspace, actuators: Collection[Actuator]) -> Unprotected | None:
        """Return why a stop of an account in a workspace would not stop it, or a limit not limit it."""
        if STOPPING.isdisjoint(actuators):
            return Unprotected.NO_ACTUATOR
        detached = self.detached(workspace, actuators)
        return first_reason(
            [
                self.problem_of(design, actuators) or (Unprotected.RULE_DETACHED if design.made in detached else None)
                for design in rules_for(frozenset(actuators) - {Actuator.SUPPRESS})
            ]
        )

    @staticmethod
    def _more_than_needed(design: RuleDesign, rule: Rule, needed: Mapping[Made, str]) -> bool:
        """Tell whether a rule that matches any of its conditions has those that are needed among others."""
        content, wanted = rule.content, design.content(needed)
        return (
            design.match == content.match == "any"
            and (content.trigger, content.actions) == (wanted.trigger, wanted.actions)
            and frozenset(wanted.conditions) <= frozenset(content.conditions)
        )
