"""Single sends of one account in the order in which they were sent, where they can all be held.

The daemon keeps them in its database, and windows of buckets beside (`breaker.domain.windows`). A replay holds the
newest ones itself: it counts a window exact to the send, and builds a crowded series anew without reading them all.

A send is held as a *mark*, one integer: the second in which it was sent and, within a second, an order of its own by
its key, the order in which the daemon's ledger tells them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from breaker.domain.windows import Series

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

    Args:
        largest: The largest R; sends that no window of it reaches are forgotten in time.

    Attributes:
        sends: The marks that are held, ascending.
        bad: The marks of the bad ones, ascending.
        total: How many sends there were, those no longer held too.
    """

    __slots__ = ("_keeps", "_most", "bad", "sends", "total")

    def __init__(self, largest: int) -> None:
        """Hold nothing yet."""
        self._keeps = int(largest * _KEPT) + 1
        self._most = 2 * self._keeps
        self.sends: list[int] = []
        self.bad: list[int] = []
        self.total = 0

    def add(self, mark: int) -> None:
        """Add a send that is not known yet."""
        sends = self.sends
        if not sends or mark > sends[-1]:
            sends.append(mark)
        elif mark > sends[0] or len(sends) == self.total:
            insort(sends, mark)
        self.total += 1
        if len(sends) > self._most:
            self._forget()

    def add_bad(self, mark: int) -> None:
        """Note that a send turned out bad."""
        bad = self.bad
        if not bad or mark > bad[-1]:
            bad.append(mark)
        elif mark >= self.sends[0]:
            insort(bad, mark)

    def window(self, size: int) -> tuple[int, int]:
        """Return the bad ones and all of the `size` most recent sends, exact to the send."""
        sends = self.sends
        if len(sends) < size:
            return len(self.bad), len(sends)
        return self.bad_since(sends[-size]), size

    def bad_since(self, mark: int) -> int:
        """Return how many bad ones there are from a mark on."""
        return len(self.bad) - bisect_left(self.bad, mark)

    def series(self, sizes: Sequence[int], since: int = 0) -> Series:
        """Return the series of these sends, as it is counted anew from the ledger.

        Args:
            sizes: The windows' R, ascending.
            since: Sends before this moment, Unix seconds, are no longer in the ledger.
        """
        sends = self.sends
        if sends and moment_of(sends[0]) < since:
            sends = sends[bisect_left(sends, since << _BITS) :]
        return Series.of_marks(sizes, sends, self.bad, moment_of)

    def _forget(self) -> None:
        del self.sends[: -self._keeps]
        del self.bad[: bisect_left(self.bad, self.sends[0])]
