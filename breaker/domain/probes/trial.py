"""The test that a probe is: a sequential probability ratio test, looked at round by round, and cut off in the end.

A bad result ends it at any send; a good one only when a round is over and its late outcomes were waited for; and what
is undecided at the cut has failed, since an account that nobody can call healthy should not be let go. So it is not
quite Wald's test, and its size and error rates are computed here from the test as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from breaker.domain.statistics.sprt import Decision, Sprt


class Expectation(NamedTuple):
    """What a probe comes to at a true rate.

    Attributes:
        sends: The sends that it still needs, on average.
        accepted: The probability that it ends well.
        failed: The probability that it is found bad.
        cut: The probability that it is still undecided at the cut, which counts as failed too.
    """

    sends: float
    accepted: float
    failed: float
    cut: float


@dataclass(frozen=True, slots=True)
class Trial:
    """Healthy again, or still bad.

    Args:
        sprt: The test. With rounds of 10 and the cut at 150, 0.02 against 0.10 needs 64 sends of a healthy account
            and 56 of a bad one; 0.6 % of healthy ones are called bad and 3.6 % cut off, and 3.1 % of bad ones pass.
        round_sends: The sends of one round.
        most_sends: The sends at which what is undecided has failed.
    """

    sprt: Sprt = field(default_factory=lambda: Sprt(p0=0.02, p1=0.10, alpha=0.01, beta=0.05))
    round_sends: int = 10
    most_sends: int = 150

    def decide(self, bad: int, sends: int, *, complete: bool) -> Decision:
        """Return what a probe's sends say.

        Args:
            bad: How many of them hard-bounced.
            sends: How many there were.
            complete: Whether all that were permitted so far are over, and late outcomes were waited for.
        """
        said = self.sprt.decide(bad, sends)
        if said is Decision.BAD or not complete:
            return Decision.BAD if said is Decision.BAD else Decision.UNDECIDED
        if said is Decision.UNDECIDED and sends >= self.most_sends:
            return Decision.BAD
        return said

    def round_after(self, sends: int) -> int:
        """Return how many sends the next round permits, after so many."""
        return max(1, min(self.round_sends, self.most_sends - sends))

    def expect(self, rate: float, bad: int = 0, sends: int = 0) -> Expectation:
        """Return what comes of a probe that has come so far, exactly, by following every path until it ends.

        Args:
            rate: The true rate of bad sends, a fraction; each independent of the others.
            bad: How many bad ones there were.
            sends: How many sends there were.
        """
        return _expect(self, rate, bad, sends)


@lru_cache(maxsize=4_096)
def _expect(trial: Trial, rate: float, bad: int, sends: int) -> Expectation:
    undecided = {bad: 1.0}
    needed = accepted = failed = 0.0
    while sends < trial.most_sends and undecided:
        for _ in range(trial.round_after(sends)):
            needed += sum(undecided.values())
            sends += 1
            undecided, lost = _one_send(trial, undecided, sends, rate)
            failed += lost
        healthy = {k for k in undecided if trial.decide(k, sends, complete=True) is Decision.HEALTHY}
        accepted += sum(undecided.pop(k) for k in healthy)
    return Expectation(needed, accepted, failed, sum(undecided.values()))


def _one_send(trial: Trial, undecided: dict[int, float], sends: int, rate: float) -> tuple[dict[int, float], float]:
    """Return the probabilities by bad sends after one more, and that of having been found bad by it."""
    after: dict[int, float] = {}
    for k, probability in undecided.items():
        after[k] = after.get(k, 0.0) + probability * (1 - rate)
        after[k + 1] = after.get(k + 1, 0.0) + probability * rate
    bad = {k for k in after if trial.decide(k, sends, complete=False) is Decision.BAD}
    return after, sum(after.pop(k) for k in bad)
