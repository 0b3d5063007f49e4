from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.circuits.circuit import PENDING_LASTS, Circuit, HeldBy, Pending, Verdict, act, apply, hold, judge
from breaker.domain.circuits.states import SEVERITY, SUSPICIONS, WANTED, Cause, State, follow
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.outcomes.outcomes import Counting, OutcomeSet
from breaker.domain.windows.counters import Counters, WindowSizes
from breaker.domain.windows.headroom import Headroom

NOW = 1_700_000_000.0
COUNTERS = Counters(WindowSizes((100, 1000), (1000,)))
for _second in range(100):
    COUNTERS.record(
        1000 + _second, 0, OutcomeSet.UNKNOWN_RECIPIENT if _second < 4 else OutcomeSet.DELIVERED, Counting()
    )

STATES = st.sampled_from(State)
PENDINGS = st.none() | st.builds(
    Pending, st.integers(1, 99), st.sampled_from(list(SUSPICIONS)), st.floats(NOW - 2e5, NOW), st.sampled_from(HeldBy)
)
CIRCUITS = st.builds(Circuit, STATES, st.floats(0, NOW), st.integers(0, 9), PENDINGS)
STEPS = st.sampled_from(list(SUSPICIONS))


def suspicion(step: State = State.STOPPED, signal: Signal = Signal.BOUNCE) -> Suspicion:
    return Suspicion("level", signal, step, 1000, 4, 100, 0.04)


def test_a_suspicion_becomes_a_verdict_with_its_numbers_and_a_sentence() -> None:
    verdict = judge(Circuit(epoch=3), suspicion(), COUNTERS, NOW, None)

    assert verdict == Verdict(
        at=NOW,
        before=State.SENDING,
        to=State.STOPPED,
        detector="level",
        epoch=4,
        why=(
            "4 of the last 100 sends hard-bounced (4 %); Breaker acts at 4 %, the platform's review line is 5 %. "
            "The account is stopped."
        ),
        signal=Signal.BOUNCE,
        window=1000,
        count=4,
        of=100,
        rate=0.04,
        threshold=0.04,
        headroom=Headroom(1, None, 100),
    )
    assert verdict.applied


def test_an_applied_verdict_moves_the_circuit() -> None:
    pending = Pending(7, State.WARNED, NOW - 5, HeldBy.OBSERVE)
    circuit = Circuit(State.WARNED, NOW - 10, 3, pending)
    verdict = judge(circuit, suspicion(), COUNTERS, NOW, None)

    assert verdict
    assert apply(circuit, verdict, 8) == Circuit(State.STOPPED, NOW, 4, None)


def test_a_warning_begins_no_epoch_since_the_platform_does_nothing() -> None:
    verdict = judge(Circuit(epoch=3), suspicion(State.WARNED), COUNTERS, NOW, None)

    assert verdict
    assert verdict.epoch == 3
    assert "goes on sending" in verdict.why


@pytest.mark.parametrize("held_by", list(HeldBy))
def test_a_held_verdict_stands_beside_the_state(held_by: HeldBy) -> None:
    circuit = Circuit(State.WARNED, NOW - 10, 3)
    verdict = judge(circuit, suspicion(), COUNTERS, NOW, held_by)

    assert verdict
    assert (verdict.held_by, verdict.applied, verdict.to, verdict.epoch) == (held_by, False, State.STOPPED, 3)
    assert "Nothing was done" in verdict.why
    assert apply(circuit, verdict, 8) == replace(circuit, pending=Pending(8, State.STOPPED, NOW, held_by))


@pytest.mark.parametrize(
    ("pending_to", "step", "age", "given_anew"),
    [
        (State.WARNED, State.WARNED, 0.0, False),
        (State.WARNED, State.LIMITED, 0.0, True),
        (State.WARNED, State.STOPPED, 0.0, True),
        (State.LIMITED, State.LIMITED, 60.0, False),
        (State.LIMITED, State.STOPPED, 60.0, True),
        (State.STOPPED, State.WARNED, 60.0, False),
        (State.STOPPED, State.LIMITED, 60.0, False),
        (State.STOPPED, State.STOPPED, PENDING_LASTS - 1, False),
        (State.STOPPED, State.STOPPED, PENDING_LASTS, True),
        (State.STOPPED, State.WARNED, PENDING_LASTS, True),
    ],
)
def test_one_verdict_is_pending_until_a_stronger_step_or_a_day_later(
    pending_to: State, step: State, age: float, given_anew: bool
) -> None:
    circuit = Circuit(pending=Pending(7, pending_to, NOW - age, HeldBy.OBSERVE))

    verdict = judge(circuit, suspicion(step), COUNTERS, NOW, HeldBy.OBSERVE)

    assert (verdict is not None) is given_anew


def test_what_is_pending_keeps_nothing_from_being_applied() -> None:
    circuit = Circuit(pending=Pending(7, State.STOPPED, NOW - 1, HeldBy.OBSERVE))

    verdict = judge(circuit, suspicion(), COUNTERS, NOW, None)

    assert verdict
    assert verdict.applied


def test_the_guard_holds_a_verdict_after_all() -> None:
    circuit = Circuit(epoch=3)
    verdict = judge(circuit, suspicion(), COUNTERS, NOW, None)
    assert verdict

    held = hold(verdict, circuit, HeldBy.GUARD)

    assert held == replace(
        verdict,
        held_by=HeldBy.GUARD,
        epoch=3,
        why=(
            "4 of the last 100 sends hard-bounced (4 %); Breaker acts at 4 %, the platform's review line is 5 %. "
            "Nothing was done: the fleet guard holds it, since too many accounts would be stopped at once."
        ),
    )


def test_the_guard_says_it_once() -> None:
    circuit = Circuit(pending=Pending(7, State.STOPPED, NOW - 1, HeldBy.GUARD))
    verdict = judge(circuit, suspicion(), COUNTERS, NOW, None)

    assert verdict
    assert hold(verdict, circuit, HeldBy.GUARD) is None


@given(CIRCUITS, STEPS, st.sampled_from([None, *HeldBy]), st.sampled_from(Signal))
def test_a_verdict_follows_the_table_or_there_is_none(
    circuit: Circuit, step: State, held_by: HeldBy | None, signal: Signal
) -> None:
    to = follow(circuit.state, SUSPICIONS[step])
    verdict = judge(circuit, suspicion(step, signal), COUNTERS, NOW, held_by)

    if to is None:
        assert verdict is None
        return
    if verdict is None:
        assert held_by is not None
        assert circuit.pending
        return
    after = apply(circuit, verdict, 100)

    assert (verdict.before, verdict.to, verdict.held_by) == (circuit.state, to, held_by)
    assert after.state is (circuit.state if held_by else to)
    assert after.epoch == verdict.epoch == circuit.epoch + (WANTED[after.state] is not circuit.wanted)
    assert after.pending == (Pending(100, to, NOW, held_by) if held_by else None)


@given(CIRCUITS, STEPS, st.sampled_from([None, *HeldBy]))
def test_the_same_circuit_and_suspicion_give_the_same_verdict(
    circuit: Circuit, step: State, held_by: HeldBy | None
) -> None:
    first = judge(circuit, suspicion(step), COUNTERS, NOW, held_by)

    assert first == judge(circuit, suspicion(step), COUNTERS, NOW, held_by)


@given(st.lists(st.tuples(STEPS, st.floats(0, 3600)), max_size=60))
def test_an_observed_account_gets_at_most_three_verdicts_in_a_day(steps: list[tuple[State, float]]) -> None:
    circuit, now, given_at = Circuit(), NOW, []
    for step, pause in steps:
        now += pause
        verdict = judge(circuit, suspicion(step), COUNTERS, now, HeldBy.OBSERVE)
        if verdict:
            given_at.append((now, SEVERITY[verdict.to]))
            circuit = apply(circuit, verdict, len(given_at))
    for position, (at, _) in enumerate(given_at):
        within_a_day = [severity for other, severity in given_at[position:] if other < at + PENDING_LASTS]

        assert within_a_day == sorted(set(within_a_day))


@pytest.mark.parametrize(
    ("cause", "state", "expected"),
    [
        (Cause.TRIPPED, State.SENDING, "Stopped by a person: too many complaints"),
        (Cause.RESET, State.STOPPED, "Reset by a person: too many complaints"),
        (Cause.LIMITED_BY_PERSON, State.STOPPED, "Limited by a person: too many complaints"),
    ],
)
def test_an_act_of_a_person_is_a_verdict_with_its_author(cause: Cause, state: State, expected: str) -> None:
    to = follow(state, cause)
    assert to

    verdict = act(Circuit(state, 5.0, 2), cause, NOW, "ada", "too many complaints")

    assert verdict == Verdict(at=NOW, before=state, to=to, detector="operator", epoch=3, why=expected, author="ada")


def test_an_act_without_a_reason_is_a_sentence_too() -> None:
    verdict = act(Circuit(), Cause.TRIPPED, NOW, "ada", "")

    assert verdict
    assert verdict.why == "Stopped by a person."


def test_what_is_found_on_the_platform_has_no_author() -> None:
    verdict = act(Circuit(), Cause.ADOPTED, NOW, "platform", "")

    assert verdict
    assert (verdict.detector, verdict.author, verdict.to) == ("platform", None, State.STOPPED)


@given(CIRCUITS, st.sampled_from(Cause))
def test_an_act_follows_the_table_or_changes_nothing(circuit: Circuit, cause: Cause) -> None:
    verdict = act(circuit, cause, NOW, "ada", "because")

    assert (verdict.to if verdict else None) is follow(circuit.state, cause)
    if verdict:
        permitted = circuit.wanted if verdict.to is State.PROBING else None
        assert apply(circuit, verdict, 1) == Circuit(verdict.to, NOW, circuit.epoch + 1, None, permitted)
