"""What is known of a rate from others like it, and what k bad of n add to that.

The rates of a fleet's accounts are taken for draws from a Beta(a, b). Before anything is known of one of them, that is
what is believed of it; k bad of n turn it into a Beta(a + k, b + n - k). So what a domain's accounts did counts for the
next one, by as much as they are alike.
"""

from __future__ import annotations

from typing import NamedTuple

from breaker.domain.beta import share_below


class Belief(NamedTuple):
    """A Beta(a, b): as if `a` bad outcomes had been seen of `a + b`."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """The rate that is expected, a fraction."""
        return self.a / (self.a + self.b)

    def after(self, k: int, n: int) -> Belief:
        """Return what is believed once k bad of n were seen."""
        return Belief(self.a + k, self.b + n - k)

    def above(self, rate: float) -> float:
        """Return the probability that the true rate is above the given one, a fraction."""
        return share_below(1 - rate, self.b, self.a)
