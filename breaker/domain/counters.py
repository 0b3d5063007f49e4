"""All that is counted of one account: totals since the last reset, rolling windows, and what detectors remember.

`Counters` change in place, since they are read, changed and written back for every batch of events; they are pure all
the same: what they hold depends on the calls alone.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from breaker.domain.outcomes import BOUNCE_BITS, NOTHING, BounceClass, Tally, difference
from breaker.domain.windows import Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from breaker.domain.outcomes import Counting

_VERSION = 1
_CLASSES = tuple(BOUNCE_BITS.items())
_HEADER = struct.Struct(f"<BId{len(Tally._fields)}I{len(_CLASSES)}IHHHB")
_EVIDENCE = struct.Struct("<B15sq")


@dataclass(frozen=True, slots=True)
class WindowSizes:
    """The R that are assumed of the platform, ascending.

    Args:
        bounce: Sends that a window of bounces covers.
        complaint: Delivered sends that a window of complaints covers.
    """

    bounce: tuple[int, ...] = (1_000, 3_000, 10_000)
    complaint: tuple[int, ...] = (10_000,)

    @property
    def fingerprint(self) -> int:
        """A number that differs when any size does: counters of other sizes have to be recounted."""
        return _fingerprint(self.bounce, self.complaint)


class Counters:
    """The counters of one account.

    Attributes:
        totals: What was counted since `restarted_at`.
        by_class: Sends since then for which a bounce of the class is known.
        bounces: Hard bounces over sends.
        complaints: Complaints over delivered sends.
        feedback: The same over those to recipient domains that send complaint feedback.
        evidence: What sequential detectors remember, by detector name.
        restarted_at: Sends before this moment, Unix seconds, count no longer; 0 where there was no reset.
    """

    __slots__ = ("bounces", "by_class", "complaints", "evidence", "feedback", "restarted_at", "sizes", "totals")

    def __init__(self, sizes: WindowSizes, restarted_at: float = 0.0) -> None:
        """Start counting from nothing."""
        self.sizes = sizes
        self.restarted_at = restarted_at
        self.totals = NOTHING
        self.by_class: dict[BounceClass, int] = dict.fromkeys(BounceClass, 0)
        self.bounces = Series(sizes.bounce)
        self.complaints = Series(sizes.complaint)
        self.feedback = Series(sizes.complaint)
        self.evidence: dict[str, int] = {}

    def record(self, sent_at: int, before: int, after: int, counting: Counting) -> Tally:
        """Count what a send's outcomes became.

        Args:
            sent_at: When it was sent, Unix seconds, as the ledger has it.
            before: The set of outcomes that was known.
            after: The set that is known now, a superset of `before`.
            counting: What counts.

        Returns:
            What was added; nothing where the send is from before the last reset.
        """
        if before == after or sent_at < self.restarted_at:
            return NOTHING
        added = difference(counting.tally(after), counting.tally(before))
        self.totals = Tally(*(old + new for old, new in zip(self.totals, added, strict=True)))
        fresh = after & ~before
        if added.bounces or added.hard_bounces or fresh >= BOUNCE_BITS[BounceClass.UNKNOWN_RECIPIENT]:
            for name, bit in _CLASSES:
                if fresh & bit:
                    self.by_class[name] += 1
        _count(self.bounces, sent_at, added.sends, added.hard_bounces)
        _count(self.complaints, sent_at, added.delivered, added.complaints)
        _count(self.feedback, sent_at, added.feedback_delivered, added.feedback_complaints)
        return added

    @property
    def crowded(self) -> bool:
        """Whether late outcomes call for a recount from the ledger."""
        return self.bounces.crowded or self.complaints.crowded or self.feedback.crowded

    def recount(self, sends: Sequence[tuple[int, int]], counting: Counting) -> None:
        """Build the windows anew; totals and evidence stay.

        Args:
            sends: `(sent_at, outcomes)` of the account's sends since the last reset, the newest first, at least as many
                as the largest window reaches back over.
            counting: What counts.
        """
        tallies = [(sent_at, counting.tally(outcomes)) for sent_at, outcomes in sends if sent_at >= self.restarted_at]
        self.bounces = Series.recounted(self.sizes.bounce, ((at, t.hard_bounces) for at, t in tallies if t.sends))
        self.complaints = Series.recounted(
            self.sizes.complaint, ((at, t.complaints) for at, t in tallies if t.delivered)
        )
        self.feedback = Series.recounted(
            self.sizes.complaint, ((at, t.feedback_complaints) for at, t in tallies if t.feedback_delivered)
        )

    @classmethod
    def from_ledger(
        cls, sizes: WindowSizes, sends: Sequence[tuple[int, int]], counting: Counting, restarted_at: float = 0.0
    ) -> Counters:
        """Count a whole ledger, the newest send first: totals and windows; no evidence."""
        counters = cls(sizes, restarted_at)
        for sent_at, outcomes in reversed(sends):
            counters.record(sent_at, 0, outcomes, counting)
        counters.recount(sends, counting)
        return counters

    def to_bytes(self) -> bytes:
        """Return the counters as bytes, which `from_bytes` reads; at most about 4 KB."""
        series = [one.to_bytes() for one in (self.bounces, self.complaints, self.feedback)]
        header = _HEADER.pack(
            _VERSION,
            self.sizes.fingerprint,
            self.restarted_at,
            *self.totals,
            *self.by_class.values(),
            *(len(one) for one in series),
            len(self.evidence),
        )
        return b"".join((header, *series, *_evidence_to_bytes(self.evidence)))

    @classmethod
    def from_bytes(cls, sizes: WindowSizes, data: bytes | None) -> Counters:
        """Read what `to_bytes` wrote; nothing, where there is nothing yet.

        Where the sizes of the windows have changed since, the totals are kept and the windows ask for a recount.

        Raises:
            ValueError: The bytes are not those of counters, or of a newer version.
        """
        counters = cls(sizes)
        if not data:
            return counters
        version, fingerprint, counters.restarted_at, *rest = _HEADER.unpack_from(data)
        if version != _VERSION:
            raise ValueError(
                f"counters of version {version} were written by a newer Breaker; this one knows {_VERSION}"
            )
        tallies, classes = len(Tally._fields), len(_CLASSES)
        counters.totals = Tally(*rest[:tallies])
        counters.by_class = dict(zip(BounceClass, rest[tallies : tallies + classes], strict=True))
        bounces, complaints, feedback, evidence = rest[tallies + classes :]
        first = _HEADER.size
        second, third = first + bounces, first + bounces + complaints
        end = third + feedback
        if fingerprint == sizes.fingerprint:
            counters.bounces = Series.from_bytes(sizes.bounce, data[first:second])
            counters.complaints = Series.from_bytes(sizes.complaint, data[second:third])
            counters.feedback = Series.from_bytes(sizes.complaint, data[third:end])
        else:
            counters.bounces.crowded = True
        counters.evidence = _evidence_from_bytes(data[end:], evidence)
        return counters


@lru_cache(maxsize=8)
def _fingerprint(bounce: tuple[int, ...], complaint: tuple[int, ...]) -> int:
    return zlib.crc32(repr((bounce, complaint)).encode())


def _count(series: Series, sent_at: int, total: int, bad: int) -> None:
    if total:
        series.add_send(sent_at, bad)
    elif bad:
        series.mark_bad(sent_at)


def _evidence_to_bytes(evidence: Mapping[str, int]) -> Iterable[bytes]:
    for name, value in evidence.items():
        encoded = name.encode("ascii")
        yield _EVIDENCE.pack(len(encoded), encoded, value)


def _evidence_from_bytes(data: bytes, count: int) -> dict[str, int]:
    found = {}
    for position in range(count):
        length, name, value = _EVIDENCE.unpack_from(data, position * _EVIDENCE.size)
        found[name[:length].decode("ascii")] = value
    return found
