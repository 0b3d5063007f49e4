"""Single sends of one account in the order in which they were sent, where they can all be held.

The daemon keeps them in its database, and windows of buckets beside (`domain.windows.windows`). A replay holds the
newest ones itself: it counts a window exact to the send, and builds a crowded series anew without reading them all.

A send is held as a *mark*, one integer: the second in which it was sent and, within a second, an order of its own by
its key, the order in which the daemon's ledger tells them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from breaker.domain.windows.windows import Series

if TYPE_CHECKING:
    from collections.abc import Sequence

_BITS = 64
_LAST = (1 << _BITS) - 1
_KEPT = 1.25  # of the largest R: what a series of it reaches back, and some more


def mark_of(sent_at: int, name: int) -> int:
    """Return the mark of a send.

    Args:
        sent_at: When it was sent, Unix seconds.
        name: The first 64 bits of its key.
    """
    return sent_at << _BITS | _LAST - name


def moment_of(mark: int) -> int:
    """Return when the send of a mark was sent, Unix seconds."""
    return mark >> _BITS


class Timeline:
    """Sends, and the bad ones among them.

    Most sends are only ever added, so they wait in no order until somebody asks.

    Args:
        largest: The largest R; sends that no window of it reaches are forgotten in time.

    Attributes:
        waiting: The marks of sends that were not put in order yet. To add one, append it.
    """

    __slots__ = ("_bad", "_forgotten", "_keeps", "_sends", "waiting")

    def __init__(self, largest: int) -> None:
        """Hold nothing yet."""
        self._keeps = int(largest * _KEPT) + 1
        self._sends: list[int] = []
        self._bad: list[int] = []
        self._forgotten = 0
        self.waiting: list[int] = []

    @property
    def sends(self) -> Sequence[int]:
        """The marks that are held, ascending."""
        if self.waiting:
            self._put_in_order()
        return self._sends

    @property
    def bad(self) -> Sequence[int]:
        """The marks of the bad ones, ascending."""
        return self._bad

    @property
    def total(self) -> int:
        """How many sends there were, those no longer held too."""
        return len(self._sends) + len(self.waiting) + self._forgotten

    def add_bad(self, mark: int) -> None:
        """Note that a send, which was added, turned out bad."""
        bad = self._bad
        if not bad or mark > bad[-1]:
            bad.append(mark)
        elif not self._forgotten or mark >= self._sends[0]:
            insort(bad, mark)

    def window(self, size: int) -> tuple[int, int]:
        """Return the bad ones and all of the `size` most recent sends, exact to the send."""
        sends = self.sends
        if len(sends) < size:
            return len(self._bad), len(sends)
        return len(self._bad) - bisect_left(self._bad, sends[-size]), size

    def series(self, sizes: Sequence[int], since: int = 0) -> Series:
        """Return the series of these sends, as it is counted anew from the ledger.

        Args:
            sizes: The windows' R, ascending.
            since: Sends before this moment, Unix seconds, are no longer in the ledger.
        """
        sends = self.sends
        if sends and moment_of(sends[0]) < since:
            sends = sends[bisect_left(sends, since << _BITS) :]
        return Series.of_marks(sizes, sends, self._bad, moment_of)

    def _put_in_order(self) -> None:
        sends, waiting = self._sends, self.waiting
        waiting.sort()
        late = bisect_left(waiting, sends[-1]) if sends else 0
        for mark in waiting[:late]:
            if mark > sends[0] or not self._forgotten:
                insort(sends, mark)
            else:
                self._forgotten += 1
        sends += waiting[late:]
        waiting.clear()
        if len(sends) > 2 * self._keeps:
            self._forgotten += len(sends) - self._keeps
            del sends[: -self._keeps]
            del self._bad[: bisect_left(self._bad, sends[0])]
