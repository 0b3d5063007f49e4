"""The beta distribution: what the intervals, the tails of the binomial and the posteriors of rates are made of."""

from __future__ import annotations

from math import exp, lgamma, log, log1p

_TINY = 1e-300
_PRECISION = 1e-15
_MOST_TERMS = 10_000
_HALVINGS = 200


def share_below(x: float, a: float, b: float) -> float:
    """Return the probability that a Beta(a, b) is at most x: the regularized incomplete beta function I_x(a, b).

    By its continued fraction (https://dlmf.nist.gov/8.17#E22), on the side where that converges fast.

    Args:
        x: A fraction.
        a: The first parameter, above 0.
        b: The second parameter, above 0.
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - share_below(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    return front / a / _continued_fraction(x, a, b)


def quantile(share: float, a: float, b: float) -> float:
    """Return the x that a Beta(a, b) is at most with the given probability."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        if share_below(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def at_least(k: int, n: int, rate: float) -> float:
    """Return the probability that at least k of n are bad, each with the given rate: the binomial's upper tail."""
    if k <= 0:
        return 1.0
    return share_below(rate, k, n - k + 1) if k <= n else 0.0


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Return 1 + d1/(1 + d2/(1 + ...)), by Lentz's method."""
    value, upper, lower = 1.0, 1.0, 0.0
    for term in range(1, _MOST_TERMS):
        half = term // 2
        if term % 2:
            d = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            d = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        lower = 1 / (1 + d * lower or _TINY)
        upper = 1 + d / upper or _TINY
        value *= upper * lower
        if abs(upper * lower - 1) < _PRECISION:
            break
    return value
