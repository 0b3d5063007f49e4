"""How much an account sends."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breaker.domain.windows import Series

WEEK = 7 * 86_400


def weekly_sends(series: Series) -> float:
    """Return the sends of the seven days before the latest one, each of which was a chance of a false alarm.

    Where the series does not reach back so far, because newer sends fill it, they are taken to go on as they are.
    """
    starts, totals, _ = series.buckets()
    if not starts:
        return 0.0
    first = bisect_left(starts, series.latest - WEEK)
    sends = sum(totals[first:])
    if first == 0 and series.truncated:
        return sends * WEEK / max(1, series.latest - starts[0])
    return float(sends)
