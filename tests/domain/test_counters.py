from __future__ import annotations

from bisect import insort
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breaker.domain.outcomes.outcomes import NOTHING, Counting, OutcomeSet, Tally
from breaker.domain.windows.counters import Counters, WindowSizes
from tests.domain.recount import exact_window, is_within_a_hundredth, newest_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.windows.windows import Series

COUNTING = Counting()
SMALL = WindowSizes((100, 300), (200,))
DELIVERED, COMPLAINT, FEEDBACK = OutcomeSet.DELIVERED, OutcomeSet.COMPLAINT, OutcomeSet.FEEDBACK
UNKNOWN, FULL, REJECTED = OutcomeSet.UNKNOWN_RECIPIENT, OutcomeSet.MAILBOX_FULL, OutcomeSet.REJECTED


def right(counters: Counters, sends: Sequence[tuple[int, int]]) -> bool:
    """Tell whether all windows are within 1 % of a recount of `(sent_at, outcomes)`."""
    tallies = [(at, COUNTING.tally(outcomes)) for at, outcomes in sends if at >= counters.restarted_at]
    expected: list[tuple[Series, list[tuple[int, int]]]] = [
        (counters.bounces, [(at, t.hard_bounces) for at, t in tallies if t.sends]),
        (counters.complaints, [(at, t.complaints) for at, t in tallies if t.delivered]),
        (counters.feedback, [(at, t.feedback_complaints) for at, t in tallies if t.feedback_delivered]),
    ]
    return all(
        is_within_a_hundredth(window, exact_window(of, window.size))
        for series, of in expected
        for window in series.windows()
    )


def history(seed: int, count: int, span: int) -> list[tuple[int, int]]:
    """Make `(sent_at, outcomes)` of many sends, in no order."""
    random = Random(seed)
    sets = [DELIVERED] * 6 + [DELIVERED | FEEDBACK] * 3 + [UNKNOWN, FULL, REJECTED, COMPLAINT | FEEDBACK, COMPLAINT]
    return [(1_000_000 + random.randrange(span), int(random.choice(sets))) for _ in range(count)]


def kept(sends: Sequence[tuple[int, int]], counters: Counters) -> Counters:
    """Count sends one by one, with a recount where it is asked for."""
    ledger: list[tuple[int, int]] = []
    for sent_at, outcomes in sends:
        ledger.append((sent_at, outcomes))
        counters.record(sent_at, 0, outcomes, COUNTING)
        if counters.crowded:
            counters.recount(newest_first(ledger), COUNTING)
    return counters


@given(st.integers(0, 2**32), st.sampled_from([0, 50, 600]), st.sampled_from([1, 100, 100_000]))
@settings(max_examples=20)
def test_all_three_series_are_within_a_hundredth_of_a_recount(seed: int, count: int, span: int) -> None:
    sends = history(seed, count, span)

    assert right(kept(sends, Counters(SMALL)), sends)


@given(st.integers(0, 2**32), st.sampled_from([0, 50, 600]), st.sampled_from([1, 100, 100_000]))
@settings(max_examples=20)
def test_a_whole_ledger_counts_as_its_sends_one_by_one(seed: int, count: int, span: int) -> None:
    sends = history(seed, count, span)
    one_by_one = kept(sends, Counters(SMALL))

    counters = Counters.from_ledger(SMALL, newest_first(sends), COUNTING)

    assert counters.totals == one_by_one.totals
    assert counters.by_class == one_by_one.by_class
    assert right(counters, sends)


@given(st.integers(0, 2**32))
@settings(max_examples=15)
def test_bytes_and_back_are_the_same_counters(seed: int) -> None:
    counters = kept(history(seed, 500, 10_000), Counters(SMALL, restarted_at=1_003_000.5))
    counters.evidence = {"level": -5, "a-name-of-15-le": 2**62}
    stored = counters.to_bytes()

    read = Counters.from_bytes(SMALL, stored)

    assert read.to_bytes() == stored
    assert (read.totals, read.by_class, read.evidence) == (counters.totals, counters.by_class, counters.evidence)
    assert read.restarted_at == 1_003_000.5
    assert read.bounces.windows() == counters.bounces.windows()
    assert read.complaints.windows() == counters.complaints.windows()
    assert read.feedback.windows() == counters.feedback.windows()


@pytest.mark.parametrize("lateness", [0, 10_000_000], ids=["in order", "in any order"])
def test_counters_of_a_hundred_thousand_sends_take_less_than_four_kilobytes(lateness: int) -> None:
    random = Random(lateness)
    counters = Counters(WindowSizes())
    ledger: list[tuple[int, int]] = []
    longest = 0
    by_arrival = sorted((second + random.random() * lateness, second) for second in range(100_000))
    for position, (_, second) in enumerate(by_arrival):
        insort(ledger, (second, int(DELIVERED | FEEDBACK)))
        counters.record(second, 0, DELIVERED | FEEDBACK, COUNTING)
        if counters.crowded:
            newest = ledger[:-12_000:-1]
            counters.recount(newest, COUNTING, complete=len(newest) == len(ledger))
        if position % 101 == 0:
            longest = max(longest, len(counters.to_bytes()))

    assert longest < 3_900  # the rest of an account's row takes some hundred
    assert not counters.crowded


def test_sends_from_before_a_reset_count_no_longer() -> None:
    counters = Counters(SMALL, restarted_at=1000.5)

    assert counters.record(1000, 0, UNKNOWN, COUNTING) == NOTHING
    assert counters.record(1001, 0, UNKNOWN, COUNTING) == Tally(1, 1, 1, 0, 0, 0, 0, 0)
    assert counters.totals == Tally(1, 1, 1, 0, 0, 0, 0, 0)

    counters.recount([(1001, int(UNKNOWN)), (1000, int(UNKNOWN))], COUNTING)

    assert counters.bounces.window(100) == (100, 1, 1)


def test_windows_of_other_sizes_ask_for_a_recount_and_totals_stay() -> None:
    sends = history(1, 500, 10_000)
    counters = kept(sends, Counters(SMALL))
    other = WindowSizes((50, 150), (100,))

    read = Counters.from_bytes(other, counters.to_bytes())
    asks, totals = read.crowded, read.totals
    read.recount(newest_first(sends), COUNTING)

    assert asks
    assert totals == read.totals == counters.totals
    assert not read.crowded
    assert right(read, sends)


# Few recipients' domains send feedback, so the newest sends hold less of them than the window does.
SELDOM_FEEDBACK = [(second, int(DELIVERED | FEEDBACK if second % 10 == 0 else DELIVERED)) for second in range(5000)]


def test_a_recount_leaves_windows_alone_that_are_not_crowded() -> None:
    counters = kept(SELDOM_FEEDBACK, Counters(SMALL))
    counters.bounces.crowded = True

    counters.recount(newest_first(SELDOM_FEEDBACK)[:600], COUNTING)

    assert not counters.crowded
    assert right(counters, SELDOM_FEEDBACK)


def test_windows_stay_crowded_while_the_sends_of_a_recount_do_not_reach_back_far_enough() -> None:
    counters = kept(SELDOM_FEEDBACK, Counters(SMALL))
    counters.bounces.crowded = counters.feedback.crowded = True

    counters.recount(newest_first(SELDOM_FEEDBACK)[:600], COUNTING, complete=False)

    assert not counters.bounces.crowded
    assert counters.feedback.crowded

    counters.recount(newest_first(SELDOM_FEEDBACK), COUNTING, complete=True)

    assert not counters.crowded
    assert right(counters, SELDOM_FEEDBACK)


def test_no_counters_are_empty_ones() -> None:
    assert Counters.from_bytes(SMALL, None).to_bytes() == Counters(SMALL).to_bytes()


def test_counters_of_a_newer_version_are_refused() -> None:
    stored = bytearray(Counters(SMALL).to_bytes())
    stored[0] = 200

    with pytest.raises(ValueError, match=r"version 200 .* newer"):
        Counters.from_bytes(SMALL, bytes(stored))


def test_the_same_sends_make_the_same_bytes() -> None:
    sends = history(7, 900, 5000)

    assert kept(sends, Counters(SMALL)).to_bytes() == kept(sends, Counters(SMALL)).to_bytes()


@given(st.integers(0, 2**32), st.integers(0, 30))
@settings(max_examples=20)
def test_what_others_are_to_blame_for_can_be_left_out(seed: int, left_out: int) -> None:
    sends = newest_first(history(seed, 150, 100_000))
    bounced = [place for place, (_, outcomes) in enumerate(sends) if outcomes == UNKNOWN][:left_out]
    healed = [(at, DELIVERED if place in bounced else outcomes) for place, (at, outcomes) in enumerate(sends)]

    counters = Counters.from_ledger(SMALL, sends, COUNTING)
    judged = counters.without([sends[place][0] for place in bounced])

    expected = Counters.from_ledger(SMALL, healed, COUNTING)
    assert judged.bounces.windows() == expected.bounces.windows()
    assert judged.totals.hard_bounces == expected.totals.hard_bounces
    assert judged.latest == counters.latest
    assert counters.totals == Counters.from_ledger(SMALL, sends, COUNTING).totals


def test_what_is_from_before_a_reset_or_beyond_all_windows_is_left_out_already() -> None:
    counters = Counters(SMALL, restarted_at=500)
    counters.record(400, 0, UNKNOWN, COUNTING)
    counters.record(600, 0, UNKNOWN, COUNTING)

    assert counters.without([400]).totals.hard_bounces == 1
    assert counters.without([600]).bounces.windows() == counters.without([600, 550]).bounces.windows()
