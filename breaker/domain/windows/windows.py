"""Rolling windows over the R most recent sends, in constant space.

The platform judges an account over a "recent representative send volume" R that it does not publish, so several R are
assumed at once. A window of R holds the R most recent sends *by the time of sending*, whatever the order in which their
outcomes become known.

A `Series` keeps sends in buckets that are ordered by time of sending. Only the bucket that a window's edge falls into
makes an error, and it is taken or left, whichever is nearer, so the error is half a bucket at most. A bucket that an
edge can still cross holds at most 1.25 % of that window's R, and one that lies between two edges as much as the next
edge allows: with R of 1,000, 3,000 and 10,000 that is about 320 buckets of six bytes at most.

Buckets are filled to 70 % while they are the newest, which leaves room for sends whose outcome comes late. Where late
ones crowd a bucket all the same, `Series.crowded` says so, and the caller builds the series anew from the ledger with
`Series.recounted`. Sends of the same second have no order among themselves.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left, bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_FILL = 0.7
_BUCKETS = 80  # to a window: half of one is 0.6 % of R, and all series of an account fit into 4 KB
_COMPACTION_INTERVAL = 16
_BYTE = 255
_HEADER = struct.Struct("<IIHB")  # latest, buckets, buckets until the next compaction, flags
_TRUNCATED, _CROWDED = 1, 2
_WIDTHS = {typecode: array(typecode).itemsize for typecode in "BI"}


class WindowCount(NamedTuple):
    """What a window holds: `bad` of `total`, over the `size` (R) most recent."""

    size: int
    bad: int
    total: int


class Series:
    """Counts of sends, and of the bad ones among them, by time of sending.

    Args:
        sizes: The windows' R, ascending, each at least 1.

    Attributes:
        crowded: True where a bucket outgrew the size that keeps the promised error: time for a recount.
        truncated: True once sends older than the largest window were dropped.
    """

    __slots__ = (
        "_bad",
        "_latest",
        "_limits",
        "_room",
        "_starts",
        "_totals",
        "_until_compaction",
        "crowded",
        "sizes",
        "truncated",
    )

    def __init__(self, sizes: Sequence[int]) -> None:
        """Make an empty series."""
        self.sizes = tuple(sizes)
        self._limits, typecode = _shape(self.sizes)
        self._room = _filled(self._limits[0])
        self._starts: array[int] = array("I")
        self._totals: array[int] = array(typecode)
        self._bad: array[int] = array(typecode)
        self._latest = 0
        self._until_compaction = _COMPACTION_INTERVAL
        self.crowded = False
        self.truncated = False

    def count(self, sent_at: int, sends: int, bad: int) -> bool:
        """Count what became known of a send, and tell whether the series is crowded now.

        Args:
            sent_at: When it was sent, Unix seconds below 2**32.
            sends: 1 where it was not counted before, else 0.
            bad: 1 where it turned out bad just now, else 0.
        """
        if sends:
            self.add_send(sent_at, bad)
        elif bad:
            self.mark_bad(sent_at)
        return self.crowded

    def add_send(self, sent_at: int, bad: int) -> None:
        """Count a send that was not counted before.

        Args:
            sent_at: When it was sent, Unix seconds below 2**32.
            bad: 1 where its outcome is a bad one, else 0.
        """
        if sent_at >= self._latest:
            self._latest = sent_at
            totals = self._totals
            if totals and totals[-1] < self._room:
                totals[-1] += 1
                if bad:
                    self._bad[-1] += bad
            else:
                self._open_bucket(len(self._starts), sent_at, bad)
        elif sent_at < self._starts[0]:
            self._add_oldest(sent_at, bad)
        else:
            self._add_late(bisect_right(self._starts, sent_at) - 1, sent_at, bad)

    def add_run(self, moments: Sequence[int]) -> None:
        """Count sends, none of which turned out bad, bucket by bucket: the same as `add_send` for each of them.

        Args:
            moments: When they were sent, Unix seconds; ascending, and none before `latest`.
        """
        done = 0
        while done < len(moments):
            room = self._room - self._totals[-1] if self._totals else 0
            if room > 0:
                taken = min(room, len(moments) - done)
                self._totals[-1] += taken
                done += taken
            else:
                self._open_bucket(len(self._starts), moments[done], 0)
                done += 1
        if moments:
            self._latest = moments[-1]

    def mark_bad(self, sent_at: int) -> None:
        """Note that a send which was counted as good turned out bad.

        Args:
            sent_at: The time that the send was counted at, Unix seconds.
        """
        place = bisect_right(self._starts, sent_at) - 1
        while place >= 0 and self._bad[place] >= self._totals[place]:
            # Sends of one second may lie in several buckets, the oldest of which began before that second.
            if self._starts[place] < sent_at:
                self.crowded = True
                return
            place -= 1
        if place >= 0:
            self._bad[place] += 1

    def unmark_bad(self, sent_at: int) -> None:
        """Take a send that was counted as bad for a good one.

        Args:
            sent_at: The time that the send was counted at, Unix seconds; nothing happens where no window reaches it.
        """
        place = bisect_right(self._starts, sent_at) - 1
        while place >= 0 and not self._bad[place] and self._starts[place] >= sent_at:
            place -= 1  # sends of one second may lie in several buckets
        if place >= 0 and self._bad[place]:
            self._bad[place] -= 1

    def window(self, size: int) -> WindowCount:
        """Return what the `size` most recent sends hold, to within 1 % of `size`."""
        return self._window(size, list(accumulate(reversed(self._totals))))

    def windows(self) -> tuple[WindowCount, ...]:
        """Return every window, the smallest R first."""
        cumulated = list(accumulate(reversed(self._totals)))
        return tuple(self._window(size, cumulated) for size in self.sizes)

    def _window(self, size: int, cumulated: Sequence[int]) -> WindowCount:
        if not cumulated or cumulated[-1] <= size:
            return WindowCount(size, sum(self._bad), cumulated[-1] if cumulated else 0)
        edge = bisect_left(cumulated, size)
        without = cumulated[edge - 1] if edge else 0
        taken = edge + 1 if not edge or cumulated[edge] - size <= size - without else edge
        return WindowCount(size, sum(self._bad[len(cumulated) - taken :]), cumulated[taken - 1])

    @property
    def latest(self) -> int:
        """When the latest send was sent, Unix seconds; 0 where there is none."""
        return self._latest

    def buckets(self) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        """Return when each bucket begins, how many sends it holds, and how many bad ones; the oldest bucket first.

        Sends of the second in which a bucket begins may also lie in the one before. What is returned is the series' own
        and changes with it: to be read at once, and not to be written.
        """
        return self._starts, self._totals, self._bad

    @classmethod
    def recounted(cls, sizes: Sequence[int], sends: Iterable[tuple[int, int]]) -> Series:
        """Build a series from single sends.

        Args:
            sizes: The windows' R, ascending.
            sends: `(sent_at, bad)` of each send, the newest first; read only as far as the largest window reaches.
        """
        series = cls(sizes)
        starts: list[int] = []
        totals: list[int] = []
        bads: list[int] = []
        room = 0
        for position, (sent_at, bad) in enumerate(sends):
            if room == 0:
                if position >= series.sizes[-1]:
                    series.truncated = True
                    break
                room = _filled(series._limit_behind(position))
                starts.append(sent_at)
                totals.append(0)
                bads.append(0)
            room -= 1
            starts[-1] = sent_at
            totals[-1] += 1
            bads[-1] += bad
            series._latest = series._latest or sent_at
        series._starts.extend(reversed(starts))
        series._totals.extend(reversed(totals))
        series._bad.extend(reversed(bads))
        return series

    @classmethod
    def of_marks(
        cls, sizes: Sequence[int], sends: Sequence[int], bad: Sequence[int], moment: Callable[[int], int]
    ) -> Series:
        """Build the same series as `recounted` from sends that are held in order, in a small part of the time.

        Args:
            sizes: The windows' R, ascending.
            sends: A mark of each send, ascending, no two alike.
            bad: The marks of the bad ones, ascending; each of one of the sends, or below them all.
            moment: Returns when the send of a mark was sent, Unix seconds.
        """
        series = cls(sizes)
        found: list[tuple[int, int, int]] = []
        left, bad_left = len(sends), len(bad)
        while left:
            newer = len(sends) - left
            if newer >= series.sizes[-1]:
                series.truncated = True
                break
            first = max(0, left - _filled(series._limit_behind(newer)))
            first_bad = bisect_left(bad, sends[first], 0, bad_left)
            found.append((moment(sends[first]), left - first, bad_left - first_bad))
            left, bad_left = first, first_bad
        for start, total, bads in reversed(found):
            series._starts.append(start)
            series._totals.append(total)
            series._bad.append(bads)
        series._latest = moment(sends[-1]) if sends else 0
        return series

    def to_bytes(self) -> bytes:
        """Return the series as bytes, which `from_bytes` reads."""
        flags = (_TRUNCATED if self.truncated else 0) | (_CROWDED if self.crowded else 0)
        return b"".join(
            (
                _HEADER.pack(self._latest, len(self._starts), self._until_compaction, flags),
                self._starts.tobytes(),
                self._totals.tobytes(),
                self._bad.tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, sizes: Sequence[int], data: bytes) -> Series:
        """Read what `to_bytes` wrote for the same sizes.

        Raises:
            ValueError: The bytes are not those of a series of these sizes.
        """
        series = cls.__new__(cls)
        series._read(tuple(sizes), data)  # noqa: SLF001 - its own, made without the arrays of an empty one
        return series

    def _read(self, sizes: tuple[int, ...], data: bytes) -> None:
        self.sizes = sizes
        self._limits, typecode = _shape(sizes)
        self._room = _filled(self._limits[0])
        self._latest, count, self._until_compaction, flags = _HEADER.unpack_from(data)
        self.truncated = bool(flags & _TRUNCATED)
        self.crowded = bool(flags & _CROWDED)
        totals_from = _HEADER.size + 4 * count
        width = _WIDTHS[typecode]
        bad_from = totals_from + count * width
        if len(data) != bad_from + count * width:
            raise ValueError(f"{len(data)} bytes are not a series of {count} buckets for windows of {self.sizes}")
        self._starts = array("I", data[_HEADER.size : totals_from])
        self._totals = array(typecode, data[totals_from:bad_from])
        self._bad = array(typecode, data[bad_from:])

    def __len__(self) -> int:
        """Return how many buckets there are."""
        return len(self._starts)

    def _limit_behind(self, newer_sends: int) -> int:
        """Return how large a bucket may be that has `newer_sends` sends in front of it."""
        return self._limits[min(bisect_right(self.sizes, newer_sends), len(self._limits) - 1)]

    def _add_oldest(self, sent_at: int, bad: int) -> None:
        if self.truncated:
            return
        if self._totals[0] < self._limit_behind(sum(self._totals) - self._totals[0]):
            self._starts[0] = sent_at
            self._totals[0] += 1
            self._bad[0] += bad
        else:
            self._open_bucket(0, sent_at, bad)

    def _add_late(self, place: int, sent_at: int, bad: int) -> None:
        limit = self._limit_behind(sum(self._totals[place + 1 :]))
        if self._totals[place] >= limit:
            if self._starts[place] == sent_at:
                # A bucket of this second alone can stand before the full one: the order within a second is free.
                self._open_bucket(place, sent_at, bad)
                return
            self.crowded = True
            if self._totals[place] >= 2 * limit:
                self._open_bucket(place + 1, sent_at, bad)
                return
        self._totals[place] += 1
        self._bad[place] += bad

    def _open_bucket(self, place: int, sent_at: int, bad: int) -> None:
        self._starts.insert(place, sent_at)
        self._totals.insert(place, 1)
        self._bad.insert(place, bad)
        self._until_compaction -= 1
        if self._until_compaction <= 0:
            self._compact()

    def _compact(self) -> None:
        """Join neighbours that no edge needs apart any more, and drop what no window reaches."""
        # Done for every sixteenth bucket, so it calls nothing: `held` is in the bucket at hand, `newer` before it.
        starts: list[int] = []
        totals: list[int] = []
        bads: list[int] = []
        newer = held = held_bad = edge = 0
        room = _filled(self._limits[0])
        for start, total, bad in zip(reversed(self._starts), reversed(self._totals), reversed(self._bad), strict=True):
            if held and held + total <= room:
                starts[-1] = start
                held += total
                held_bad += bad
                continue
            if newer + held >= self.sizes[-1]:
                self.truncated = True
                break
            if held:
                totals.append(held)
                bads.append(held_bad)
                newer += held
            while newer >= self.sizes[edge] and edge + 1 < len(self.sizes):
                edge += 1
                room = _filled(self._limits[edge])
            starts.append(start)
            held, held_bad = total, bad
        totals.append(held)
        bads.append(held_bad)
        self._starts = array("I", reversed(starts))
        self._totals = array(self._totals.typecode, reversed(totals))
        self._bad = array(self._bad.typecode, reversed(bads))
        self._until_compaction = _COMPACTION_INTERVAL


@lru_cache(maxsize=16)
def _shape(sizes: tuple[int, ...]) -> tuple[tuple[int, ...], str]:
    """Return the largest bucket before each edge, and the type that counts one: a byte, where that holds it crowded."""
    limits = tuple(max(1, size // _BUCKETS) for size in sizes)
    return limits, "B" if 2 * limits[-1] < _BYTE else "I"


def _filled(limit: int) -> int:
    return max(1, int(limit * _FILL))
