"""A step of a rate, found as early as its false alarms allow: the Bernoulli CUSUM.

Reynolds and Stoumbos, "A CUSUM chart for monitoring a proportion when inspecting continuously", Journal of Quality
Technology 31 (1999). Every send moves a score: a good one takes 1 from it, a bad one adds `m - 1`, and it never falls
below 0. What is bad at the rate `p0` keeps it near 0, what is bad at `p1` drives it up; the `m` that tells the two
apart best follows from both. Because the score is an integer, how long it takes to reach a height is known exactly
(`breaker.domain.run_lengths`).

Order is that of the commits, and a send that was counted as good may turn out bad later. Then the 1 that it took is
given back and `m - 1` added, as if it had been bad at once. That is exact unless the score has been at 0 since: sends
that were lost on that floor would have spent some of it. Where all sends that the score still knows of are bad, the
late one cannot be one of these, and counts as a send of its own.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from breaker.domain.detectors import Signal, Suspicion
from breaker.domain.states import SEVERITY, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.domain.counters import Counters
    from breaker.domain.outcomes import Tally

# One integer of evidence holds three numbers: the score, the sends since it was last at 0, and which recipient domains
# the bad ones among these were at, as a set of hashes. It has to fit into 63 bits.
_FIELD = 20
_MOST = (1 << _FIELD) - 1
_ONE_SEND = 1 << _FIELD
_DOMAINS_FROM = 2 * _FIELD
_DOMAINS = 23


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked for at a height of the score.

    Args:
        state: The state that is asked for.
        h: The score from which on it is.
        minimum_bad: Bad outcomes that there must be since the score was last at 0.
        minimum_domains: Recipient domains that they must be at; at most some ten can be told apart.
    """

    state: State
    h: int
    minimum_bad: int = 1
    minimum_domains: int = 1


@dataclass(frozen=True, slots=True)
class Cusum:
    """A Bernoulli CUSUM with one score and a step at each of several heights.

    Args:
        signal: The rate that it watches.
        p0: The rate, a fraction, that is acceptable.
        p1: The rate, a fraction, that has to be found soonest.
        m: What a bad outcome weighs, in good ones: `weight(p0, p1)`.
        steps: What is asked for at which height, in any order.
    """

    signal: Signal
    p0: float
    p1: float
    m: int
    steps: tuple[Step, ...]
    name: str = "cusum"

    @property
    def memory(self) -> str:
        """The name that its evidence is kept under."""
        return f"{self.name}-{self.signal}"

    def observe(self, evidence: int, added: Tally, recipient_domain: str) -> int:
        """Return the evidence after one more outcome.

        Args:
            evidence: What it was.
            added: What the outcome added to the counts.
            recipient_domain: The domain of the recipient, or empty.
        """
        if self.signal is Signal.BOUNCE:
            new, bad = added.sends, added.hard_bounces
        else:
            new, bad = added.delivered, added.complaints
        if not bad:
            if not new or not evidence:
                return evidence
            if evidence >> _FIELD & _MOST < _MOST:
                evidence += _ONE_SEND
            evidence -= 1
            return evidence if evidence & _MOST else 0
        return self._after_a_bad_one(evidence, recipient_domain, late=not new)

    def suspect(self, counters: Counters) -> Suspicion | None:
        """Return the strongest step whose height the score has reached, or None."""
        evidence = counters.evidence.get(self.memory, 0)
        score, sends, domains = read(evidence)
        bad = self._bad(score, sends)
        reached = [
            step
            for step in self.steps
            if score >= step.h and bad >= step.minimum_bad and domains >= step.minimum_domains
        ]
        if not reached:
            return None
        step = max(reached, key=lambda one: SEVERITY[one.state])
        return Suspicion(
            detector=self.name,
            signal=self.signal,
            step=step.state,
            window=None,
            count=bad,
            of=sends,
            threshold=-(-(step.h + sends) // self.m) / sends,
        )

    def _after_a_bad_one(self, evidence: int, recipient_domain: str, *, late: bool) -> int:
        score = evidence & _MOST
        sends = evidence >> _FIELD & _MOST
        domains = evidence >> _DOMAINS_FROM
        if late and self._bad(score, sends) < sends:
            score += self.m
        else:
            score += self.m - 1
            sends += 1
        domains |= 1 << zlib.crc32(recipient_domain.encode("utf-8", "surrogatepass")) % _DOMAINS
        return min(score, _MOST) | min(sends, _MOST) << _FIELD | domains << _DOMAINS_FROM

    def _bad(self, score: int, sends: int) -> int:
        """Return how many bad outcomes made the score: each is worth m, less one for every send."""
        return (score + sends) // self.m

    def describe(self) -> Mapping[str, object]:
        """Return its parameters, as they are stored with a verdict."""
        return {
            "p0": self.p0,
            "p1": self.p1,
            "m": self.m,
            "h": {str(step.state): step.h for step in self.steps},
        }


def read(evidence: int) -> tuple[int, int, int]:
    """Return the score, the sends since it was last at 0, and how many recipient domains the bad ones are at."""
    return evidence & _MOST, evidence >> _FIELD & _MOST, (evidence >> _DOMAINS_FROM).bit_count()


def weight(p0: float, p1: float) -> int:
    """Return the m of the log-likelihood ratio between two rates, rounded.

    Args:
        p0: The acceptable rate, a fraction.
        p1: The rate to be found, a larger fraction.
    """
    return max(2, round(log(p1 * (1 - p0) / (p0 * (1 - p1))) / log((1 - p0) / (1 - p1))))


def between(signal: Signal, p0: float, p1: float, steps: tuple[Step, ...]) -> Cusum:
    """Return the CUSUM that tells two rates apart best."""
    return Cusum(signal, p0, p1, weight(p0, p1), steps)
