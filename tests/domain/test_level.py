from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breaker.domain.counters import Counters, WindowSizes
from breaker.domain.detectors import PLATFORM_LINES, Level, Signal, Suspicion
from breaker.domain.outcomes import Counting, OutcomeSet
from breaker.domain.states import State

COUNTING = Counting()
SIZES = WindowSizes((100, 500), (500,))
BOUNCES = Level(Signal.BOUNCE, State.STOPPED, 0.04, minimum_sends=100, minimum_bad=4)
COMPLAINTS = Level(Signal.COMPLAINT, State.WARNED, 0.02, minimum_sends=100, minimum_bad=4)


def counted(outcomes: str, sizes: WindowSizes = SIZES) -> Counters:
    """Count one send a second: delivered, bounced, full, complaint; in capitals with feedback."""
    sets = {
        "d": OutcomeSet.DELIVERED,
        "D": OutcomeSet.DELIVERED | OutcomeSet.FEEDBACK,
        "b": OutcomeSet.UNKNOWN_RECIPIENT,
        "f": OutcomeSet.MAILBOX_FULL,
        "c": OutcomeSet.COMPLAINT,
        "C": OutcomeSet.COMPLAINT | OutcomeSet.FEEDBACK,
    }
    counters = Counters(sizes)
    for second, outcome in enumerate(outcomes):
        counters.record(1000 + second, 0, sets[outcome], COUNTING)
    return counters


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("", None),
        ("b" * 99, None),  # too few sends
        ("b" * 3 + "d" * 97, None),  # too few bad ones, and below
        ("b" * 4 + "d" * 96, Suspicion("level", Signal.BOUNCE, State.STOPPED, 100, 4, 100, 0.04)),
        ("f" * 50 + "d" * 50, None),  # full mailboxes do not count
        ("b" * 4 + "d" * 97, None),  # 4 of 101 is less, and the smaller window has lost one of them
        ("d" * 300 + "b" * 10, Suspicion("level", Signal.BOUNCE, State.STOPPED, 100, 10, 100, 0.04)),
        ("b" * 12 + "d" * 188, Suspicion("level", Signal.BOUNCE, State.STOPPED, 500, 12, 200, 0.04)),
    ],
)
def test_a_level_looks_at_the_worst_window_that_holds_enough(outcomes: str, expected: Suspicion | None) -> None:
    assert BOUNCES.suspect(counted(outcomes)) == expected


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("c" * 3 + "d" * 97, None),
        ("c" * 4 + "d" * 96, Suspicion("level", Signal.COMPLAINT, State.WARNED, 500, 4, 100, 0.02)),
        ("b" * 400 + "c" * 4 + "d" * 95, None),  # bounces were not delivered, so 99 were
        ("C" * 4 + "d" * 300, None),  # of few domains that send feedback nothing is known yet
        (
            "D" * 492 + "dddddddddd" * 100 + "C" * 8 + "d" * 300,
            None,
        ),
        (
            "D" * 488 + "dddddddddd" * 100 + "C" * 12 + "d" * 300,
            Suspicion("level", Signal.COMPLAINT, State.WARNED, 500, 12, 500, 0.02),
        ),
    ],
)
def test_complaints_are_judged_by_the_worse_of_two_denominators(outcomes: str, expected: Suspicion | None) -> None:
    assert COMPLAINTS.suspect(counted(outcomes)) == expected


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8, 1.0])
@pytest.mark.parametrize("total", [100, 500, 1000, 2500])
def test_a_level_is_reached_at_its_threshold_whatever_binary_makes_of_it(share: float, total: int) -> None:
    level = Level(Signal.BOUNCE, State.STOPPED, share * PLATFORM_LINES[Signal.BOUNCE], 100, 1)
    at_it = round(share * 5) * total // 100
    sizes = WindowSizes((10_000,), (10_000,))

    assert level.suspect(counted("b" * at_it + "d" * (total - at_it), sizes))
    assert not level.suspect(counted("b" * (at_it - 1) + "d" * (total - at_it + 1), sizes))


@given(st.text("dbbfc", max_size=700), st.integers(1, 150), st.integers(1, 20), st.floats(0.01, 0.9))
@settings(max_examples=50)
def test_a_suspicion_is_true_of_a_window_that_holds_enough(
    outcomes: str, minimum_sends: int, minimum_bad: int, threshold: float
) -> None:
    level = Level(Signal.BOUNCE, State.STOPPED, threshold, minimum_sends, minimum_bad)
    counters = counted(outcomes)

    suspicion = level.suspect(counters)

    enough = [
        window
        for window in counters.bounces.windows()
        if window.total >= minimum_sends and window.bad >= minimum_bad and window.bad / window.total >= threshold
    ]
    assert (suspicion is not None) == bool(enough)
    if suspicion:
        assert suspicion.rate == max(window.bad / window.total for window in enough)
        assert (suspicion.window, suspicion.count, suspicion.of) in enough or (
            suspicion.window,
            suspicion.count,
            suspicion.of,
        ) in [(w.size, w.bad, w.total) for w in enough]
