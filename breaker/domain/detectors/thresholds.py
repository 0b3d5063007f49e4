"""How much is needed before a step is asked for: more, the more an account sends.

A threshold gives a constant chance of a false alarm to every *send*, so an account that sends ten times as much is
falsely suspected ten times as often. What an operator can bear is a number of false alarms a week. So a detector has a
ladder of thresholds, each of which is good for accounts up to some weekly volume.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple


class Threshold(NamedTuple):
    """A threshold, and who it is high enough for.

    Attributes:
        value: The threshold.
        weekly_sends: Accounts that send no more than this in seven days.
    """

    value: int
    weekly_sends: float


Ladder = tuple[Threshold, ...]
"""Thresholds, the lowest first."""


def threshold_for(ladder: Ladder, weekly_sends: float) -> int | None:
    """Return the lowest threshold that is high enough for an account, or None where none is."""
    place = bisect_left(ladder, weekly_sends, key=lambda one: one.weekly_sends)
    return ladder[place].value if place < len(ladder) else None
