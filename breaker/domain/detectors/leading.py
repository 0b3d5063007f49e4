"""What goes before complaints: signs that an account does something new.

Complaints come days after the mail that earned them. What shows sooner is a sudden jump of an account's volume, bounces
on the rise, and mail that the platform rejected for a virus. None of them is evidence of complaints by itself; two of
these signs together, or one beside a complaint, raise a suspicion, and never more than a warning follows from it.

Whether an account writes to many recipient domains that it never wrote to would be a sign too. It is not kept: it takes
a set of domains for each account, which is larger than all its other counters.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.statistics.cusum import score_now
from breaker.domain.windows.volumes import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from breaker.domain.windows.counters import Counters
    from breaker.domain.windows.windows import Series

NEEDED = 2
"""Signs that raise a suspicion together; a complaint is one."""

RECENT_COMPLAINTS = 1_000
"""Deliveries among which a complaint is a recent one."""

_HISTORY = 7 * DAY


@dataclass(frozen=True, slots=True)
class Leading:
    """Two signs together.

    Args:
        jump: The volume of the last 24 hours, as a multiple of a usual day's, from which on it is a jump.
        least: The sends in 24 hours below which nothing is one.
        score: The height of the score of bounces from which on they are on the rise.
        m: What a bounce weighs in it.
        rejected: Rejected messages from which on they are a sign.
    """

    jump: float
    least: int
    score: int
    m: int
    rejected: int = 3
    name: str = "leading"
    signal: Signal = Signal.COMPLAINT

    def suspect(self, counters: Counters) -> Suspicion | None:
        """Return a suspicion where there are enough signs, or None."""
        # Asked at every bounce, and all but always in vain: what takes a walk over a series comes last.
        if any(True for _ in self._signs_at_once(counters)) + (counters.totals.complaints > 0) + 1 < NEEDED:
            return None
        _, complaints, delivered = counters.complaints.window(RECENT_COMPLAINTS)
        signs = list(self._signs(counters))
        if len(signs) + (complaints > 0) < NEEDED or not delivered:
            return None
        return Suspicion(
            self.name, self.signal, State.WARNED, None, complaints, delivered, 0.0, besides=" and ".join(signs)
        )

    def is_calm(self, counters: Counters) -> bool:
        """Tell whether there is no sign."""
        return not any(True for _ in self._signs(counters))

    def describe(self) -> Mapping[str, object]:
        """Return its parameters, as they are stored with a verdict."""
        return {"jump": self.jump, "least": self.least, "score": self.score, "rejected": self.rejected}

    def _signs(self, counters: Counters) -> Iterator[str]:
        yield from self._signs_at_once(counters)
        if score_now(counters.bounces, self.m) >= self.score:
            yield "bounces are on the rise"

    def _signs_at_once(self, counters: Counters) -> Iterator[str]:
        if counters.totals.rejected >= self.rejected:
            yield f"{counters.totals.rejected:,} messages were rejected"
        today, usual = daily(counters.bounces)
        if usual is not None and today >= max(self.least, self.jump * usual):
            yield f"{today:,} sends in a day are {today / max(usual, 1.0):.0f} times the usual"


def daily(series: Series) -> tuple[int, float | None]:
    """Return the sends of the last 24 hours, and those of a usual day before; None where a week is not known."""
    starts, totals, _ = series.buckets()
    first = bisect_left(starts, series.latest - DAY)
    if not first or starts[first - 1] - starts[0] < _HISTORY:
        return sum(totals[first:]), None
    return sum(totals[first:]), sum(totals[:first]) * DAY / (series.latest - DAY - starts[0])
