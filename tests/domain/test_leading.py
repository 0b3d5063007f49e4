from __future__ import annotations

import pytest

from breaker.domain.circuits.circuit import Circuit, judge
from breaker.domain.circuits.states import State
from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.detectors.leading import Leading, daily
from breaker.domain.outcomes.outcomes import Counting, OutcomeSet
from breaker.domain.profiles.profile import Profile
from breaker.domain.windows.counters import Counters, WindowSizes

COUNTING = Counting()
DAY = 86_400
START = 1_700_000_000
LEADING = Leading(jump=5.0, least=200, score=51, m=17)


def counters(*days: int, complaints: int = 0, bounces: int = 0, rejected: int = 0) -> Counters:
    """Count so many sends on each day, the last ones of the last day with other ends."""
    found = Counters(WindowSizes())
    ends = [OutcomeSet.COMPLAINT] * complaints + [OutcomeSet.UNKNOWN_RECIPIENT] * bounces
    for day, sends in enumerate(days):
        for number in range(sends):
            left = sends - number if day == len(days) - 1 else len(ends) + 1
            outcome = ends[-left] if left <= len(ends) else OutcomeSet.DELIVERED
            found.record(START + day * DAY + number * (DAY // sends), 0, outcome, COUNTING)
    for number in range(rejected):
        found.record(START + number, 0, OutcomeSet.REJECTED, COUNTING)
    return found


CALM = (50,) * 10


def test_one_sign_beside_a_complaint_raises_a_suspicion_and_neither_does_alone() -> None:
    cases = {
        "nothing": counters(*CALM),
        "a complaint": counters(*CALM, complaints=1),
        "a jump": counters(*CALM, 1_000),
        "bounces": counters(*CALM, bounces=4),
        "viruses": counters(*CALM, rejected=3),
        "a complaint and a jump": counters(*CALM, 1_000, complaints=1),
        "a complaint and bounces": counters(*CALM, complaints=1, bounces=4),
        "a complaint and viruses": counters(*CALM, complaints=1, rejected=3),
        "a jump and bounces": counters(*CALM, 1_000, bounces=4),
    }

    suspected = {name for name, one in cases.items() if LEADING.suspect(one)}

    assert suspected == {name for name in cases if " and " in name}
    assert {name for name, one in cases.items() if LEADING.is_calm(one)} == {"nothing", "a complaint"}


def test_an_account_without_a_week_of_history_has_no_usual_volume() -> None:
    assert daily(counters(50, 50, 50).bounces)[1] is None
    assert daily(counters(*CALM).bounces) == pytest.approx((50, 50), rel=0.15)  # to within a bucket


def test_a_suspicion_by_signs_says_which_and_only_warns() -> None:
    found = LEADING.suspect(counters(*CALM, 1_000, complaints=1, rejected=4))

    assert found == Suspicion(
        "leading",
        Signal.COMPLAINT,
        State.WARNED,
        None,
        1,
        978,
        0.0,
        besides="4 messages were rejected and 996 sends in a day are 20 times the usual",
    )
    verdict = judge(Circuit(), found, counters(*CALM), 1.0, None)
    assert verdict is not None
    assert verdict.why == (
        "4 messages were rejected and 996 sends in a day are 20 times the usual, and 1 of the last 978 deliveries "
        "drew complaints (0.102 %); such signs go before complaints; the platform's review line is 0.1 %. "
        "The account is warned; it goes on sending."
    )


def test_signs_are_looked_for_at_a_bounce_too() -> None:
    profile = Profile("leading", Budget(), (LEADING,))

    found = profile.suspect(counters(*CALM, 1_000, bounces=4), Signal.BOUNCE)

    assert found is not None
    assert (found.signal, found.step) == (Signal.COMPLAINT, State.WARNED)
