"""The rules of others, ready to be held against what happened.

A rule is a condition on what is known of an account at one moment: so many bad outcomes among so many sends within a
time, or among the last so many. When it is looked at is the rule's own: at a bad outcome, or by a clock. It fires once;
how long its condition goes on holding is kept, which says when it would let go.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol

from breaker.domain.detectors import Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from breaker.domain.outcomes import Tally

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


@dataclass(frozen=True, slots=True)
class Preset:
    """The rule of somebody else.

    Args:
        name: What it is called on the command line.
        conditions: It fires when any of these holds.
        every: Seconds between two looks by the clock, at whole multiples of it; 0 where outcomes call for a look.
        rests: Seconds after a look within which outcomes call for no other.
        any_outcome: Whether good outcomes call for a look too.
    """

    name: str
    conditions: tuple[Condition, ...]
    every: float = 0.0
    rests: float = 0.0
    any_outcome: bool = False


class Fired(NamedTuple):
    """A rule that fired.

    Attributes:
        at: When, Unix seconds.
        after_sends: The account's sends with a known outcome by then.
        signal: What it was about.
    """

    at: float
    after_sends: int
    signal: Signal


@dataclass(slots=True)
class Watch:
    """One rule, held against one account.

    Args:
        preset: The rule.
        fired: When it fired first.
        held_at: When its condition held last, Unix seconds.
        looked_at: When it was looked at last.
    """

    preset: Preset
    fired: Fired | None = None
    held_at: float = -inf
    looked_at: float = -inf

    def look(self, book: Book, now: float) -> None:
        """Look at the conditions."""
        self.looked_at = now
        for condition in self.preset.conditions:
            if condition.holds(book, now):
                self.held_at = now
                if self.fired is None:
                    self.fired = Fired(now, book.came[Signal.BOUNCE].ever()[1], condition.signal)
                return

    def catch_up(self, book: Book, now: float) -> None:
        """Take all looks by the clock that were due by a moment."""
        every = self.preset.every
        if self.looked_at == -inf:
            self.looked_at = now - now % every
        due = self.looked_at + every
        while due <= now:
            if not _may_hold(book, due):
                self.looked_at = now - now % every
                return
            self.look(book, due)
            due += every


@dataclass(slots=True)
class Others:
    """All rules of others, held against one account.

    Args:
        presets: The rules.
    """

    presets: Sequence[Preset]
    book: Book = field(default_factory=Book)
    watches: list[Watch] = field(init=False)

    def __post_init__(self) -> None:
        """Begin to watch."""
        self.watches = [Watch(preset) for preset in self.presets]

    def take(self, now: float, sent_at: float, change: Tally) -> None:
        """Take in an outcome.

        Args:
            now: When it became known, Unix seconds.
            sent_at: When the send was sent.
            change: What it added to the counts.
        """
        for watch in self.watches:
            if watch.preset.every:
                watch.catch_up(self.book, now)
        self.book.add(now, sent_at, change)
        bad = change.hard_bounces > 0 or change.complaints > 0
        for watch in self.watches:
            preset = watch.preset
            if not preset.every and (bad or preset.any_outcome) and now - watch.looked_at >= preset.rests:
                watch.look(self.book, now)

    def end(self, now: float) -> None:
        """Take the looks by the clock that are due until the end of what was recorded."""
        for watch in self.watches:
            if watch.preset.every:
                watch.catch_up(self.book, now)


def _may_hold(book: Book, now: float) -> bool:
    """Tell whether anything bad is recent enough for a look by the clock to find it."""
    return any(
        counted.bad and counted.bad[-1] >= now - DAY
        for by_signal in (book.came, book.sent)
        for counted in by_signal.values()
    )


def _insert(times: list[float], at: float) -> None:
    if not times or at >= times[-1]:
        times.append(at)
    else:
        insort(times, at)


def chosen(names: Iterable[str], presets: Sequence[Preset]) -> tuple[Preset, ...]:
    """Return the presets of these names, each once, in their own order; `all` is every one.

    Raises:
        ValueError: There is none of a name.
    """
    asked = set(names)
    known = {preset.name for preset in presets}
    if unknown := sorted(asked - known - {"all"}):
        raise ValueError(f"no preset is called {unknown[0]!r}: there are {', '.join(sorted(known))}, and all")
    return tuple(preset for preset in presets if "all" in asked or preset.name in asked)
