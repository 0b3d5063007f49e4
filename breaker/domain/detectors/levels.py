"""A rate that has crept up to the platform's line, found in the platform's own terms.

A level compares the bad outcomes in each full window of R sends with a ceiling. It is slow, but no creep escapes it: it
takes for the platform's R whichever of the assumed ones is reached first. A window that is not full is left to the
CUSUM, and so is whatever happens within one: the platform judges no account by fewer sends.

How low a ceiling may be follows from how often a healthy account's window touches it
(`breaker.domain.statistics.crossings.sends_until_crowded`), and it is never above the platform's line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.detectors.detectors import Signal, Suspicion, series_of, windows_of
from breaker.domain.detectors.thresholds import Ladder, threshold_for
from breaker.domain.windows.volumes import weekly_sends

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.domain.circuits.states import State
    from breaker.domain.windows.counters import Counters

FULL = 0.99
"""The share of R that a window holds at least when it is full: windows are true to within 1 % of R."""

CALM = 0.8
"""The share of a ceiling up to which a window is calm again."""


@dataclass(frozen=True, slots=True)
class Level:
    """A ceiling on the bad outcomes of each window.

    Args:
        signal: The rate that it watches.
        step: The state that it asks for.
        ceilings: Bad outcomes from which on it does, by weekly volume, for each R that it watches.
    """

    signal: Signal
    step: State
    ceilings: Mapping[int, Ladder]
    name: str = "level"

    def suspect(self, counters: Counters) -> Suspicion | None:
        """Return a suspicion by the window that is furthest above its ceiling, or None."""
        totals = counters.totals
        bad = totals.hard_bounces if self.signal is Signal.BOUNCE else totals.complaints
        if not self.ceilings or bad < min(ladder[0].value for ladder in self.ceilings.values()):
            return None
        worst: Suspicion | None = None
        volume: float | None = None
        for size, bad, total in windows_of(counters, self.signal):
            ladder = self.ceilings.get(size)
            if ladder is None or total < FULL * size or bad < ladder[0].value:
                continue
            volume = weekly_sends(series_of(counters, self.signal)) if volume is None else volume
            ceiling = threshold_for(ladder, volume)
            if ceiling is None or bad < ceiling:
                continue
            if worst is None or bad * worst.of > worst.count * total:
                worst = Suspicion(self.name, self.signal, self.step, size, bad, total, ceiling / total)
        return worst

    def is_calm(self, counters: Counters) -> bool:
        """Tell whether each full window is well below its ceiling."""
        volume = weekly_sends(series_of(counters, self.signal))
        for size, bad, total in windows_of(counters, self.signal):
            ceiling = threshold_for(self.ceilings.get(size, ()), volume)
            if ceiling is not None and total >= FULL * size and bad > CALM * ceiling:
                return False
        return True

    def describe(self) -> Mapping[str, object]:
        """Return its parameters, as they are stored with a verdict."""
        return {"step": str(self.step), "windows": list(self.ceilings)}
