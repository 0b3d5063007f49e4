"""From how many false alarms an operator can bear to the thresholds that cause no more.

The operator says how often the whole fleet may be acted on for nothing while all is well, and what "well" means. Every
account gets the same part of that, every detector its share, and each threshold serves the accounts that send no more
in a week than that leaves room for. Thresholds are values: made anew when the budget or the fleet changes, while what
was counted stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import PLATFORM_LINES, Signal
from breaker.domain.detectors.thresholds import Ladder, Threshold
from breaker.domain.statistics.crossings import sends_until_crowded
from breaker.domain.statistics.run_lengths import sends_to_heights

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALLEST_FLEET = 100
"""A fleet of fewer accounts gets thresholds as if it had so many: one false alarm a week is little for a fleet, and
much for a handful of accounts."""

_HIGHEST = 10  # bad outcomes' worth: enough for the largest fleets at any volume
_RUNGS = 16  # to a bad outcome's worth: how much higher the next rung of a ladder is


@dataclass(frozen=True, slots=True)
class Budget:
    """What false alarms the fleet may have in a week, in all, while it is healthy.

    Args:
        accounts: The active accounts that share it.
        per_week: False alarms a week by the step that they lead to.
        healthy: The rate, a fraction, that a healthy account has at most, by signal.
        allowance: How many times an ordinary account's part of it each account has.
    """

    accounts: int = 1_000
    per_week: Mapping[State, float] = field(
        default_factory=lambda: {State.STOPPED: 1.0, State.LIMITED: 8.0, State.WARNED: 50.0}
    )
    healthy: Mapping[Signal, float] = field(default_factory=lambda: {Signal.BOUNCE: 0.02, Signal.COMPLAINT: 0.0003})
    allowance: float = 1.0

    def describe(self) -> Mapping[str, object]:
        """Return what the thresholds follow from, as it is stored with every verdict."""
        return {
            "accounts": self.accounts,
            "false_per_week": {str(step): number for step, number in self.per_week.items()},
            "healthy": {str(signal): rate for signal, rate in self.healthy.items()},
            "allowance": self.allowance,
        }

    def allowed(self, step: State, share: float) -> float:
        """Return the false alarms a week that one account may have by a detector.

        Args:
            step: What the detector asks for.
            share: The detector's share of the budget for that.
        """
        return self.allowance * share * self.per_week[step] / max(self.accounts, SMALLEST_FLEET)


def heights(m: int, rate: float, allowed: float, fewest: int) -> Ladder:
    """Return the heights of a CUSUM by weekly volume; the last one serves every volume.

    Args:
        m: What a bad outcome weighs.
        rate: The healthy rate, a fraction.
        allowed: False alarms a week and account.
        fewest: Bad outcomes' worth that the lowest height is.
    """
    rungs = range(fewest * m, _HIGHEST * m + 1, max(1, m // _RUNGS))
    sends = sends_to_heights(m, rungs[-1], rate)
    return (*(Threshold(h, allowed * sends[h]) for h in rungs[:-1]), Threshold(rungs[-1], inf))


def ceilings(size: int, rate: float, allowed: float, lowest: int, highest: int) -> Ladder:
    """Return the ceilings of a level by weekly volume; none serves an account for which the highest is too low.

    Args:
        size: The window's R, in sends.
        rate: The healthy rate, a fraction.
        allowed: False alarms a week and account.
        lowest: The lowest ceiling.
        highest: The highest one, not above the platform's line.
    """
    return tuple(Threshold(bad, allowed * sends_until_crowded(bad, size, rate)) for bad in range(lowest, highest + 1))


def line(signal: Signal, size: int) -> int:
    """Return the bad outcomes of a window that are at the platform's line."""
    return max(1, round(PLATFORM_LINES[signal] * size))
