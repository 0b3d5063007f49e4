"""How much an account sends."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breaker.domain.windows.windows import Series

DAY = 86_400
WEEK = 7 * DAY
WORKING_DAYS = 5


def weekly_sends(series: Series) -> float:
    """Return the sends of the seven days before the latest one, each of which was a chance of a false alarm.

    Where the series does not reach back so far, they are taken to go on as they are: newer sends may fill it, and an
    account may be new. A new one is taken to send on five days a week, and of its first day no more is made than if it
    had lasted a whole one.
    """
    starts, totals, _ = series.buckets()
    if not starts:
        return 0.0
    first = bisect_left(starts, series.latest - WEEK)
    sends = sum(totals[first:])
    if first:
        return float(sends)
    span = series.latest - starts[0]
    if series.truncated:
        return sends * WEEK / max(1, span)
    return sends * max(1.0, WORKING_DAYS * DAY / max(span, DAY))
