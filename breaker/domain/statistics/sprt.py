"""Which of two rates it is, decided as soon as the outcomes allow: Wald's sequential probability ratio test.

Wald, "Sequential tests of statistical hypotheses", Annals of Mathematical Statistics 16 (1945). Every outcome adds the
logarithm of how much likelier it is at `p1` than at `p0` to a sum; the test ends where the sum leaves the interval
between two bounds. Unlike a CUSUM it ends both ways, which is what probing needs: healthy again, or still bad. Its size
is not fixed, but its average is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor, log
from typing import NamedTuple

_NEGLIGIBLE = 1e-10


class Decision(StrEnum):
    """What a test says."""

    HEALTHY = "healthy"
    UNDECIDED = "undecided"
    BAD = "bad"


class Size(NamedTuple):
    """How large a test becomes at a true rate.

    Attributes:
        sends: The outcomes until it ends, on average.
        bad: The probability that it ends with `BAD`.
    """

    sends: float
    bad: float


@dataclass(frozen=True, slots=True)
class Sprt:
    """A sequential probability ratio test.

    Args:
        p0: The healthy rate, a fraction.
        p1: The bad rate, a larger fraction.
        alpha: How often a healthy rate may be called bad, about.
        beta: How often a bad rate may be called healthy, about.
    """

    p0: float
    p1: float
    alpha: float
    beta: float

    @property
    def upper(self) -> float:
        """The sum from which on the rate is called bad (Wald's A)."""
        return log((1 - self.beta) / self.alpha)

    @property
    def lower(self) -> float:
        """The sum down to which it is called healthy (Wald's B)."""
        return log(self.beta / (1 - self.alpha))

    @property
    def _worth(self) -> tuple[float, float]:
        """What a bad and what a good outcome adds to the sum."""
        return log(self.p1 / self.p0), log((1 - self.p1) / (1 - self.p0))

    def decide(self, k: int, n: int) -> Decision:
        """Return what k bad of n say."""
        bad, good = self._worth
        evidence = k * bad + (n - k) * good
        if evidence >= self.upper:
            return Decision.BAD
        return Decision.HEALTHY if evidence <= self.lower else Decision.UNDECIDED

    def wald_sends(self) -> tuple[float, float]:
        """Return the outcomes until the test ends at p0 and at p1, on average, by Wald's approximation.

        It takes the sum to end on the bounds, and so is a little low: a bad outcome carries it beyond.
        """
        bad, good = self._worth
        drift0 = self.p0 * bad + (1 - self.p0) * good
        drift1 = self.p1 * bad + (1 - self.p1) * good
        return (
            ((1 - self.alpha) * self.lower + self.alpha * self.upper) / drift0,
            (self.beta * self.lower + (1 - self.beta) * self.upper) / drift1,
        )

    def size_at(self, rate: float) -> Size:
        """Return how large the test becomes at a true rate, exactly, by following every path until it ends.

        Args:
            rate: The rate of bad outcomes, a fraction, above 0; each independent of the others.
        """
        bad, good = self._worth
        undecided = [1.0]  # by how many bad outcomes there were, from `fewest` on
        fewest, n, sends, called_bad = 0, 0, 0.0, 0.0
        while (open_ := sum(undecided)) > _NEGLIGIBLE:
            sends += open_
            n += 1
            undecided = [
                rate * before + (1 - rate) * same
                for before, same in zip([0.0, *undecided], [*undecided, 0.0], strict=True)
            ]
            # k bad of n are undecided while lower < k * (bad - good) + n * good < upper.
            first = floor((self.lower - n * good) / (bad - good)) + 1
            last = ceil((self.upper - n * good) / (bad - good)) - 1
            called_bad += sum(undecided[max(0, last + 1 - fewest) :])
            undecided = undecided[max(0, first - fewest) : max(0, last + 1 - fewest)]
            fewest = max(fewest, first)
        return Size(sends, called_bad)
