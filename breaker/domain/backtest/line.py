"""The platform's own line, as it is assumed: when an account would have come under review.

For each R, the bad outcomes of the R most recent sends, by the time of sending and exact to the send, are held against
5 % of them for bounces, from 1,000 known sends on, and against 0.1 % for complaints, once the window is full.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.detectors.detectors import PLATFORM_LINES, Signal
from breaker.domain.statistics.cusum import weight
from breaker.domain.windows.timeline import moment_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.windows.timeline import Timeline

JUDGED_FROM = 1_000
"""Known sends from which on bounces are held against the line."""

_ROUNDING = 1e-9


class Reached(NamedTuple):
    """A line that was reached.

    Attributes:
        at: When, Unix seconds.
        after_sends: The account's sends with a known outcome by then.
    """

    at: float
    after_sends: int


class Beginning(NamedTuple):
    """Where what led to a line began, as far as the outcomes tell.

    Attributes:
        at: When the first of those sends was sent, Unix seconds.
        after_sends: The account's sends before it.
    """

    at: float
    after_sends: int


class PlatformLine:
    """The line of one signal, for each R.

    Args:
        signal: The rate.
        sizes: The R.
        timeline: The account's sends.

    Attributes:
        reached: When the line was reached first, by R.
        beginning: Where that began, once a line was reached.
        wakes_at: How many sends there have to be until a look is worth it, however good the outcome.
        below_since: Since when the rate is below the line again for the smallest R that reached it, Unix seconds; None
            while it is not.
    """

    __slots__ = (
        "_left",
        "_line",
        "_timeline",
        "_watched",
        "beginning",
        "below_since",
        "reached",
        "signal",
        "sizes",
        "wakes_at",
    )

    def __init__(self, signal: Signal, sizes: Sequence[int], timeline: Timeline) -> None:
        """Begin with no line reached."""
        self.signal = signal
        self.sizes = tuple(sizes)
        self.reached: dict[int, Reached] = {}
        self.beginning: Beginning | None = None
        self.below_since: float | None = None
        self._line = PLATFORM_LINES[signal]
        self._timeline = timeline
        self._left = [(size, enough(signal, size)) for size in self.sizes]
        self._watched: int | None = None
        self.wakes_at: float = min(least for _, least in self._left)

    def move(self, timeline: Timeline) -> None:
        """Look at other sends from now on: the account was joined with another."""
        self._timeline = timeline

    def look(self, now: float, after_sends: int, *, bad: bool) -> None:
        """Look at the rates after an outcome was counted.

        Args:
            now: When it became known, Unix seconds.
            after_sends: The account's sends with a known outcome.
            bad: Whether it was a bad one: no other can bring a rate up, once it is judged at all.
        """
        if self._watched is not None:
            if self._is_reached(self._watched):
                self.below_since = None
            elif self.below_since is None:
                self.below_since = now
        total = self._timeline.total
        for size, least in self._left:
            if (total >= least if bad else total == least) and self._is_reached(size):
                self.reached[size] = Reached(now, after_sends)
                self.beginning = self.beginning or self._beginning(after_sends)
                self._watched = min(self.reached)
        if len(self.reached) + len(self._left) > len(self.sizes):
            self._left = [one for one in self._left if one[0] not in self.reached]
        if self._watched is not None:
            self.wakes_at = 0  # until it is below the line again, and above, and below
        elif total >= self.wakes_at:
            self.wakes_at = min((least for _, least in self._left if least > total), default=inf)

    def _is_reached(self, size: int) -> bool:
        bad, total = self._timeline.window(size)
        return bad >= self._line * total - _ROUNDING

    def _beginning(self, after_sends: int) -> Beginning:
        """Return where the run of neighbouring sends begins that tells a bad rate best from a good one (Page, 1954)."""
        m = weight(self._line / 2, self._line * 2)
        sends, bad = self._timeline.sends, self._timeline.bad
        left, begins = len(sends), 0
        best = -inf
        for count, mark in enumerate(reversed(bad), 1):
            left = bisect_left(sends, mark, 0, left)
            score = m * count - (len(sends) - left)
            if score > best:
                best, begins = score, left
        return Beginning(moment_of(sends[begins]), max(0, after_sends - (len(sends) - begins)))


def enough(signal: Signal, size: int) -> int:
    """Return how many known sends it takes until the rate over a window of R is held against the line."""
    return size if signal is Signal.COMPLAINT else min(size, JUDGED_FROM)
