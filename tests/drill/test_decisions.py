"""What is decided about a drill: pure, by values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from breaker.domain.acts.acts import UNENFORCEABLE
from breaker.domain.circuits.circuit import Circuit, HeldBy, Pending
from breaker.domain.circuits.states import State, Wanted
from breaker.domain.drill import (
    Canary,
    DrillOutcome,
    RuleScope,
    SendAnswer,
    Sent,
    Step,
    StepResult,
    due,
    latest_slot,
    outcome_of,
    release,
    scope_of,
    sent,
    spread_over,
    stop,
    why_not,
)
from breaker.domain.platform.commands import Actuator

NOW = 1_763_640_000.0  # 2025-11-20 12:00 UTC
DAY, HOUR = 86_400.0, 3_600.0
BLOCK = frozenset({Actuator.BLOCK})
FREE = Canary(enforceable=True, address=True, confirmed=Wanted.SENDING)
SENDING = Circuit(State.SENDING, NOW - DAY, 4)


def test_a_canary_that_is_free_may_be_drilled() -> None:
    assert why_not(SENDING, FREE, BLOCK) is None


@pytest.mark.parametrize(
    ("circuit", "canary", "actuators", "says"),
    [
        *[(replace(SENDING, state=state), FREE, BLOCK, f"It is {state}") for state in State if state != "sending"],
        (replace(SENDING, pending=Pending(1, State.STOPPED, NOW, HeldBy.GUARD)), FREE, BLOCK, "A verdict stands pend"),
        (SENDING, replace(FREE, enforceable=False), BLOCK, UNENFORCEABLE),
        (SENDING, replace(FREE, address=False), BLOCK, "Its address is not known"),
        (SENDING, replace(FREE, confirmed=None, error="timed out"), BLOCK, "The platform was not read back yet for"),
        (SENDING, replace(FREE, domain_stopped=True), BLOCK, "Its sending domain is stopped"),
        (SENDING, replace(FREE, platform_refuses=True), BLOCK, "The platform itself has paused"),
        (SENDING, FREE, frozenset({Actuator.QUARANTINE}), "The actuator `block`"),
    ],
)
def test_no_drill_undoes_what_somebody_wants(
    circuit: Circuit, canary: Canary, actuators: frozenset[Actuator], says: str
) -> None:
    assert (why_not(circuit, canary, actuators) or "").startswith(says)


def test_a_drill_s_verdicts_name_it_and_begin_epochs_of_their_own() -> None:
    stopped = stop(SENDING, 7, "nightly", NOW)
    held = Circuit(State.STOPPED, NOW, 5)
    freed = release(held, 5, 7, "it is over", NOW + 9)

    assert (stopped.to, stopped.epoch, stopped.author, stopped.why) == (
        State.STOPPED,
        5,
        "drill",
        "Stopped by drill 7, for a minute: nightly",
    )
    assert freed is not None
    assert (freed.to, freed.epoch, freed.author, freed.why) == (
        State.SENDING,
        6,
        "drill",
        "Let go by drill 7: it is over",
    )


@pytest.mark.parametrize(
    "circuit",
    [Circuit(State.STOPPED, NOW, 6), Circuit(State.SENDING, NOW, 5), Circuit(State.PROBING, NOW, 5)],
)
def test_who_was_stopped_by_somebody_else_meanwhile_is_not_let_go(circuit: Circuit) -> None:
    assert release(circuit, 5, 7, "it is over", NOW) is None


@pytest.mark.parametrize(
    ("answer", "became"),
    [
        (SendAnswer(200), Sent.ACCEPTED),
        (SendAnswer(202), Sent.ACCEPTED),
        (SendAnswer(403, "message blocked by an outbound rule"), Sent.REFUSED),
        (SendAnswer(403, ""), Sent.REFUSED),
        (SendAnswer(403, "send blocked by abuse restriction"), Sent.REFUSED_OTHERWISE),
        (SendAnswer(403, "insufficient_scopes"), Sent.KEY_REJECTED),
        (SendAnswer(401, "Unauthorized"), Sent.KEY_REJECTED),
        (SendAnswer(400, "domain is not verified"), Sent.REFUSED_OTHERWISE),
        (SendAnswer(404, "requested object not found"), Sent.GONE),
        (SendAnswer(429, "rate limit exceeded"), Sent.UNANSWERED),
        (SendAnswer(503, "outbound rules could not be evaluated"), Sent.UNANSWERED),
        (SendAnswer(None, "not answered within 10 s"), Sent.UNANSWERED),
    ],
)
def test_an_answer_is_read_by_its_status_and_its_words(answer: SendAnswer, became: Sent) -> None:
    assert sent(answer) is became


def test_where_rules_hold_is_known_by_a_send_that_was_answered_only() -> None:
    assert [scope_of(one) for one in Sent] == [
        RuleScope.WORKSPACE,
        RuleScope.APPLICATION,
        None,
        None,
        None,
        None,
    ]


def _steps(**otherwise: bool | None) -> list[StepResult]:
    passed: dict[str, bool | None] = {"canary": True, "stop": True, "refused": True, "reset": True, "accepted": True}
    return [StepResult(Step(name), one, 0.1, "") for name, one in (passed | otherwise).items()]


def test_a_drill_has_passed_only_if_all_that_makes_a_stop_a_stop_was_seen() -> None:
    assert outcome_of(_steps()) is DrillOutcome.PASSED
    assert outcome_of(_steps(event=True, scope=None)) is DrillOutcome.PASSED
    assert outcome_of(_steps(event=False)) is DrillOutcome.FOUND
    assert outcome_of(_steps(refused=False)) is DrillOutcome.FAILED
    assert outcome_of(_steps(accepted=None)) is DrillOutcome.FAILED
    assert outcome_of([]) is DrillOutcome.FAILED


def test_the_nightly_drill_is_due_once_a_night_and_an_hour_late_at_most() -> None:
    slot = latest_slot("app-1", NOW, 3.5 * HOUR, 0.0)

    assert slot == NOW - 8.5 * HOUR
    assert [due(slot, last, slot + late) for last, late in ((None, 0.0), (slot - DAY, HOUR), (slot - 1.0, 60.0))] == [
        True,
        True,
        True,
    ]
    assert [due(slot, last, slot + late) for last, late in ((None, HOUR + 1), (slot, 10.0), (slot + 5, 10.0))] == [
        False,
        False,
        False,
    ]


def test_a_drill_s_time_differs_from_night_to_night_and_is_one_for_all_daemons() -> None:
    slots = [latest_slot("app-1", NOW + day * DAY, 3.5 * HOUR, HOUR) % DAY for day in range(30)]

    assert len(set(slots)) == 30
    assert all(3.5 * HOUR <= slot < 4.5 * HOUR for slot in slots)
    assert latest_slot("app-1", NOW, 3.5 * HOUR, HOUR) == latest_slot("app-1", NOW + 60, 3.5 * HOUR, HOUR)
    assert {round(spread_over(f"app-{number}", 20_412), 1) for number in range(200)} >= {0.1, 0.5, 0.9}


def test_a_slot_that_lies_over_midnight_is_yesterday_s() -> None:
    midnight = NOW - 12 * HOUR

    assert latest_slot("app-1", midnight + 60, 23.5 * HOUR, 0.0) == midnight - 0.5 * HOUR
