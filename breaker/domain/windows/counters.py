"""All that is counted of one account: totals since the last reset, rolling windows, and what detectors remember.

`Counters` change in place, since they are read, changed and written back for every batch of events; they are pure all
the same: what they hold depends on the calls alone.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import TYPE_CHECKING

from breaker.domain.outcomes.outcomes import BOUNCE_BITS, NOTHING, BounceClass, Tally
from breaker.domain.windows.windows import Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from breaker.domain.outcomes.outcomes import Counting
    from breaker.domain.windows.timeline import Timeline

_DELIVERED = Tally(1, 0, 0, 1, 0, 0, 0, 0)
_HEARD = Tally(1, 0, 0, 1, 0, 0, 1, 0)
_VERSION = 1
_CLASSES = tuple((name, int(bit)) for name, bit in BOUNCE_BITS.items())  # plain numbers: flags are slow to compare
_NAMES = tuple(BOUNCE_BITS)
_TALLIES = len(Tally._fields)
_HARD_BOUNCES = Tally._fields.index("hard_bounces")
_LOWEST_BOUNCE = min(bit for _, bit in _CLASSES)
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
        by_class: Sends since then for which a bounce of the class is known.
        crowded: Whether late outcomes, or other sizes of the windows, call for a recount from the ledger.
        evidence: What sequential detectors remember, by the name of their memory.
        latest: When the send was sent that was counted last, Unix seconds; known until the next one, and in no bytes.
        restarted_at: Sends before this moment, Unix seconds, count no longer; 0 where there was no reset.
    """

    __slots__ = (
        "_bounces",
        "_complaints",
        "_feedback",
        "_totals",
        "by_class",
        "crowded",
        "evidence",
        "latest",
        "restarted_at",
        "sizes",
    )

    def __init__(self, sizes: WindowSizes, restarted_at: float = 0.0) -> None:
        """Start counting from nothing."""
        self.sizes = sizes
        self.restarted_at = restarted_at
        self._totals = [0] * _TALLIES
        self.by_class: dict[BounceClass, int] = dict.fromkeys(_NAMES, 0)
        self.evidence: dict[str, int] = {}
        self.latest = 0
        self.crowded = False
        # Each a series, or the bytes of one that nobody asked for yet: most events need one of the three.
        self._bounces: Series | bytes = b""
        self._complaints: Series | bytes = b""
        self._feedback: Series | bytes = b""

    @property
    def totals(self) -> Tally:
        """What was counted since `restarted_at`."""
        return Tally._make(self._totals)

    @property
    def bounces(self) -> Series:
        """Hard bounces over sends."""
        if isinstance(self._bounces, bytes):
            self._bounces = _series(self.sizes.bounce, self._bounces)
        return self._bounces

    @property
    def complaints(self) -> Series:
        """Complaints over delivered sends."""
        if isinstance(self._complaints, bytes):
            self._complaints = _series(self.sizes.complaint, self._complaints)
        return self._complaints

    @property
    def feedback(self) -> Series:
        """Complaints over delivered sends to recipient domains that send complaint feedback."""
        if isinstance(self._feedback, bytes):
            self._feedback = _series(self.sizes.complaint, self._feedback)
        return self._feedback

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
        change = counting.change(before, after)
        self.latest = sent_at
        fresh = after & ~before
        if fresh >= _LOWEST_BOUNCE:
            for name, bit in _CLASSES:
                if fresh & bit:
                    self.by_class[name] += 1
        sends, hard_bounces, _, delivered, complaints, _, to_feedback, told = change
        self._add(change)
        if sends or hard_bounces:
            bounces = self._bounces if isinstance(self._bounces, Series) else self.bounces
            if sends:
                bounces.add_send(sent_at, hard_bounces)
            else:
                bounces.mark_bad(sent_at)
            self.crowded |= bounces.crowded
        if delivered or complaints:
            heard = self._complaints if isinstance(self._complaints, Series) else self.complaints
            if delivered:
                heard.add_send(sent_at, complaints)
            else:
                heard.mark_bad(sent_at)
            self.crowded |= heard.crowded
        if to_feedback or told:
            self.crowded |= self.feedback.count(sent_at, to_feedback, told)
        return change

    def record_delivered(self, moments: Sequence[int], to_feedback: Sequence[int]) -> int:
        """Count sends of which nothing was known and that were delivered: what `record` does, many at once.

        Args:
            moments: When they were sent, Unix seconds, in the order in which that became known.
            to_feedback: Of each, whether the recipient's domain sends complaint feedback: 0 where it does not.

        Returns:
            How many of them were counted: all, or those up to the one that calls for a recount, as `crowded` tells.
        """
        place = 0
        while place < len(moments):
            end = place
            latest = max(self.bounces.latest, self.restarted_at)
            while end < len(moments) and moments[end] >= latest:
                latest = moments[end]
                end += 1
            if end > place:
                run = moments[place:end]
                heard = list(compress(run, to_feedback[place:end]))
                self.bounces.add_run(run)
                self.complaints.add_run(run)
                if heard:
                    self.feedback.add_run(heard)
                self._add(Tally(len(run), 0, 0, len(run), 0, 0, len(heard), 0))
                self.latest = run[-1]
                place = end
            else:
                self._record_delivered(moments[place], to_feedback=bool(to_feedback[place]))
                place += 1
                if self.crowded:
                    break
        return place

    def _record_delivered(self, sent_at: int, *, to_feedback: bool) -> None:
        if sent_at < self.restarted_at:
            return
        self.latest = sent_at
        self._add(_HEARD if to_feedback else _DELIVERED)
        self.crowded |= self.bounces.count(sent_at, 1, 0)
        self.crowded |= self.complaints.count(sent_at, 1, 0)
        if to_feedback:
            self.crowded |= self.feedback.count(sent_at, 1, 0)

    def _add(self, change: Tally) -> None:
        # Written out, since this is done for every outcome: a loop over the eight costs twice as much.
        totals = self._totals
        sends, hard_bounces, bounced, delivered, complaints, rejected, to_feedback, told = change
        if sends:
            totals[0] += sends
        if delivered:
            totals[3] += delivered
        if bounced or rejected or hard_bounces or complaints:
            totals[1] += hard_bounces
            totals[2] += bounced
            totals[4] += complaints
            totals[5] += rejected
        if to_feedback or told:
            totals[6] += to_feedback
            totals[7] += told

    def recount(self, sends: Sequence[tuple[int, int]], counting: Counting, *, complete: bool = True) -> None:
        """Build the crowded windows anew; totals, evidence and the other windows stay.

        Args:
            sends: `(sent_at, outcomes)` of the account's sends since the last reset, the newest first.
            counting: What counts.
            complete: Whether these are all there are. Where they are not, windows that they do not reach back far
                enough for stay crowded: a window of complaints covers fewer sends than there are, and one of
                feedback often a small part of them.
        """
        tallies = [(sent_at, counting.tally(outcomes)) for sent_at, outcomes in sends if sent_at >= self.restarted_at]
        if self.bounces.crowded:
            bounced = ((at, t.hard_bounces) for at, t in tallies if t.sends)
            self._bounces = _recounted(self.sizes.bounce, bounced, complete=complete)
        if self.complaints.crowded:
            complained = ((at, t.complaints) for at, t in tallies if t.delivered)
            self._complaints = _recounted(self.sizes.complaint, complained, complete=complete)
        if self.feedback.crowded:
            told = ((at, t.feedback_complaints) for at, t in tallies if t.feedback_delivered)
            self._feedback = _recounted(self.sizes.complaint, told, complete=complete)
        self.crowded = self.bounces.crowded or self.complaints.crowded or self.feedback.crowded

    def recount_from(self, bounces: Timeline, complaints: Timeline, feedback: Timeline, since: int = 0) -> None:
        """Do the same where the account's sends are held in order.

        Args:
            bounces: Sends, and the hard bounces among them.
            complaints: Delivered sends, and the complaints among them.
            feedback: The same to recipient domains that send complaint feedback.
            since: Sends before this moment, Unix seconds, are in the ledger no longer.
        """
        if self.bounces.crowded:
            self._bounces = bounces.series(self.sizes.bounce, since)
        if self.complaints.crowded:
            self._complaints = complaints.series(self.sizes.complaint, since)
        if self.feedback.crowded:
            self._feedback = feedback.series(self.sizes.complaint, since)
        self.crowded = False

    def without(self, bounces: Iterable[int]) -> Counters:
        """Return a copy in which some sends did not bounce: what an account is judged by where others are to blame.

        Args:
            bounces: When each of these sends, which counted as hard bounces, was sent; Unix seconds.
        """
        copy = Counters.from_bytes(self.sizes, self.to_bytes())
        copy.latest, copy.crowded = self.latest, self.crowded
        since_reset = [sent_at for sent_at in bounces if sent_at >= self.restarted_at]
        for sent_at in since_reset:
            copy.bounces.unmark_bad(sent_at)
        left = max(0, self.totals.hard_bounces - len(since_reset))
        copy._totals[_HARD_BOUNCES] = left  # noqa: SLF001 - of the same class
        return copy

    @classmethod
    def from_ledger(
        cls, sizes: WindowSizes, sends: Sequence[tuple[int, int]], counting: Counting, restarted_at: float = 0.0
    ) -> Counters:
        """Count a whole ledger, the newest send first: totals and windows; no evidence."""
        counters = cls(sizes, restarted_at)
        for sent_at, outcomes in reversed(sends):
            counters.record(sent_at, 0, outcomes, counting)
        return counters

    def to_bytes(self) -> bytes:
        """Return the counters as bytes, which `from_bytes` reads; at most about 4 KB."""
        parts = (self._bounces, self._complaints, self._feedback)
        series = [one if isinstance(one, bytes) else one.to_bytes() for one in parts]
        header = _HEADER.pack(
            _VERSION,
            self.sizes.fingerprint,
            self.restarted_at,
            *self._totals,
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
            raise ValueError(f"counters of version {version} are of a newer Breaker; this one knows {_VERSION}")
        counters._totals = rest[:_TALLIES]
        if any(classes := rest[_TALLIES : _TALLIES + len(_NAMES)]):
            counters.by_class = dict(zip(_NAMES, classes, strict=True))
        bounces, complaints, feedback, evidence = rest[_TALLIES + len(_NAMES) :]
        first = _HEADER.size
        second, third = first + bounces, first + bounces + complaints
        end = third + feedback
        if fingerprint == sizes.fingerprint:
            counters._bounces = data[first:second]
            counters._complaints = data[second:third]
            counters._feedback = data[third:end]
        else:
            counters.bounces.crowded = counters.complaints.crowded = counters.feedback.crowded = True
            counters.crowded = True
        if evidence:
            counters.evidence = _evidence_from_bytes(data[end:], evidence)
        return counters


@lru_cache(maxsize=8)
def _fingerprint(bounce: tuple[int, ...], complaint: tuple[int, ...]) -> int:
    return zlib.crc32(repr((bounce, complaint)).encode())


def _series(sizes: tuple[int, ...], data: bytes) -> Series:
    return Series.from_bytes(sizes, data) if data else Series(sizes)


def _recounted(sizes: tuple[int, ...], sends: Iterable[tuple[int, int]], *, complete: bool) -> Series:
    series = Series.recounted(sizes, sends)
    series.crowded = not complete and not series.truncated
    return series


def _evidence_to_bytes(evidence: Mapping[str, int]) -> Iterable[bytes]:
    for name, value in evidence.items():
        yield _EVIDENCE.pack(len(name), _encoded(name), value)


def _evidence_from_bytes(data: bytes, count: int) -> dict[str, int]:
    found = {}
    for position in range(count):
        length, name, value = _EVIDENCE.unpack_from(data, position * _EVIDENCE.size)
        found[_decoded(name, length)] = value
    return found


@lru_cache(maxsize=64)
def _encoded(name: str) -> bytes:
    return name.encode("ascii")


@lru_cache(maxsize=64)
def _decoded(name: bytes, length: int) -> str:
    return name[:length].decode("ascii")
