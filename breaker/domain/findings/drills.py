"""What is wrong with drills: that the last one failed, or that there was none of late though one is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.drill import WHAT_TO_DO, DrillOutcome, Step
from breaker.domain.findings.finding import Finding, Severity, many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.domain.drill import Drill
    from breaker.domain.findings.facts import ApplicationFacts

OVERDUE = 36 * 3_600.0
"""Seconds after which a nightly drill is missed: a night and the half of another."""

_ENDED_WITHIN = 3_600.0
_AGAIN = "breaker drill"
_WRONG = frozenset({DrillOutcome.FAILED, DrillOutcome.ABANDONED})


def drill_findings(facts: ApplicationFacts) -> Iterator[Finding]:
    """Return what is wrong with drills; nothing where none is configured."""
    if facts.canary_unknown:
        sentence = "the canary that is configured to be drilled is not known, so that no stop is ever tried"
        fix = "set BREAKER_DRILL__ACCOUNT to the address or grant id of an Agent Account (`breaker status` lists them)"
        yield Finding("drill_canary_unknown", Severity.WARNING, sentence, fix, facts.id)
    if not facts.drilled:
        return
    if facts.drill is None:
        sentence = "a drill is configured, and none was run yet: that a stop stops was never tried"
        yield Finding("drill_never_run", Severity.WARNING, sentence, _AGAIN, facts.id)
        return
    yield from _of_the_last(facts, facts.drill)


def _of_the_last(facts: ApplicationFacts, drill: Drill) -> Iterator[Finding]:
    age = max(0.0, facts.now - drill.begun_at)
    ago = f"{many(round(age / 3_600.0), 'hour')} ago"
    if drill.outcome in _WRONG and drill.failed_at is not None:
        severity = Severity.WARNING if drill.failed_at is Step.CANARY else Severity.CRITICAL
        sentence = f"the last drill, {ago}, failed at `{drill.failed_at}`: {drill.says}"
        fix = f"{WHAT_TO_DO[drill.failed_at]}; then `{_AGAIN}`"
        yield Finding("drill_failed", severity, sentence, fix, facts.id)
    elif drill.outcome is DrillOutcome.FOUND and drill.failed_at is not None:
        sentence = f"the last drill, {ago}, found something at `{drill.failed_at}`: {drill.says}"
        yield Finding("drill_found", Severity.WARNING, sentence, WHAT_TO_DO[drill.failed_at], facts.id)
    elif drill.outcome is None and age > _ENDED_WITHIN:
        sentence = f"the last drill, {ago}, never ended, and its canary may be stopped"
        fix = "breaker serve (takes back what it left), then `breaker drill`"
        yield Finding("drill_failed", Severity.WARNING, sentence, fix, facts.id)
    if facts.nightly_drill and age > OVERDUE:
        sentence = f"the last drill was {ago}, though one is configured for every night"
        fix = f"{_AGAIN}; does `breaker serve` run at that time, and is nothing on hold (`breaker status`)?"
        yield Finding("drill_overdue", Severity.WARNING, sentence, fix, facts.id)
