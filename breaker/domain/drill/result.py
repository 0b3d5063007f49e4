"""What became of a drill, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.domain.drill.scope import RuleScope


class Step(StrEnum):
    """The steps of a drill, in their order."""

    CANARY = "canary"
    """The canary is free, and nothing is said against stopping it."""
    STOP = "stop"
    """Its stop was decided, carried out, and read back."""
    REFUSED = "refused"
    """A send of the stopped canary was refused with 403, by Breaker's rule."""
    RESET = "reset"
    """Its reset was decided, carried out, and read back."""
    ACCEPTED = "accepted"
    """A send of the canary was accepted again."""
    EVENT = "event"
    """The platform told, by its webhook, what became of that send."""
    SCOPE = "scope"
    """It was found out whether a rule holds where it is attached only."""


FAILS = frozenset({Step.CANARY, Step.STOP, Step.REFUSED, Step.RESET, Step.ACCEPTED})
"""The steps without which a stop is not known to stop, nor a reset to let go; what the others find is a finding."""


WHAT_TO_DO: Mapping[Step, str] = {
    Step.CANARY: "see `breaker explain` of the canary, and `breaker doctor`; then run `breaker drill`",
    Step.STOP: "run `breaker doctor`, and look at the log of `breaker serve`: stops are not carried out",
    Step.REFUSED: "run `breaker doctor`, then `breaker setup`: stopped accounts can send",
    Step.RESET: "run `breaker doctor`, and look at the log of `breaker serve`: accounts that are let go stay stopped",
    Step.ACCEPTED: "see `breaker explain` of the canary: it is free by all that is known, and can't send",
    Step.EVENT: "run `breaker doctor`: is the webhook reached, and does the platform tell of mail to this recipient?",
    Step.SCOPE: "nothing, if it was once; else see what is refused here: the API key, or the number of rules",
}
"""What to do where a step did not come out as it must."""


class DrillOutcome(StrEnum):
    """How a drill ended."""

    PASSED = "passed"
    FOUND = "found"
    """Stop and reset hold, and a check beside them found something."""
    FAILED = "failed"
    ABANDONED = "abandoned"
    """Its process died or was told to end before the drill was over."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step.

    Args:
        step: Which.
        passed: Whether it came out as it must; None where that could not be told.
        seconds: How long it took.
        says: A sentence: what was seen, and where it failed what to do.
    """

    step: Step
    passed: bool | None
    seconds: float
    says: str


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill that was begun.

    Args:
        number: Its number.
        application_id: The application.
        account: The canary's id.
        by: Who asked for it; `nightly` where the clock did.
        begun_at: When, Unix seconds.
        outcome: How it ended, or None while it goes on.
        steps: Its steps, in their order; one that failed is the last before `reset`.
        rule_scope: Where rules hold, as far as it found out.
    """

    number: int
    application_id: str
    account: str
    by: str
    begun_at: float
    outcome: DrillOutcome | None = None
    steps: tuple[StepResult, ...] = ()
    rule_scope: RuleScope | None = None

    @property
    def failed_at(self) -> Step | None:
        """The first step that did not come out as it must, or None."""
        return next((one.step for one in self.steps if one.passed is False), None)

    @property
    def says(self) -> str:
        """What the first step says that did not come out as it must."""
        return next((one.says for one in self.steps if one.passed is False), "")


def outcome_of(steps: Sequence[StepResult]) -> DrillOutcome:
    """Return how a drill ended whose steps these are."""
    wrong = [one.step for one in steps if one.passed is False]
    if FAILS.intersection(wrong) or not {one.step for one in steps if one.passed} >= FAILS:
        return DrillOutcome.FAILED
    return DrillOutcome.FOUND if wrong else DrillOutcome.PASSED
