from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from breaker.domain.windows.timeline import Timeline, mark_of
from breaker.domain.windows.windows import Series
from tests.domain.recount import exact_window

SIZES = (20, 60, 200)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(0, 900), st.integers(1, 2_000))
def test_a_timeline_counts_windows_exactly_and_makes_the_series_that_a_recount_makes(
    seed: int, count: int, span: int
) -> None:
    source = Random(seed)
    timeline = Timeline(SIZES[-1])
    sends: dict[int, tuple[int, int]] = {}
    for name in source.sample(range(1, 100_000), count):
        sent_at = 1_000_000 + len(sends) + source.randrange(span)
        timeline.waiting.append(mark_of(sent_at, name))
        sends[name] = (sent_at, 0)
        if source.random() < 0.2:
            late = source.choice(list(sends))
            if not sends[late][1]:
                sends[late] = (sends[late][0], 1)
                timeline.add_bad(mark_of(sends[late][0], late))
        if source.random() < 0.3:
            timeline.window(SIZES[0])
    # As the ledger tells them: the newest first, and within a second by name.
    ordered = [sends[name] for name in sorted(sends, key=lambda name: (-sends[name][0], name))]

    assert timeline.total == count
    for size in SIZES:
        bad, total = timeline.window(size)
        exact = exact_window(ordered, size)
        assert total == exact.total
        assert bad == sum(bad for _, bad in ordered[:size])
        assert exact.fewest_bad <= bad <= exact.most_bad
    assert timeline.series(SIZES).to_bytes() == Series.recounted(SIZES, ordered).to_bytes()


def test_sends_that_the_ledger_dropped_are_in_no_recounted_series() -> None:
    timeline = Timeline(SIZES[-1])
    for name in range(50):
        timeline.waiting.append(mark_of(1_000 + name, name))

    assert timeline.series(SIZES, since=1_040).window(SIZES[0]).total == 10
