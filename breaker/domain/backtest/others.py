"""The rules of others, held against what happened.

A rule is a condition on what is known of an account at one moment: so many bad outcomes among so many sends within a
time, or among the last so many. When it is looked at is the rule's own: at a bad outcome, or by a clock. It fires once;
how long its condition goes on holding is kept, which says when it would let go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.backtest.conditions import DAY, Book
from breaker.domain.detectors.detectors import Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from breaker.domain.backtest.conditions import Condition
    from breaker.domain.outcomes.outcomes import Tally


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
