"""Spans of time that a history was read for, and those that are still to be read.

A span is half open: it has its first second and not its last, so that spans that follow each other share no event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIRST = 86_400
"""Seconds that are read at once first."""

LONGEST = 7 * 86_400
"""Seconds that are read at once at most."""

SHORTEST = 60
"""Seconds that are read at once at least."""

COMFORTABLE = 20_000
"""Events that are read at once where that can be chosen: they are held in memory together, some ten MB."""


class Span(NamedTuple):
    """A span of time.

    Attributes:
        begins_at: Its first second, Unix seconds.
        ends_at: The second after its last.
    """

    begins_at: int
    ends_at: int

    @property
    def seconds(self) -> int:
        """How long it is."""
        return max(0, self.ends_at - self.begins_at)


def missing(wanted: Span, covered: Iterable[Span]) -> tuple[Span, ...]:
    """Return what of a span is not covered, the earliest first.

    Args:
        wanted: The span.
        covered: Spans in any order; they may overlap.
    """
    found: list[Span] = []
    begins_at = wanted.begins_at
    for one in sorted(covered):
        if one.begins_at >= wanted.ends_at:
            break
        if one.begins_at > begins_at:
            found.append(Span(begins_at, one.begins_at))
        begins_at = max(begins_at, one.ends_at)
    if begins_at < wanted.ends_at:
        found.append(Span(begins_at, wanted.ends_at))
    return tuple(found)


def cut(span: Span, seconds: int) -> Iterator[Span]:
    """Cut a span into parts of some length, the earliest first; the last may be shorter."""
    for begins_at in range(span.begins_at, span.ends_at, seconds):
        yield Span(begins_at, min(begins_at + seconds, span.ends_at))


def next_length(seconds: int, events: int) -> int:
    """Return how much to read at once next, after so many events came in so many seconds.

    It is halved where there were many, and doubled where there were few, so that a quiet fleet's quarter takes some
    twenty reads and a busy fleet's hour does not fill the memory.
    """
    if events > COMFORTABLE:
        return max(SHORTEST, seconds // 2)
    return min(LONGEST, seconds * 2) if events * 4 < COMFORTABLE else seconds
