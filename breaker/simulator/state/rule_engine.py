"""Which outbound rules match a send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.simulator.options import RuleScope
from breaker.simulator.state.outbound import Decision, OutboundInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breaker.simulator.state.lists import Lists
    from breaker.simulator.state.rules import Condition, Rule, Rules
    from breaker.simulator.state.workspaces import Workspace


def decide(
    scope: RuleScope, rules: Rules, workspace: Workspace | None, lists: Lists, outbound: OutboundInput
) -> Decision:
    """Run the enabled outbound rules in scope, in the order of priority; the first that blocks ends it."""
    candidates = sorted(_in_scope(scope, rules, workspace), key=lambda rule: (rule.priority, rule.sequence))
    matched: list[str] = []
    for rule in candidates:
        if _matches(rule, lists, outbound):
            matched.append(rule.id)
            if rule.blocks:
                return Decision(ran=True, matched=tuple(matched), blocked=True)
    return Decision(ran=bool(candidates), matched=tuple(matched), blocked=False)


def _in_scope(scope: RuleScope, rules: Rules, workspace: Workspace | None) -> Iterable[Rule]:
    match scope:
        case RuleScope.APPLICATION:
            found: Iterable[Rule] = rules
        case RuleScope.WORKSPACE:
            attached = workspace.rule_ids if workspace is not None else []
            found = (rules.get(rule_id) for rule_id in attached if rule_id in rules)
    return (rule for rule in found if rule.enabled and rule.trigger == "outbound")


def _matches(rule: Rule, lists: Lists, outbound: OutboundInput) -> bool:
    combine = any if rule.match.operator == "any" else all
    return combine(_holds(condition, lists, outbound) for condition in rule.match.conditions)


def _holds(condition: Condition, lists: Lists, outbound: OutboundInput) -> bool:
    """A `recipient.*` condition holds if any recipient meets it, `is_not` only if none is the value (SPEC)."""
    values = outbound.values(condition.field)
    if isinstance(condition.value, list):
        list_type = condition.field.rpartition(".")[2]
        return any(lists.holds(list_id, list_type, value) for list_id in condition.value for value in values)
    wanted = condition.value.lower()
    match condition.operator:
        case "is_not":
            return wanted not in values
        case "contains":
            return any(wanted in value for value in values)
        case _:
            return wanted in values
