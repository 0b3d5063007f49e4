"""Counts by brute force, to compare with what is counted in constant space."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from breaker.domain.windows.windows import WindowCount


class Exact(NamedTuple):
    """What a window holds; sends of the second at its edge may be chosen either way, so the bad ones are a range."""

    total: int
    fewest_bad: int
    most_bad: int


def exact_window(sends: Iterable[tuple[int, int]], size: int) -> Exact:
    """Count the `size` most recent of `(sent_at, bad)` sends, in any order."""
    newest_first = sorted(sends, reverse=True)
    if len(newest_first) <= size:
        bad = sum(bad for _, bad in newest_first)
        return Exact(len(newest_first), bad, bad)
    edge = newest_first[size - 1][0]
    inside = sum(bad for sent_at, bad in newest_first if sent_at > edge)
    room = size - sum(1 for sent_at, _ in newest_first if sent_at > edge)
    at_edge = [bad for sent_at, bad in newest_first if sent_at == edge]
    good = len(at_edge) - sum(at_edge)
    return Exact(size, inside + max(0, room - good), inside + min(room, sum(at_edge)))


def is_within_a_hundredth(window: WindowCount, exact: Exact) -> bool:
    """Tell whether a window tells sends and bad ones to within 1 % of its R."""
    margin = window.size / 100
    return (
        abs(window.total - exact.total) <= margin
        and exact.fewest_bad - margin <= window.bad <= exact.most_bad + margin
        and 0 <= window.bad <= window.total
    )


class Arrival(NamedTuple):
    """Something becomes known of send number `send`: that it was sent, or that it is bad after all."""

    send: int
    sent_at: int
    bad: int
    late: bool


def arrivals(seed: int, count: int, span: int, disorder: float, bad_share: float) -> Iterator[Arrival]:
    """Make sends and their outcomes, in the order in which they become known.

    Args:
        seed: What decides.
        count: How many sends.
        span: Seconds that they are sent within; few mean many of one second.
        disorder: Seconds by which an outcome is late at most; as many as `span` mean any order at all.
        bad_share: How many are bad, half of them only later than they are first known.
    """
    random = Random(seed)
    known: list[tuple[float, Arrival]] = []
    for send in range(count):
        sent_at = 1_000_000 + random.randrange(span)
        bad = random.random() < bad_share
        late = bad and random.random() < 0.5
        first_known = sent_at + random.random() * disorder
        known.append((first_known, Arrival(send, sent_at, int(bad and not late), late=False)))
        if late:
            known.append((first_known + random.random() * (disorder + span / 4), Arrival(send, sent_at, 1, late=True)))
    known.sort(key=lambda one: one[0])
    return (arrival for _, arrival in known)


def newest_first(sends: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Order `(sent_at, anything)` as the ledger gives it."""
    return sorted(sends, key=lambda send: -send[0])
