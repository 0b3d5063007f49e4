from __future__ import annotations

from fractions import Fraction
from itertools import count
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.detectors.detectors import PLATFORM_LINES, Signal
from breaker.domain.outcomes.outcomes import Counting, OutcomeSet
from breaker.domain.windows.counters import Counters, WindowSizes
from breaker.domain.windows.headroom import ENOUGH_SENDS, Headroom, headroom, rate

COUNTING = Counting()
LINES = {signal: Fraction(str(line)) for signal, line in PLATFORM_LINES.items()}


def counters_of(outcomes: str, sizes: WindowSizes) -> Counters:
    """Count one send a second: `.` delivered, `x` bounced, `c` complained of."""
    sets = {".": OutcomeSet.DELIVERED, "x": OutcomeSet.UNKNOWN_RECIPIENT, "c": OutcomeSet.COMPLAINT}
    counters = Counters(sizes)
    for second, outcome in enumerate(outcomes):
        counters.record(1000 + second, 0, sets[outcome], COUNTING)
    return counters


def at_the_line(bad: int, total: int, line: Fraction) -> bool:
    return bad >= line * max(total, ENOUGH_SENDS)


def bad_outcomes_by_simulation(bad: int, total: int, size: int, line: Fraction) -> int:
    """Send bad ones until the line is reached; where the window is full, each takes the place of a good one."""
    for further in count():
        if at_the_line(bad, total, line):
            return further
        bad, total = bad + 1, min(size, total + 1)
    raise AssertionError


def sends_by_simulation(bad: int, total: int, size: int, line: Fraction, present: Fraction) -> float:
    """Send at the present rate until the line is reached; where the window is full, each takes an old one's place."""
    if at_the_line(bad, total, line):
        return 0
    old = Fraction(bad, total) if total else Fraction(0)
    inside, left = Fraction(bad), total
    for further in range(1, 3 * size):
        inside += present
        if total < size:
            total += 1
        elif left > 0:  # the oldest leave, with the rate that the window had
            inside, left = inside - old, left - 1
        else:
            return inf
        if inside >= line * max(total, ENOUGH_SENDS):
            return further
    return inf


# Sizes of which every bucket is one send, so that windows are exact.
@given(
    st.integers(0, 159).flatmap(lambda bad: st.tuples(st.just(bad), st.integers(bad, 159))),
    st.sampled_from([110, 150]),
    st.sampled_from(["x", "c"]),
)
def test_further_bad_outcomes_are_those_of_a_simulation(numbers: tuple[int, int], size: int, kind: str) -> None:
    bad, total = numbers
    signal = Signal.BOUNCE if kind == "x" else Signal.COMPLAINT
    counters = counters_of(kind * bad + "." * (total - bad), WindowSizes((size,), (size,)))
    window = (counters.bounces if signal is Signal.BOUNCE else counters.complaints).window(size)

    expected = bad_outcomes_by_simulation(window.bad, window.total, size, LINES[signal])

    assert expected == headroom(counters, signal).bad_outcomes


@given(st.integers(100, 2000), st.integers(0, 300), st.integers(0, 200))
def test_further_sends_are_those_of_a_simulation(good: int, old_bad: int, recent_bad: int) -> None:
    size = 2000
    old = "." * good + "x" * min(old_bad, good // 25)
    recent = "".join("x" if place * 7919 % 200 < recent_bad else "." for place in range(200))
    counters = counters_of(old + recent, WindowSizes((size,), (size,)))
    window, present = counters.bounces.window(size), counters.bounces.window(200)

    simulated = sends_by_simulation(
        window.bad, window.total, size, LINES[Signal.BOUNCE], Fraction(present.bad, present.total)
    )
    answer = headroom(counters, Signal.BOUNCE).sends

    if simulated == inf:
        assert answer is None
    else:
        assert answer is not None
        assert abs(answer - simulated) <= 2


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("", Headroom(5, None, 150)),
        ("." * 99, Headroom(6, None, 150)),
        ("x" * 4 + "." * 50, Headroom(1, None, 150)),
        ("x" * 5 + "." * 50, Headroom(0, 0, 150)),
        ("x" * 7 + "." * 133, Headroom(0, 0, 150)),  # exactly 5 %, which is no round number in binary
        ("x" * 6 + "." * 134, Headroom(2, None, 150)),
        ("." * 1000, Headroom(8, None, 150)),
    ],
)
def test_headroom_counts_to_the_line_and_never_below_what_the_platform_assesses(
    outcomes: str, expected: Headroom
) -> None:
    assert expected == headroom(counters_of(outcomes, WindowSizes((150,), (150,))), Signal.BOUNCE)


def test_the_worst_of_the_windows_is_told() -> None:
    # Bad lately: the short window is nearer to the line than the long one.
    counters = counters_of("." * 400 + "x" * 4 + "." * 96, WindowSizes((100, 500), (100,)))

    assert headroom(counters, Signal.BOUNCE) == Headroom(1, None, 100)


@pytest.mark.parametrize("signal", list(Signal))
@pytest.mark.parametrize("total", [100, 140, 700, 3000, 9_999, 10_000])
def test_at_the_line_is_nothing_left_whatever_binary_makes_of_it(signal: Signal, total: int) -> None:
    bad = LINES[signal] * total
    kind = "x" if signal is Signal.BOUNCE else "c"
    if bad.denominator != 1:
        bad = Fraction(int(bad) + 1)
    counters = counters_of(kind * int(bad) + "." * (total - int(bad)), WindowSizes((10_000,), (10_000,)))

    assert headroom(counters, signal).bad_outcomes == 0


@pytest.mark.parametrize(
    ("bad", "total", "expected"), [(0, 0, None), (1, 1, None), (99, 99, None), (0, 100, 0.0), (5, 100, 0.05)]
)
def test_too_few_sends_make_no_rate(bad: int, total: int, expected: float | None) -> None:
    assert rate(bad, total) == expected
