"""Policies: limits and spam settings that a workspace carries; answered with their effective values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec

from breaker.simulator.errors import ErrorFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.simulator.options import Plan
    from breaker.simulator.state.base import Json, Surroundings

_ERRORS = ErrorFamily.RESOURCE
_UNLIMITED = -1
_MEGABYTE = 1024 * 1024
_DAY_LIMIT = "limit_count_daily_email_sent"

Limit = int | list[str]


class SpamDetection(msgspec.Struct, omit_defaults=False):
    """The spam settings of a policy."""

    use_list_dnsbl: bool = False
    use_header_anomaly_detection: bool = False
    spam_sensitivity: Annotated[float, msgspec.Meta(ge=0.1, le=5.0)] = 1.0


class SpamDetectionChange(msgspec.Struct, omit_defaults=True):
    """Spam settings as a request has them: what is omitted stays."""

    use_list_dnsbl: bool | None = None
    use_header_anomaly_detection: bool | None = None
    spam_sensitivity: Annotated[float, msgspec.Meta(ge=0.1, le=5.0)] | None = None


class PolicyBody(msgspec.Struct):
    """The body that creates or changes a policy."""

    name: str | None = None
    limits: dict[str, Limit | None] = msgspec.field(default_factory=dict)
    rules: list[str] | None = None
    spam_detection: SpamDetectionChange = msgspec.field(default_factory=SpamDetectionChange)
    options: dict[str, object] | None = None


@dataclass(slots=True)
class Policy:
    """A policy; `asked` holds only the limits that were asked for, the others are the plan's."""

    id: str
    sequence: int
    name: str
    created_at: int
    updated_at: int
    asked: dict[str, Limit] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    spam_detection: SpamDetection = field(default_factory=SpamDetection)


class Policies:
    """The policies of one application."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._by_id: dict[str, Policy] = {}
        self._maximums = _plan_maximums(surroundings.options.plan)

    def __iter__(self) -> Iterator[Policy]:
        return iter(self._by_id.values())

    def __contains__(self, policy_id: str) -> bool:
        return policy_id in self._by_id

    def create(self, body: PolicyBody) -> Policy:
        """Create a policy.

        Raises:
            ApiError: 400, with the reason.
        """
        if not body.name or not body.name.strip():
            raise _ERRORS.bad_request("name is required")
        now = self._surroundings.now()
        policy = Policy(
            self._surroundings.identifiers.unique(), self._surroundings.next_sequence(), body.name, now, now
        )
        self._apply(policy, body)
        self._by_id[policy.id] = policy
        return policy

    def get(self, policy_id: str) -> Policy:
        """Return a policy.

        Raises:
            ApiError: Not found.
        """
        policy = self._by_id.get(policy_id)
        if policy is None:
            raise _ERRORS.not_found("policy")
        return policy

    def change(self, policy_id: str, body: PolicyBody) -> Policy:
        """Change what the body names and keep the rest, nested objects included.

        Raises:
            ApiError: 400 or not found, with nothing changed.
        """
        policy = self.get(policy_id)
        self._apply(policy, body)
        if body.name:
            policy.name = body.name
        policy.updated_at = self._surroundings.now()
        return policy

    def remove(self, policy_id: str) -> None:
        """Remove a policy.

        Raises:
            ApiError: Not found.
        """
        del self._by_id[self.get(policy_id).id]

    def daily_sends(self, policy_id: str | None) -> int | None:
        """Return how many messages an account under this policy may send in a UTC day; None means any number."""
        policy = self._by_id.get(policy_id) if policy_id else None
        limit = {**self._maximums, **(policy.asked if policy else {})}[_DAY_LIMIT]
        return limit if isinstance(limit, int) and limit != _UNLIMITED else None

    def as_json(self, policy: Policy) -> Json:
        """Return a policy as the platform shows it: every limit, with the value in force (SPEC, SDK)."""
        return {
            "id": policy.id,
            "name": policy.name,
            "application_id": self._surroundings.application_id,
            "organization_id": self._surroundings.organization_id,
            "limits": {**self._maximums, **policy.asked},
            "rules": list(policy.rules),
            "spam_detection": msgspec.to_builtins(policy.spam_detection),
            "created_at": policy.created_at,
            "updated_at": policy.updated_at,
        }

    def _apply(self, policy: Policy, body: PolicyBody) -> None:
        dropped = self._surroundings.options.dropped_limits
        named = {name: value for name, value in body.limits.items() if value is not None and name not in dropped}
        asked = {**policy.asked, **named}
        for name, value in asked.items():
            self._check_limit(name, value)
        effective = {**self._maximums, **asked}
        inbox, spam = effective["limit_inbox_retention_period"], effective["limit_spam_retention_period"]
        if isinstance(inbox, int) and isinstance(spam, int) and spam >= inbox:
            raise _ERRORS.bad_request("limit_spam_retention_period must be shorter than limit_inbox_retention_period")
        policy.asked = asked
        policy.spam_detection = msgspec.structs.replace(
            policy.spam_detection, **msgspec.to_builtins(body.spam_detection)
        )
        if body.rules is not None:
            policy.rules = list(body.rules)

    def _check_limit(self, name: str, value: Limit) -> None:
        if name not in self._maximums:
            raise _ERRORS.bad_request(f"unknown limit {name}")
        maximum = self._maximums[name]
        if isinstance(maximum, list) != isinstance(value, list):
            raise _ERRORS.bad_request(f"{name} has the wrong type")
        if not isinstance(value, int) or not isinstance(maximum, int):
            return
        if value < _UNLIMITED or (value == _UNLIMITED and maximum != _UNLIMITED):
            raise _ERRORS.bad_request(f"{name} cannot be {value}")
        if maximum != _UNLIMITED and value > maximum:
            raise _ERRORS.bad_request(f"{name} exceeds the plan's maximum of {maximum}")


def _plan_maximums(plan: Plan) -> dict[str, Limit]:
    return {
        "limit_attachment_size_limit": 25 * _MEGABYTE,
        "limit_attachment_count_limit": 50,
        "limit_attachment_allowed_types": [],
        "limit_size_total_mime": 40 * _MEGABYTE,
        "limit_storage_total": 10 * 1024 * _MEGABYTE,
        "limit_count_daily_message_received": _UNLIMITED,
        _DAY_LIMIT: _UNLIMITED if plan.daily_sends is None else plan.daily_sends,
        "limit_inbox_retention_period": plan.inbox_retention_days,
        "limit_spam_retention_period": plan.spam_retention_days,
    }
