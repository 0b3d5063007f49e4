"""The platform's JSON, and what it is in Breaker's words.

The shapes follow the platform's OpenAPI file; where its sources disagree (`GET /v3/rules` is flat there, and nested in
what the Ruby and Node libraries unwrap), both are read. What Breaker has no use for is not declared, and passes.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from breaker.ports import Condition, Evaluation, Grant, Rule, RuleContent, ValueList, Webhook, Workspace

Record = TypeVar("Record")


class Answer(msgspec.Struct, Generic[Record]):
    """An answer with one thing in it."""

    data: Record


class _Nested(msgspec.Struct, Generic[Record]):
    items: list[Record] | None = None
    next_cursor: str | None = None


class Page(msgspec.Struct, Generic[Record]):
    """A page of an answer that is read by token, in either envelope."""

    data: list[Record] | _Nested[Record] | None = None
    next_cursor: str | None = None

    @property
    def records(self) -> list[Record]:
        """What is on it; nothing on the last one."""
        return (self.data.items if isinstance(self.data, _Nested) else self.data) or []

    @property
    def token(self) -> str | None:
        """What the next page is asked for with, or None."""
        return (self.data.next_cursor if isinstance(self.data, _Nested) else None) or self.next_cursor


class ApplicationRecord(msgspec.Struct):
    """An application."""

    application_id: str


class GrantRecord(msgspec.Struct):
    """A grant."""

    id: str
    provider: str = ""
    email: str | None = None
    grant_status: str | None = None
    workspace_id: str | None = None

    def value(self) -> Grant:
        """Return it in Breaker's words."""
        address = (self.email or "").strip().lower() or None
        return Grant(self.id, address, self.provider, self.workspace_id or None, self.grant_status != "invalid")


class WorkspaceRecord(msgspec.Struct):
    """A workspace."""

    workspace_id: str
    application_id: str | None = None
    name: str = ""
    default: bool = False
    domain: str | None = None
    auto_group: bool = False
    policy_id: str | None = None
    rule_ids: list[str] | None = None

    def value(self) -> Workspace:
        """Return it in Breaker's words."""
        return Workspace(
            id=self.workspace_id,
            name=self.name,
            default=self.default,
            domain=self.domain or None,
            auto_group=self.auto_group,
            policy_id=self.policy_id or None,
            rule_ids=tuple(self.rule_ids or ()),
        )


class ListRecord(msgspec.Struct):
    """A list."""

    id: str
    name: str
    type: str
    items_count: int = 0

    def value(self) -> ValueList:
        """Return it in Breaker's words."""
        return ValueList(self.id, self.name, self.type, self.items_count)


class ItemRecord(msgspec.Struct):
    """A value of a list."""

    value: str


class ConditionRecord(msgspec.Struct):
    """A condition; its value is an array for `in_list` only."""

    field: str
    operator: str
    value: str | list[str] = ""

    @classmethod
    def of(cls, condition: Condition) -> ConditionRecord:
        """Return a condition as the platform writes it."""
        values = list(condition.values)
        return cls(condition.field, condition.operator, values if condition.operator == "in_list" else values[0])


class MatchRecord(msgspec.Struct):
    """What a rule matches."""

    conditions: list[ConditionRecord] = []
    operator: str = "all"


class ActionRecord(msgspec.Struct):
    """What a rule does."""

    type: str


class RuleRecord(msgspec.Struct):
    """A rule."""

    id: str
    name: str = ""
    trigger: str = "inbound"
    match: MatchRecord = msgspec.field(default_factory=MatchRecord)
    actions: list[ActionRecord] = []
    priority: int = 10
    enabled: bool = True

    def value(self) -> Rule:
        """Return it in Breaker's words."""
        conditions = (
            Condition(one.field, one.operator, tuple(one.value) if isinstance(one.value, list) else (one.value,))
            for one in self.match.conditions
        )
        content = RuleContent(
            trigger=self.trigger,
            conditions=tuple(conditions),
            actions=tuple(one.type for one in self.actions),
            match=self.match.operator,
            priority=self.priority,
            enabled=self.enabled,
        )
        return Rule(self.id, self.name, content)


class RuleBody(msgspec.Struct):
    """What makes or changes a rule."""

    name: str
    trigger: str
    match: MatchRecord
    actions: list[ActionRecord]
    priority: int
    enabled: bool

    @classmethod
    def of(cls, name: str, content: RuleContent) -> RuleBody:
        """Return a rule's content as the platform writes it."""
        return cls(
            name=name,
            trigger=content.trigger,
            match=MatchRecord([ConditionRecord.of(one) for one in content.conditions], content.match),
            actions=[ActionRecord(action) for action in content.actions],
            priority=content.priority,
            enabled=content.enabled,
        )


class _Applied(msgspec.Struct):
    blocked: bool = False
    blocked_by_evaluation_error: bool = False


class EvaluationRecord(msgspec.Struct):
    """A receipt of a run of the rules."""

    id: str
    message_id: str | None = None
    evaluated_at: float = 0.0
    evaluation_stage: str = ""
    applied_actions: _Applied | None = None
    matched_rule_ids: list[str] | None = None

    def value(self) -> Evaluation:
        """Return it in Breaker's words."""
        applied = self.applied_actions or _Applied()
        return Evaluation(
            id=self.id,
            message_id=self.message_id or None,
            evaluated_at=self.evaluated_at,
            stage=self.evaluation_stage,
            blocked=applied.blocked,
            failed=applied.blocked_by_evaluation_error,
            rule_ids=tuple(self.matched_rule_ids or ()),
        )


class SendEventRecord(msgspec.Struct):
    """What happened to a message for one recipient, as far as the watch over the feed needs it."""

    id: str
    event_type: str
    timestamp: float


class WebhookRecord(msgspec.Struct):
    """A webhook destination."""

    id: str
    webhook_url: str = ""
    trigger_types: list[str] = []
    status: str = "active"
    description: str | None = None
    compressed_delivery: bool = False
    webhook_secret: str | None = None
    status_updated_at: float | str | None = None

    def value(self) -> Webhook:
        """Return it in Breaker's words."""
        return Webhook(
            id=self.id,
            url=self.webhook_url,
            triggers=frozenset(self.trigger_types),
            status=self.status,
            description=self.description or "",
            compressed=self.compressed_delivery,
            secret=self.webhook_secret or None,
            status_at=self.status_updated_at if isinstance(self.status_updated_at, float) else None,
        )
