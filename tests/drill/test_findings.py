"""What `breaker doctor` says of drills."""

from __future__ import annotations

from dataclasses import replace

import pytest

from breaker.domain.drill import Drill, DrillOutcome, RuleScope, Step, StepResult
from breaker.domain.findings.drills import drill_findings
from breaker.domain.findings.facts import ApplicationFacts, WorkspaceFact
from breaker.domain.findings.fixtures import fixture_findings

NOW = 1_763_640_000.0
HOUR = 3_600.0


def drill(outcome: DrillOutcome | None, failed: Step | None = None, *, hours: float = 6.0) -> Drill:
    steps = (StepResult(failed, passed=False, seconds=1.0, says="It went wrong."),) if failed else ()
    return Drill(7, "app-1", "canary@x.example", "nightly", NOW - hours * HOUR, outcome, steps)


def facts(
    last: Drill | None = None, *, drilled: bool = True, unknown: bool = False, nightly: bool = True
) -> ApplicationFacts:
    return ApplicationFacts(
        id="app-1",
        now=NOW,
        api_url="https://api.us.nylas.com",
        installation="app-1",
        drilled=drilled,
        canary_unknown=unknown,
        nightly_drill=nightly,
        drill=last,
    )


@pytest.mark.parametrize(
    "sound",
    [
        facts(drilled=False),
        facts(drill(DrillOutcome.FAILED, Step.STOP), drilled=False),
        facts(drill(DrillOutcome.PASSED)),
        facts(drill(None, hours=0.1)),
        facts(drill(DrillOutcome.PASSED, hours=400.0), nightly=False),
    ],
)
def test_nothing_is_found_where_no_drill_is_configured_or_the_last_passed(sound: ApplicationFacts) -> None:
    assert list(drill_findings(sound)) == []


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (facts(), [("drill_never_run", "warning")]),
        (facts(drilled=False, unknown=True), [("drill_canary_unknown", "warning")]),
        (facts(drill(DrillOutcome.FAILED, Step.REFUSED)), [("drill_failed", "critical")]),
        (facts(drill(DrillOutcome.ABANDONED, Step.STOP)), [("drill_failed", "critical")]),
        (facts(drill(DrillOutcome.FAILED, Step.CANARY)), [("drill_failed", "warning")]),
        (facts(drill(DrillOutcome.FOUND, Step.EVENT)), [("drill_found", "warning")]),
        (facts(drill(None, hours=2.0)), [("drill_failed", "warning")]),
        (facts(drill(DrillOutcome.PASSED, hours=40.0)), [("drill_overdue", "warning")]),
        (
            facts(drill(DrillOutcome.FAILED, Step.RESET, hours=40.0)),
            [("drill_failed", "critical"), ("drill_overdue", "warning")],
        ),
    ],
)
def test_what_is_wrong_with_drills_is_found(wrong: ApplicationFacts, found: list[tuple[str, str]]) -> None:
    assert [(one.kind, one.severity) for one in drill_findings(wrong)] == found


def test_a_workspace_without_the_rules_is_told_of_with_where_rules_hold_as_a_drill_found() -> None:
    workspace = WorkspaceFact("w-1", "Sales", accounts=2, detached=("block",))
    sentences = [
        [one.sentence for one in fixture_findings(replace(facts(), workspaces=(workspace,), rule_scope=scope))]
        for scope in (None, RuleScope.APPLICATION)
    ]

    plain = "the workspace 'Sales' does not name the rule 'block': 2 accounts in it unprotected"
    but = ", but for the platform's running rules for the whole application, as the last drill found"
    assert sentences == [[plain], [plain + but]]


def test_a_failed_drill_is_told_with_its_step_and_what_to_type() -> None:
    [finding] = drill_findings(facts(drill(DrillOutcome.FAILED, Step.REFUSED)))

    assert finding.sentence == "the last drill, 6 hours ago, failed at `refused`: It went wrong."
    assert finding.fix == "run `breaker doctor`, then `breaker setup`: stopped accounts can send; then `breaker drill`"
