"""An account that is too young for a rate: a ceiling on the bad outcomes of its first sends.

Until a window is full, its rate says little, and a platform that judges it by the few sends there are is soon at its
line. So the first 100, 250, 500 and 1,000 sends since an account began to be counted (or was reset) have a ceiling
each, high enough that a healthy account hardly ever meets it. Counts only grow, so a ceiling is met at any time within
its sends exactly if it is met at their end, and the chance of that is a tail of the binomial distribution: nothing has
to be approximated. An account is young once, not every week; how often that happens in a fleet is taken to be once a
quarter for each account, and the budget is spent accordingly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, log, log1p
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.statistics.beta import at_least

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.domain.circuits.states import State
    from breaker.domain.windows.counters import Counters

AGES = (100, 250, 500, 1_000)
"""The numbers of first sends that have a ceiling each; from the last one on an account is not young."""

WEEKS_BETWEEN = 13.0
"""Weeks after which an account is taken to be young again, by a reset or by another that takes its place."""

CALM = 0.8
"""The share of a ceiling up to which a young account is calm."""


class Ceiling(NamedTuple):
    """The bad outcomes from which on an account is suspected.

    Attributes:
        sends: As long as it has sent no more than this.
        bad: Bad outcomes.
    """

    sends: int
    bad: int


@dataclass(frozen=True, slots=True)
class Young:
    """Ceilings for the first sends of an account.

    Args:
        signal: The rate that it watches.
        step: The state that it asks for.
        ceilings: The ceilings, that of the fewest sends first.
    """

    signal: Signal
    step: State
    ceilings: tuple[Ceiling, ...]
    name: str = "young"

    def suspect(self, counters: Counters) -> Suspicion | None:
        """Return a suspicion where the ceiling of the account's age is met, or None."""
        sends, bad = self._counted(counters)
        for ceiling in self.ceilings:
            if sends <= ceiling.sends:
                if bad < ceiling.bad:
                    return None
                return Suspicion(
                    self.name, self.signal, self.step, ceiling.sends, bad, sends, ceiling.bad / ceiling.sends
                )
        return None

    def is_calm(self, counters: Counters) -> bool:
        """Tell whether the account is well below the ceiling of its age, or not young any more."""
        sends, bad = self._counted(counters)
        return all(sends > ceiling.sends or bad <= CALM * ceiling.bad for ceiling in self.ceilings)

    def describe(self) -> Mapping[str, object]:
        """Return its parameters, as they are stored with a verdict."""
        return {"step": str(self.step), "ceilings": [list(ceiling) for ceiling in self.ceilings]}

    def _counted(self, counters: Counters) -> tuple[int, int]:
        totals = counters.totals
        if self.signal is Signal.BOUNCE:
            return totals.sends, totals.hard_bounces
        return totals.delivered, totals.complaints


def chance_to_meet(ceilings: Sequence[Ceiling], rate: float) -> float:
    """Return the probability that an account meets one of the ceilings while it is young.

    Args:
        ceilings: The ceilings, that of the fewest sends first.
        rate: Its true rate of bad outcomes, a fraction.
    """
    below = [1.0]  # the probability of each number of bad outcomes, where no ceiling was met so far
    counted = 0
    for sends, bad in ceilings:
        further = [_exactly(k, sends - counted, rate) for k in range(min(bad, sends - counted + 1))]
        below = [
            sum(below[k - more] * further[more] for more in range(max(0, k - len(below) + 1), min(k + 1, len(further))))
            for k in range(bad)
        ]
        counted = sends
    return max(0.0, 1 - sum(below))


def _exactly(k: int, n: int, rate: float) -> float:
    if rate <= 0 or rate >= 1:
        return float(k == (n if rate >= 1 else 0))
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(rate) + (n - k) * log1p(-rate))


def young_ceilings(rate: float, allowed: float, fewest: int) -> tuple[Ceiling, ...]:
    """Return the lowest ceilings that a healthy account meets rarely enough.

    Args:
        rate: The healthy rate, a fraction.
        allowed: False alarms a week and account.
        fewest: Bad outcomes that the lowest ceiling is at least.
    """
    chance = allowed * WEEKS_BETWEEN / len(AGES)
    return tuple(Ceiling(sends, _lowest(sends, rate, chance, fewest)) for sends in AGES)


def _lowest(sends: int, rate: float, chance: float, fewest: int) -> int:
    bad = max(fewest, int(sends * rate))
    while at_least(bad, sends, rate) > chance:
        bad += 1
    return bad
