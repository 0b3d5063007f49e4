"""What is known of a rate from others like it, and what k bad of n add to that.

The rates of a fleet's accounts are taken for draws from a Beta(a, b). Before anything is known of one of them, that is
what is believed of it; k bad of n turn it into a Beta(a + k, b + n - k). So what a domain's accounts did counts for the
next one, by as much as they are alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.statistics.beta import share_below

if TYPE_CHECKING:
    from collections.abc import Iterable

_TELLING = 5  # bad outcomes that a fleet needs for its rates to be told from them
_WEAKEST, _STRONGEST = 100.0, 3_000.0  # sends that a belief from a fleet is worth: rates change, so not too many


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


def estimate(counts: Iterable[tuple[int, int]], usual: float) -> Belief:
    """Return what a fleet tells of rates like its own, by the method of moments.

    Kleinman, "Proportions with extraneous variance: single and independent samples", Journal of the American
    Statistical Association 68 (1973), weighted by the number of sends.

    Args:
        counts: `(bad, sends)` of each of its parts.
        usual: The rate, a fraction, to take where the fleet has hardly any bad outcomes yet.
    """
    known = [(k, n) for k, n in counts if n > 0]
    sends, bad = sum(n for _, n in known), sum(k for k, _ in known)
    if bad < _TELLING or bad == sends:
        return Belief(1.0, 1 / usual - 1)
    rate = bad / sends
    spread = sum(n * (k / n - rate) ** 2 for k, n in known) / (rate * (1 - rate))
    alone = sum(1 - n / sends for _, n in known)
    together = sum(n * (1 - n / sends) for _, n in known)
    alike = (spread - alone) / (together - alone) if together > alone else 0.0
    strength = min(max(1 / alike - 1, _WEAKEST), _STRONGEST) if alike > 0 else _STRONGEST
    return Belief(rate * strength, (1 - rate) * strength)
