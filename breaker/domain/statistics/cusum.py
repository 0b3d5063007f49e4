"""A step of a rate, found as early as its false alarms allow: the Bernoulli CUSUM.

Reynolds and Stoumbos, "A CUSUM chart for monitoring a proportion when inspecting continuously", Journal of Quality
Technology 31 (1999). Every send moves a score: a good one takes 1 from it, a bad one adds `m - 1`, and it never falls
below 0. What is bad at the rate `p0` keeps it near 0, what is bad at `p1` drives it up; the `m` that tells the two
apart best follows from both. Because the score is an integer, how long it takes to reach a height is known exactly
(`breaker.domain.statistics.run_lengths`).

The score is that of the sends in the order in which they were *sent*, not in which their outcomes became known.
Bounces come seconds to hours late, complaints days: after a burst of sends, all that is late of it follows in one row,
while the good ones were lost on the floor of a score that stood at 0. In the order of arrival, where half of the
bounces come half an hour late, a healthy account of 2,000 sends a day reaches a height some thirty times as often as
it should. So no score is kept. It reached a height if and only if some run of neighbouring sends is worth as much, and
it did so just now if and only if the send that just turned out bad is in that run: both are read from the account's
series (`domain.windows.windows`), whatever the order of arrival. That is a look at a few buckets for each bad outcome,
and nothing at all for a good one.

A series holds sends in buckets, so where a run begins and ends inside of one is not known. The good sends before the
first bad one of a bucket are taken for their mean, as if its bad ones were spread evenly.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.circuits.states import SEVERITY, State
from breaker.domain.detectors.detectors import Signal, Suspicion, series_of
from breaker.domain.detectors.thresholds import Ladder, threshold_for
from breaker.domain.windows.volumes import weekly_sends

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.domain.windows.counters import Counters
    from breaker.domain.windows.windows import Series


_REACH = 10
"""Bad outcomes' worth that a run may lose on the way to something better, or need to gain: no height is greater."""

CALM = 0.5
"""The share of the lowest height up to which a score is calm again."""


class Run(NamedTuple):
    """Neighbouring sends: `bad` of `sends`."""

    bad: int
    sends: int

    def score(self, m: int) -> int:
        """Return what they are worth: each bad one m, less one for every send."""
        return m * self.bad - self.sends


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked for at a height of the score.

    Args:
        state: The state that is asked for.
        heights: The heights by weekly volume; at least one.
    """

    state: State
    heights: Ladder


@dataclass(frozen=True, slots=True)
class Cusum:
    """A Bernoulli CUSUM, with a step at each of several heights.

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

    def suspect(self, counters: Counters) -> Suspicion | None:
        """Return the strongest step whose height the score reached by the send that was counted last, or None."""
        series = series_of(counters, self.signal)
        run = best_run(series, counters.latest, self.m)
        score = run.score(self.m)
        if score < min(step.heights[0].value for step in self.steps):
            return None
        volume = weekly_sends(series)
        heights = ((step.state, threshold_for(step.heights, volume)) for step in self.steps)
        reached = [(SEVERITY[state], state, h) for state, h in heights if h is not None and score >= h]
        if not reached:
            return None
        _, state, h = max(reached)
        needed = -(-(h + run.sends) // self.m)
        return Suspicion(self.name, self.signal, state, None, run.bad, run.sends, needed / run.sends)

    def is_calm(self, counters: Counters) -> bool:
        """Tell whether the score has come down to a part of the lowest height."""
        series = series_of(counters, self.signal)
        volume = weekly_sends(series)
        heights = [h for step in self.steps if (h := threshold_for(step.heights, volume)) is not None]
        return not heights or score_now(series, self.m) <= CALM * min(heights)

    def describe(self) -> Mapping[str, object]:
        """Return its parameters, as they are stored with a verdict."""
        return {"p0": self.p0, "p1": self.p1, "m": self.m, "steps": [str(step.state) for step in self.steps]}


def best_run(series: Series, sent_at: int, m: int) -> Run:
    """Return the run of neighbouring sends that is worth most, of those that a bad send is in.

    Args:
        series: The sends.
        sent_at: When the bad one was sent, Unix seconds; of several in one second, the latest is meant.
        m: What a bad outcome weighs.
    """
    starts, totals, bads = series.buckets()
    place = max(0, bisect_right(starts, sent_at) - 1)
    while place and not bads[place]:  # sends of one second may lie in several buckets
        place -= 1
    if not bads or not bads[place]:
        return Run(0, 0)
    good = totals[place] - bads[place]
    # Where no send is later, the bad one ends its bucket, and no good ones are left behind it.
    head, tail = (good / bads[place], 0.0) if sent_at >= series.latest else (_margin(totals, bads, place),) * 2
    before = _extension(totals, bads, range(place - 1, -1, -1), m, head)
    after = _extension(totals, bads, range(place + 1, len(bads)), m, tail)
    bad = bads[place] + before[0] + after[0]
    return Run(bad, max(bad, round(totals[place] + before[1] + after[1])))


def score_now(series: Series, m: int) -> int:
    """Return the score after the latest send, as if the bad ones of a bucket came at its end."""
    _, totals, bads = series.buckets()
    score = 0
    for total, bad in zip(totals, bads, strict=True):
        score = max(0, score - total + bad) + (m - 1) * bad
    return score


def _extension(totals: Sequence[int], bads: Sequence[int], places: range, m: int, margin: float) -> tuple[int, float]:
    """Return the bad ones and the sends by which a run gains most beyond a bucket, or loses least.

    Args:
        totals: Sends by bucket.
        bads: Bad ones by bucket.
        places: The buckets beyond, the nearest first.
        m: What a bad outcome weighs.
        margin: The good sends at the end of the bucket itself that a run leaves out where it ends there.
    """
    most, best = margin, (0, -margin)
    bad, sends = 0, 0
    floor = -_REACH * m
    for place in places:
        bad += bads[place]
        sends += totals[place]
        here = m * bad - sends
        if bads[place]:
            left_out = _margin(totals, bads, place)
            if here + left_out > most:
                most, best = here + left_out, (bad, sends - left_out)
                if most > -floor:
                    break
        if here < floor:
            break
    return best


def _margin(totals: Sequence[int], bads: Sequence[int], place: int) -> float:
    """Return the good sends at one end of a bucket, before the first bad one there or after the last, as their mean."""
    return (totals[place] - bads[place]) / (bads[place] + 1)


def weight(p0: float, p1: float) -> int:
    """Return the m of the log-likelihood ratio between two rates, rounded.

    Args:
        p0: The acceptable rate, a fraction.
        p1: The rate to be found, a larger fraction.
    """
    return max(2, round(log(p1 * (1 - p0) / (p0 * (1 - p1))) / log((1 - p0) / (1 - p1))))
