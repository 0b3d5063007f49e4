from __future__ import annotations

from breaker.domain.circuits.circuit import WARNED_AT_LEAST, Circuit, Verdict, apply, may_recover, recover
from breaker.domain.circuits.states import State
from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.outcomes import Counting, OutcomeSet
from breaker.domain.profiles.standard import standard_profile
from breaker.domain.windows.counters import Counters, WindowSizes

COUNTING = Counting()
PROFILE = standard_profile(Budget(), WindowSizes(), 0.8)
AT = 1_700_000_000.0


def counted(*parts: tuple[int, int]) -> Counters:
    """Count sends in parts, each of so many, the last so many of them bad."""
    counters = Counters(WindowSizes())
    second = 1_000
    for sends, bad in parts:
        for number in range(sends):
            outcome = OutcomeSet.UNKNOWN_RECIPIENT if number >= sends - bad else OutcomeSet.DELIVERED
            counters.record(second, 0, outcome, COUNTING)
            second += 60
    return counters


def test_a_warning_ends_after_a_day_by_a_verdict_of_its_own() -> None:
    warned = Circuit(State.WARNED, AT, 3)

    early, late = recover(warned, AT + WARNED_AT_LEAST - 1), recover(warned, AT + WARNED_AT_LEAST)

    assert early is None
    assert late == Verdict(
        at=AT + WARNED_AT_LEAST,
        before=State.WARNED,
        to=State.SENDING,
        detector="recovery",
        epoch=3,
        why="Nothing is left of what it was warned for, and a day has passed. The account is trusted again.",
    )
    assert apply(warned, late, 5) == Circuit(State.SENDING, AT + WARNED_AT_LEAST, 3)


def test_only_a_warning_ends_by_itself() -> None:
    late = AT + 100 * WARNED_AT_LEAST

    assert [state for state in State if may_recover(Circuit(state, AT), late)] == [State.WARNED]
    assert [state for state in State if recover(Circuit(state, AT), late)] == [State.WARNED]


def test_an_account_is_calm_only_well_below_what_raises_a_suspicion() -> None:
    suspicious = counted((1_000, 7))
    later = [counted((1_000, 7), (good, 0)) for good in (20, 50, 100)]

    assert PROFILE.suspect(suspicious, Signal.BOUNCE) is not None
    assert [PROFILE.is_calm(one) for one in (suspicious, *later)] == [False, False, False, True]


def test_a_window_is_calm_a_fifth_below_its_ceiling() -> None:
    spread = [counted(*[(100, bad)] * 10, (300, 0)) for bad in (2, 4)]

    assert [PROFILE.is_calm(one) for one in spread] == [True, True]
    assert [PROFILE.is_calm(counted(*[(50, 2)] * 20)), PROFILE.is_calm(counted(*[(50, 1)] * 20))] == [False, True]
