"""Rules: conditions and actions, for mail that comes in or goes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from breaker.simulator.errors import ErrorFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.simulator.state.base import Json, Surroundings

_ERRORS = ErrorFamily.RESOURCE

Trigger = Literal["inbound", "outbound"]
Field = Literal[
    "from.address",
    "from.domain",
    "from.tld",
    "recipient.address",
    "recipient.domain",
    "recipient.tld",
    "outbound.type",
]
Operator = Literal["is", "is_not", "contains", "in_list"]
ActionType = Literal["block", "mark_as_spam", "assign_to_folder", "mark_as_read", "mark_as_starred", "archive", "trash"]
Priority = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class Condition(msgspec.Struct):
    """One condition; for `in_list` the value is an array of list ids."""

    field: Field
    operator: Operator
    value: str | list[str]


class Match(msgspec.Struct):
    """The conditions of a rule and how they are combined."""

    conditions: Annotated[list[Condition], msgspec.Meta(min_length=1)]
    operator: Literal["any", "all"] = "all"


class Action(msgspec.Struct, omit_defaults=True):
    """What a rule does; `value` names a folder."""

    type: ActionType
    value: str | None = None


Actions = Annotated[list[Action], msgspec.Meta(min_length=1)]


class RuleCreation(msgspec.Struct):
    """The body that creates a rule."""

    name: str
    match: Match
    actions: Actions
    description: str | None = None
    priority: Priority = 10
    enabled: bool = True
    trigger: Trigger = "inbound"


class RuleChange(msgspec.Struct):
    """The body that changes a rule: what is omitted stays."""

    name: str | None = None
    match: Match | None = None
    actions: Actions | None = None
    description: str | None = None
    priority: Priority | None = None
    enabled: bool | None = None
    trigger: Trigger | None = None


@dataclass(slots=True)
class Rule:
    """A rule of the application; which workspaces it is attached to, the workspaces say."""

    id: str
    sequence: int
    name: str
    description: str | None
    priority: int
    enabled: bool
    trigger: Trigger
    match: Match
    actions: list[Action]
    created_at: int
    updated_at: int

    @property
    def blocks(self) -> bool:
        """Whether it blocks what it matches."""
        return any(action.type == "block" for action in self.actions)


class Rules:
    """The rules of one application."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._by_id: dict[str, Rule] = {}

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._by_id.values())

    def __contains__(self, rule_id: str) -> bool:
        return rule_id in self._by_id

    def create(self, body: RuleCreation) -> Rule:
        """Create a rule.

        Raises:
            ApiError: 400, if it is not valid or the plan has no room for another one.
        """
        if not body.name.strip():
            raise _ERRORS.bad_request("name is required")
        _check(body.trigger, body.match, body.actions)
        limit = self._surroundings.options.plan.rules
        if len(self._by_id) >= limit:
            raise _ERRORS.bad_request(f"rule limit reached: the plan allows {limit} rules")
        now = self._surroundings.now()
        rule = Rule(
            id=self._surroundings.identifiers.unique(),
            sequence=self._surroundings.next_sequence(),
            name=body.name,
            description=body.description,
            priority=body.priority,
            enabled=body.enabled,
            trigger=body.trigger,
            match=_normalized(body.match),
            actions=body.actions,
            created_at=now,
            updated_at=now,
        )
        self._by_id[rule.id] = rule
        return rule

    def get(self, rule_id: str) -> Rule:
        """Return a rule.

        Raises:
            ApiError: Not found.
        """
        rule = self._by_id.get(rule_id)
        if rule is None:
            raise _ERRORS.not_found("rule")
        return rule

    def change(self, rule_id: str, body: RuleChange) -> Rule:
        """Change what the body names.

        Raises:
            ApiError: 400 or not found, with nothing changed.
        """
        rule = self.get(rule_id)
        trigger, match, actions = body.trigger or rule.trigger, body.match or rule.match, body.actions or rule.actions
        _check(trigger, match, actions)
        rule.trigger, rule.match, rule.actions = trigger, _normalized(match), actions
        rule.name = body.name or rule.name
        rule.description = body.description if body.description is not None else rule.description
        rule.priority = body.priority if body.priority is not None else rule.priority
        rule.enabled = body.enabled if body.enabled is not None else rule.enabled
        rule.updated_at = self._surroundings.now()
        return rule

    def remove(self, rule_id: str) -> None:
        """Remove a rule.

        Raises:
            ApiError: Not found.
        """
        del self._by_id[self.get(rule_id).id]

    def as_json(self, rule: Rule) -> Json:
        """Return a rule as the platform shows it (SPEC RuleObject)."""
        shown: Json = {
            "id": rule.id,
            "name": rule.name,
            "priority": rule.priority,
            "enabled": rule.enabled,
            "trigger": rule.trigger,
            "match": msgspec.to_builtins(rule.match),
            "actions": msgspec.to_builtins(rule.actions),
            "application_id": self._surroundings.application_id,
            "organization_id": self._surroundings.organization_id,
            "created_at": rule.created_at,
            "updated_at": rule.updated_at,
        }
        if rule.description is not None:
            shown["description"] = rule.description
        return shown


def _check(trigger: Trigger, match: Match, actions: list[Action]) -> None:
    if len(actions) > 1 and any(action.type == "block" for action in actions):
        raise _ERRORS.bad_request("the block action cannot be combined with other actions")
    if any(action.type == "assign_to_folder" and not action.value for action in actions):
        raise _ERRORS.bad_request("assign_to_folder requires a value")
    for condition in match.conditions:
        if trigger == "inbound" and not condition.field.startswith("from."):
            raise _ERRORS.bad_request(f"inbound rules do not support the field {condition.field}")
        if (condition.operator == "in_list") != isinstance(condition.value, list):
            raise _ERRORS.bad_request("in_list takes an array of list ids, the other operators take a string")
        if condition.field == "outbound.type" and (
            condition.operator not in {"is", "is_not"} or str(condition.value).lower() not in {"compose", "reply"}
        ):
            raise _ERRORS.bad_request("outbound.type supports only is and is_not with compose or reply")


def _normalized(match: Match) -> Match:
    for condition in match.conditions:
        if condition.field == "outbound.type" and isinstance(condition.value, str):
            condition.value = condition.value.lower()
    return match
