from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breaker.domain.windows.windows import Series, WindowCount
from tests.domain.recount import Arrival, arrivals, exact_window, is_within_a_hundredth, newest_first

SIZES = st.sampled_from([(1,), (10, 50), (99,), (150,), (100, 300, 1000), (250, 251, 900), (1000,), (200, 400)])

histories = st.builds(
    lambda seed, count, span, disorder, bad: list(arrivals(seed, count, span, disorder * span, bad)),
    st.integers(0, 2**32),
    st.sampled_from([0, 2, 40, 400, 1100, 1500]),
    st.sampled_from([1, 3, 50, 1000, 100_000]),
    st.sampled_from([0, 0.001, 0.01, 0.1, 1, 3]),
    st.sampled_from([0, 0.02, 0.5, 1]),
)


class Recounting:
    """A series as its owner keeps it: built anew from all sends whenever it is crowded."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.series = Series(sizes)
        self.known: dict[int, tuple[int, int]] = {}
        self.recounts = 0

    def take(self, arrival: Arrival) -> None:
        if arrival.send in self.known:
            if not self.known[arrival.send][1]:
                self.series.mark_bad(arrival.sent_at)
        else:
            self.series.add_send(arrival.sent_at, arrival.bad)
        self.known[arrival.send] = (arrival.sent_at, arrival.bad or self.known.get(arrival.send, (0, 0))[1])
        if self.series.crowded:
            self.series = Series.recounted(self.series.sizes, newest_first(list(self.known.values())))
            self.recounts += 1

    def differences(self) -> list[tuple[WindowCount, object]]:
        """Return the windows that are not as a recount has them, with the recount."""
        compared = [(window, exact_window(self.known.values(), window.size)) for window in self.series.windows()]
        return [(window, exact) for window, exact in compared if not is_within_a_hundredth(window, exact)]


@given(histories, SIZES)
@settings(max_examples=30)
def test_each_window_is_within_a_hundredth_of_a_recount(history: list[Arrival], sizes: tuple[int, ...]) -> None:
    kept = Recounting(sizes)
    for position, arrival in enumerate(history):
        kept.take(arrival)
        if position % 101 == 0:
            assert not kept.differences()

    assert not kept.differences()


@given(histories, SIZES)
@settings(max_examples=30)
def test_a_series_that_is_not_crowded_is_right_without_any_recount(
    history: list[Arrival], sizes: tuple[int, ...]
) -> None:
    kept = Recounting(sizes)
    for arrival in history:
        kept.take(arrival)
        if kept.recounts:
            break
    # What crowds a series is counted all the same, so nothing is lost until the recount.
    assert not kept.differences()


@given(histories, SIZES)
@settings(max_examples=30)
def test_a_recounted_series_is_right_and_has_room(history: list[Arrival], sizes: tuple[int, ...]) -> None:
    known: dict[int, tuple[int, int]] = {}
    for arrival in history:
        known[arrival.send] = (arrival.sent_at, arrival.bad or known.get(arrival.send, (0, 0))[1])

    series = Series.recounted(sizes, newest_first(list(known.values())))

    assert not series.crowded
    assert all(is_within_a_hundredth(window, exact_window(known.values(), window.size)) for window in series.windows())


@given(histories, SIZES)
@settings(max_examples=30)
def test_bytes_and_back_is_the_same_series_with_the_same_future(history: list[Arrival], sizes: tuple[int, ...]) -> None:
    middle = len(history) // 2
    kept = Recounting(sizes)
    for arrival in history[:middle]:
        kept.take(arrival)
    stored = kept.series.to_bytes()
    read = Recounting(sizes)
    read.series = Series.from_bytes(sizes, stored)
    read.known = dict(kept.known)

    assert read.series.to_bytes() == stored

    for arrival in history[middle:]:
        kept.take(arrival)
        read.take(arrival)

    assert read.series.to_bytes() == kept.series.to_bytes()


@given(histories)
@settings(max_examples=20)
def test_the_same_arrivals_make_the_same_bytes(history: list[Arrival]) -> None:
    first, second = Recounting((100, 300, 1000)), Recounting((100, 300, 1000))
    for arrival in history:
        first.take(arrival)
    for arrival in history:
        second.take(arrival)

    assert first.series.to_bytes() == second.series.to_bytes()


def test_nothing_sent_is_nothing_in_every_window() -> None:
    series = Series((10, 100))

    assert series.windows() == (WindowCount(10, 0, 0), WindowCount(100, 0, 0))
    assert Series.recounted((10, 100), []).windows() == series.windows()
    assert Series.from_bytes((10, 100), series.to_bytes()).windows() == series.windows()


def test_a_bad_outcome_of_a_send_that_no_window_reaches_changes_nothing() -> None:
    series = Series((10,))
    for second in range(200):
        series.add_send(1000 + second, 0)

    series.mark_bad(1000)
    series.mark_bad(900)
    series.add_send(900, 1)

    assert series.windows() == (WindowCount(10, 0, 10),)


def test_more_bad_ones_than_sends_are_never_counted() -> None:
    series = Series((100,))
    for second in (10, 10, 11):
        series.add_send(second, 0)
    for _ in range(5):
        series.mark_bad(10)

    (window,) = series.windows()

    assert window.bad <= window.total == 3


def test_windows_too_large_for_bytes_are_counted_as_well() -> None:
    series = Series((100_000,))
    for second in range(120_000):
        series.add_send(second, second % 2)
    read = Series.from_bytes((100_000,), series.to_bytes())

    (window,) = read.windows()

    assert abs(window.total - 100_000) <= 1000
    assert abs(window.bad - 50_000) <= 1000


def test_bytes_of_other_sizes_are_refused() -> None:
    series = Series((100_000,))
    for second in range(100):
        series.add_send(second, 0)

    with pytest.raises(ValueError, match="not a series"):
        Series.from_bytes((100,), series.to_bytes())
