"""What can hold of an account at a moment: what others' rules are made of, and what they can know."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Protocol

from breaker.domain.detectors.detectors import Signal

if TYPE_CHECKING:
    from breaker.domain.outcomes.outcomes import Tally

HOUR = 3_600.0
DAY = 24 * HOUR
WEEK = 7 * DAY
_KEPT = 10_000
_SLACK = 5_000
_ROUNDING = 1e-12


class Counted:
    """What a signal is judged by, by time, for as long as any rule looks back."""

    __slots__ = ("bad", "forgotten", "forgotten_bad", "sends")

    def __init__(self) -> None:
        """Know nothing yet."""
        self.sends: list[float] = []
        self.bad: list[float] = []
        self.forgotten = 0
        self.forgotten_bad = 0

    def add(self, at: float, *, send: bool, bad: bool) -> None:
        """Count a send, a bad outcome, or both."""
        if send:
            _insert(self.sends, at)
            if len(self.sends) >= 2 * _KEPT and self.sends[_SLACK] < at - WEEK:
                self._forget(self.sends[_SLACK])
        if bad:
            _insert(self.bad, at)

    def since(self, at: float) -> tuple[int, int]:
        """Return the bad ones and all sends from a moment on."""
        bad, sends = self.bad, self.sends
        return len(bad) - bisect_left(bad, at), len(sends) - bisect_left(sends, at)

    def last(self, size: int) -> tuple[int, int]:
        """Return the same of the most recent sends."""
        sends = self.sends
        return (len(self.bad), len(sends)) if len(sends) <= size else (self.since(sends[-size])[0], size)

    def ever(self) -> tuple[int, int]:
        """Return the same from the beginning."""
        return len(self.bad) + self.forgotten_bad, len(self.sends) + self.forgotten

    def _forget(self, before: float) -> None:
        sends, bad = bisect_left(self.sends, before), bisect_left(self.bad, before)
        self.forgotten += sends
        self.forgotten_bad += bad
        del self.sends[:sends]
        del self.bad[:bad]


class Book:
    """What others can know of an account: each signal, by when outcomes came and by when their sends were sent.

    Attributes:
        first_at: When the first outcome came, Unix seconds.
        came: What is counted by signal, at the time at which it became known.
        sent: The same at the time of sending.
    """

    __slots__ = ("came", "first_at", "sent")

    def __init__(self) -> None:
        """Know nothing yet."""
        self.first_at = inf
        self.came = {signal: Counted() for signal in Signal}
        self.sent = {signal: Counted() for signal in Signal}

    def add(self, now: float, sent_at: float, change: Tally) -> None:
        """Enter what an outcome added to the counts."""
        self.first_at = min(self.first_at, now)
        for signal, send, bad in (
            (Signal.BOUNCE, change.sends, change.hard_bounces),
            (Signal.COMPLAINT, change.delivered, change.complaints),
        ):
            if send or bad:
                self.came[signal].add(now, send=send > 0, bad=bad > 0)
                self.sent[signal].add(sent_at, send=send > 0, bad=bad > 0)


class Condition(Protocol):
    """Something that holds of an account at a moment, or does not."""

    @property
    def signal(self) -> Signal:
        """What it is about."""
        ...

    def holds(self, book: Book, now: float) -> bool:
        """Tell whether it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Share:
    """A rate over a time.

    Args:
        signal: The rate.
        rate: The rate, a fraction, from which on it holds.
        window: Seconds that are looked back over; infinite for all that ever was.
        sends: Sends that there must be.
        bad: Bad outcomes that there must be.
        by_sending: Whether sends and what became of them belong to when they were sent, not to when it became known.
        beyond: Whether the rate must be beyond `rate`.
    """

    signal: Signal
    rate: float
    window: float
    sends: int
    bad: int = 1
    by_sending: bool = False
    beyond: bool = False

    def holds(self, book: Book, now: float) -> bool:
        """Tell whether it holds."""
        counted = (book.sent if self.by_sending else book.came)[self.signal]
        bad, sends = counted.ever() if self.window == inf else counted.since(now - self.window)
        if bad < self.bad or sends < self.sends:
            return False
        line = self.rate * sends
        return bad > line + _ROUNDING if self.beyond else bad >= line - _ROUNDING


@dataclass(frozen=True, slots=True)
class LastShare:
    """A rate over the most recent sends, by when they were sent.

    Args:
        signal: The rate.
        rate: The rate, a fraction, from which on it holds.
        size: How many of the most recent sends.
        sends: Sends that there must be.
        beyond: Whether the rate must be beyond `rate`.
    """

    signal: Signal
    rate: float
    size: int
    sends: int
    beyond: bool = False

    def holds(self, book: Book, now: float) -> bool:  # noqa: ARG002 - it looks at no clock
        """Tell whether it holds."""
        bad, sends = book.sent[self.signal].last(self.size)
        line = self.rate * sends
        return sends >= self.sends and (bad > line + _ROUNDING if self.beyond else bad >= max(1.0, line - _ROUNDING))


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A number of bad outcomes within a time, for accounts that are young.

    Args:
        signal: Which bad outcomes.
        bad: How many.
        window: Seconds that are looked back over.
        youth: For how long after its first outcome an account is young, in seconds.
    """

    signal: Signal
    bad: int
    window: float
    youth: float

    def holds(self, book: Book, now: float) -> bool:
        """Tell whether it holds."""
        if now - book.first_at >= self.youth:
            return False
        return book.came[self.signal].since(now - self.window)[0] >= self.bad


def _insert(times: list[float], at: float) -> None:
    if not times or at >= times[-1]:
        times.append(at)
    else:
        insort(times, at)
