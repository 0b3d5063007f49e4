"""Between which rates the true one lies, given k bad of n.

Wilson's interval is the one that people are shown: it needs no special function, is close to its nominal coverage on
average, and never reaches below 0. Jeffreys' is the posterior's under a prior that knows nothing; Clopper and Pearson's
never covers less than it says, and is the widest. See Brown, Cai and DasGupta, "Interval estimation for a binomial
proportion", Statistical Science 16 (2001).
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

from breaker.domain.statistics.beta import quantile


class Interval(NamedTuple):
    """Two rates, fractions."""

    low: float
    high: float


def wilson(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Return Wilson's interval of a rate.

    Args:
        k: Bad outcomes.
        n: Sends, at least 1.
        confidence: How sure to be that the rate is inside.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = k / n
    scale = 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / scale
    half = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / scale
    return Interval(0.0 if k == 0 else centre - half, 1.0 if k == n else centre + half)


def wilson_lower_bound(k: int, n: int, confidence: float = 0.95) -> float:
    """Return the rate that the true one is above, by Wilson's one-sided bound."""
    return wilson(k, n, 2 * confidence - 1).low


def jeffreys(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Return the interval of a rate under Jeffreys' prior, Beta(1/2, 1/2)."""
    tail = (1 - confidence) / 2
    return Interval(
        0.0 if k == 0 else quantile(tail, k + 0.5, n - k + 0.5),
        1.0 if k == n else quantile(1 - tail, k + 0.5, n - k + 0.5),
    )


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Return the exact interval of a rate."""
    tail = (1 - confidence) / 2
    return Interval(
        0.0 if k == 0 else quantile(tail, k, n - k + 1),
        1.0 if k == n else quantile(1 - tail, k + 1, n - k),
    )
