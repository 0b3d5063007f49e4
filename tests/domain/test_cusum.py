from __future__ import annotations

from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.detectors.thresholds import Threshold
from breaker.domain.outcomes.outcomes import Counting, OutcomeSet
from breaker.domain.statistics.cusum import Cusum, Run, Step, best_run, weight
from breaker.domain.windows.counters import Counters, WindowSizes
from breaker.domain.windows.windows import Series

COUNTING = Counting()
TEN = 10 * 9
"""What is worth more than any height is looked at no further."""

STOPS = Cusum(
    Signal.BOUNCE,
    0.03,
    0.10,
    17,
    (Step(State.WARNED, (Threshold(68, inf),)), Step(State.STOPPED, (Threshold(85, 1_000), Threshold(102, inf)))),
)


def suspicions(outcomes: str, spacing: int = 60) -> list[tuple[int, Suspicion]]:
    """Count one send after the other, d delivered and b bounced; return what is suspected after which."""
    counters = Counters(WindowSizes())
    found = []
    for number, outcome in enumerate(outcomes, start=1):
        bits = OutcomeSet.DELIVERED if outcome == "d" else OutcomeSet.UNKNOWN_RECIPIENT
        counters.record(1_000_000 + number * spacing, 0, bits, COUNTING)
        suspicion = STOPS.suspect(counters) if outcome == "b" else None
        if suspicion:
            found.append((number, suspicion))
    return found


@pytest.mark.parametrize(
    ("p0", "p1", "m"),
    [(0.03, 0.10, 17), (0.0003, 0.002, 1116), (0.0005, 0.002, 924), (0.01, 0.05, 40), (0.02, 0.05, 30)],
)
def test_a_bad_outcome_weighs_what_the_two_rates_make_it_weigh(p0: float, p1: float, m: int) -> None:
    assert weight(p0, p1) == m


def test_five_bounces_in_a_row_warn_and_six_stop_who_sends_little() -> None:
    assert suspicions("b" * 6) == [
        (5, Suspicion("cusum", Signal.BOUNCE, State.WARNED, None, 5, 5, 1.0)),
        (6, Suspicion("cusum", Signal.BOUNCE, State.STOPPED, None, 6, 6, 6 / 6)),
    ]


def test_who_sends_much_needs_more() -> None:
    quiet = suspicions("d" * 90 + "b" * 7)
    busy = suspicions("d" * 200 + "b" * 7)
    busy_long_ago = suspicions("d" * 200 + "b" * 7, spacing=86_400)

    assert [next(at for at, one in found if one.step is State.STOPPED) for found in (quiet, busy, busy_long_ago)] == [
        96,
        207,
        206,
    ]


def test_a_healthy_past_does_not_weigh_against_a_sudden_change() -> None:
    first, suspicion = next((at, one) for at, one in suspicions("d" * 5_000 + "bddd" * 30) if one.step is State.STOPPED)

    assert first in {5_029, 5_033}
    assert (suspicion.count, 24 <= suspicion.of <= 34) == ((first - 5_000) // 4 + 1, True)


def test_what_is_suspected_rests_on_the_send_that_just_turned_out_bad() -> None:
    found = suspicions("b" * 7 + "d" * 500 + "b" + "d" * 500 + "b")

    assert [at for at, _ in found] == [5, 6, 7]


@pytest.mark.parametrize("late", [10, 40])
def test_the_bounces_of_a_burst_that_all_come_after_it_are_those_of_the_whole_burst(late: int) -> None:
    counters = Counters(WindowSizes())
    for send in range(2_000):
        if send % (2_000 // late):
            counters.record(1_000_000 + send, 0, OutcomeSet.DELIVERED, COUNTING)

    found = []
    for send in range(0, 2_000, 2_000 // late):
        counters.record(1_000_000 + send, 0, OutcomeSet.UNKNOWN_RECIPIENT, COUNTING)
        found.append(STOPS.suspect(counters))

    assert found == [None] * late


def every_run(marks: list[int], place: int, m: int) -> int:
    """The greatest worth of any run of sends with that one in it, by trying each."""
    worths = [m * mark - 1 for mark in marks]
    before = max(sum(worths[first:place]) for first in range(place + 1))
    after = max(sum(worths[place + 1 : last]) for last in range(place + 1, len(worths) + 1))
    return before + worths[place] + after


@given(st.lists(st.sampled_from([0, 0, 0, 1]), min_size=1, max_size=300), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_with_a_send_to_a_bucket_the_best_run_is_that_of_every_order_of_arrival(
    marks: list[int], random: Random
) -> None:
    series = Series((80,))  # whose buckets hold one send each until they are beyond the window
    marks = marks[-80:]
    late = [place for place, mark in enumerate(marks) if mark and random.random() < 0.5]
    for place, mark in enumerate(marks):
        series.add_send(1_000 + place, int(mark and place not in late))
    random.shuffle(late)
    known = [mark if place not in late else 0 for place, mark in enumerate(marks)]
    for place in late:
        series.mark_bad(1_000 + place)
        known[place] = 1

        found, worth = best_run(series, 1_000 + place, 9).score(9), every_run(known, place, 9)
        assert min(found, TEN) == min(worth, TEN)


@pytest.mark.parametrize("seed", range(20))
def test_within_buckets_the_best_run_is_true_to_half_a_bad_outcome(seed: int) -> None:
    random = Random(seed)
    series = Series((1_000, 3_000, 10_000))
    marks: list[int] = []
    differences = []
    for place in range(2_000):
        marks.append(int(random.random() < (0.02 if place < 1_500 else 0.12)))
        series.add_send(1_000 + place, marks[-1])
        if marks[-1] and place > 1_400:
            worth = every_run(marks, place, 17)
            if worth > 10 * 17:  # greater than any height, and looked at no further
                break
            differences.append(best_run(series, 1_000 + place, 17).score(17) - worth)

    assert max(map(abs, differences)) <= 17
    assert abs(sum(differences) / len(differences)) <= 17 / 4


def test_an_empty_series_and_one_without_bad_sends_are_worth_nothing() -> None:
    series = Series((1_000,))
    empty = best_run(series, 5, 17)
    series.add_send(5, 0)

    assert (empty, best_run(series, 5, 17)) == (Run(0, 0), Run(0, 0))
