from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.outcomes.spans import COMFORTABLE, LONGEST, SHORTEST, Span, cut, missing, next_length

_SPANS = st.builds(lambda begins, seconds: Span(begins, begins + seconds), st.integers(0, 60), st.integers(1, 20))


@given(wanted=_SPANS, covered=st.lists(_SPANS))
def test_what_is_missing_is_every_second_that_is_covered_by_nothing(wanted: Span, covered: list[Span]) -> None:
    found = missing(wanted, covered)

    seconds = [second for span in found for second in range(*span)]
    assert seconds == [
        second for second in range(*wanted) if not any(span.begins_at <= second < span.ends_at for span in covered)
    ]
    assert all(one.ends_at < other.begins_at for one, other in pairwise(found))


def test_a_span_is_cut_into_parts_of_which_the_last_may_be_shorter() -> None:
    assert list(cut(Span(10, 35), 10)) == [Span(10, 20), Span(20, 30), Span(30, 35)]


def test_a_busy_time_is_read_in_shorter_parts_and_a_quiet_one_in_longer_ones() -> None:
    assert next_length(3_600, COMFORTABLE + 1) == 1_800
    assert next_length(3_600, COMFORTABLE) == 3_600
    assert next_length(3_600, 10) == 7_200
    assert (next_length(LONGEST, 0), next_length(SHORTEST, 10**6)) == (LONGEST, SHORTEST)
