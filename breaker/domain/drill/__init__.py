"""The drill: a canary account taken through stop, refusal, reset and sending, so that a stop is known to stop."""

from __future__ import annotations

from breaker.domain.drill.canary import Canary, release, stop, why_not
from breaker.domain.drill.nightly import due, latest_slot, spread_over
from breaker.domain.drill.result import FAILS, WHAT_TO_DO, Drill, DrillOutcome, Step, StepResult, outcome_of
from breaker.domain.drill.scope import RuleScope, scope_of
from breaker.domain.drill.sending import ATTEMPTS, SendAnswer, Sent, refused_for, sent

__all__ = [
    "ATTEMPTS",
    "FAILS",
    "WHAT_TO_DO",
    "Canary",
    "Drill",
    "DrillOutcome",
    "RuleScope",
    "SendAnswer",
    "Sent",
    "Step",
    "StepResult",
    "due",
    "latest_slot",
    "outcome_of",
    "refused_for",
    "release",
    "scope_of",
    "sent",
    "spread_over",
    "stop",
    "why_not",
]
