"""Rule evaluations: what the platform keeps as a receipt of every send that rules were run against."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.simulator.state.base import Json, Surroundings
    from breaker.simulator.state.outbound import Decision, OutboundInput

#: How many records of one grant are kept; how long the real platform keeps them is unknown.
RECORDS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The record of one outbound send that rules were run against."""

    id: str
    sequence: int
    grant_id: str
    message_id: str | None
    evaluated_at: int
    input: OutboundInput
    matched_rule_ids: tuple[str, ...]
    blocked: bool
    failed: bool


class Evaluations:
    """The evaluation records of one application."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._by_grant: dict[str, deque[Evaluation]] = {}

    def record(
        self,
        grant_id: str,
        message_id: str | None,
        outbound: OutboundInput,
        decision: Decision,
        *,
        failed: bool = False,
    ) -> None:
        """Keep the record of one send; `failed` says that rules could not be run and the send was blocked for it."""
        evaluation = Evaluation(
            id=self._surroundings.identifiers.unique(),
            sequence=self._surroundings.next_sequence(),
            grant_id=grant_id,
            message_id=message_id,
            evaluated_at=self._surroundings.now(),
            input=outbound,
            matched_rule_ids=decision.matched,
            blocked=decision.blocked,
            failed=failed,
        )
        self._by_grant.setdefault(grant_id, deque(maxlen=RECORDS_KEPT)).append(evaluation)

    def newest_first(self, grant_id: str) -> Iterator[Evaluation]:
        """Return a grant's records, the latest first."""
        return reversed(self._by_grant.get(grant_id, deque()))

    def as_json(self, evaluation: Evaluation) -> Json:
        """Return a record as the platform shows it: actions that were not applied are absent (SPEC)."""
        applied: Json = {}
        if evaluation.blocked:
            applied["blocked"] = True
        if evaluation.failed:
            applied["blocked_by_evaluation_error"] = True
        return {
            "id": evaluation.id,
            "grant_id": evaluation.grant_id,
            "message_id": evaluation.message_id,
            "evaluated_at": evaluation.evaluated_at,
            "evaluation_stage": "outbound_send",
            "evaluation_input": evaluation.input.as_json(),
            "applied_actions": applied,
            "matched_rule_ids": list(evaluation.matched_rule_ids),
            "application_id": self._surroundings.application_id,
            "organization_id": self._surroundings.organization_id,
            "created_at": evaluation.evaluated_at,
            "updated_at": evaluation.evaluated_at,
        }
