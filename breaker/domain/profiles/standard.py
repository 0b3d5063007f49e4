"""The profile that applies where nothing else is said.

Bounces stop an account, by a step or by a level. Complaints are rare and come late: they limit it, and stop it only on
stronger evidence of its own, at three or more of them, and never by one recipient domain alone.

A bad account takes the steps one bad outcome after the other: the budgets for limits and for warnings are larger by
about as much as one bounce tells. How they are shared among the detectors was tuned on the traces of
`python -m tests.detection`: most goes to the CUSUM, which is the one that is early, and the level of bounces is cheap,
since healthy windows hardly ever come near the platform's line. For complaints they do, and with much mail often: there
the level leaves itself out, since no ceiling below the line is rare enough.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.circuits.states import State
from breaker.domain.detectors.budget import ceilings, heights, line
from breaker.domain.detectors.corroborated import Corroborated
from breaker.domain.detectors.detectors import Signal
from breaker.domain.detectors.leading import Leading
from breaker.domain.detectors.levels import Level
from breaker.domain.detectors.thresholds import Threshold
from breaker.domain.detectors.young import Young, young_ceilings
from breaker.domain.profiles.profile import Profile
from breaker.domain.statistics.cusum import Cusum, Step, weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.domain.detectors.budget import Budget
    from breaker.domain.detectors.thresholds import Ladder
    from breaker.domain.windows.counters import WindowSizes


class Design(NamedTuple):
    """How a CUSUM tells two rates apart.

    Attributes:
        p0: The rate, a fraction, that is acceptable.
        p1: The rate that has to be found soonest.
        fewest: Bad outcomes' worth that its lowest height is, by step, so that a handful of bad luck stops nobody.
    """

    p0: float
    p1: float
    fewest: Mapping[State, int]


DESIGNS = {
    Signal.BOUNCE: Design(0.03, 0.10, {State.STOPPED: 4, State.LIMITED: 3, State.WARNED: 2}),
    Signal.COMPLAINT: Design(0.0003, 0.002, {State.STOPPED: 2, State.LIMITED: 2, State.WARNED: 1}),
}


def standard_profile(budget: Budget, sizes: WindowSizes, lowest_level: float) -> Profile:
    """Return the profile.

    Args:
        budget: The false alarms that the fleet may have.
        sizes: The R that are assumed.
        lowest_level: The share of the platform's line below which no level acts, such as 0.8.
    """
    bounce, complaint = Signal.BOUNCE, Signal.COMPLAINT
    floors = {
        signal: {size: max(1, round(lowest_level * line(signal, size))) for size in of_signal}
        for signal, of_signal in ((bounce, sizes.bounce), (complaint, sizes.complaint))
    }
    return Profile(
        "standard",
        budget,
        (
            _cusum(budget, bounce, {State.STOPPED: 0.86, State.LIMITED: 0.6, State.WARNED: 0.6}),
            _level(budget, bounce, State.STOPPED, 0.07, floors[bounce]),
            _young(budget, bounce, State.STOPPED, 0.04, 5),
            _cusum(budget, complaint, {State.LIMITED: 0.28, State.WARNED: 0.3}),
            Corroborated(_cusum(budget, complaint, {State.STOPPED: 0.03})),
            _level(budget, complaint, State.LIMITED, 0.04, floors[complaint]),
            _young(budget, complaint, State.LIMITED, 0.05, 2),
            _level(budget, complaint, State.WARNED, 0.1, floors[complaint]),
            Leading(jump=5.0, least=200, score=3 * weight(*DESIGNS[bounce][:2]), m=weight(*DESIGNS[bounce][:2])),
        ),
    )


def _cusum(budget: Budget, signal: Signal, shares: Mapping[State, float]) -> Cusum:
    p0, p1, fewest = DESIGNS[signal]
    m = weight(p0, p1)
    steps = (
        Step(step, heights(m, budget.healthy[signal], budget.allowed(step, share), fewest[step]))
        for step, share in shares.items()
    )
    return Cusum(signal, p0, p1, m, tuple(steps))


def _young(budget: Budget, signal: Signal, step: State, share: float, fewest: int) -> Young:
    return Young(signal, step, young_ceilings(budget.healthy[signal], budget.allowed(step, share), fewest))


def _level(budget: Budget, signal: Signal, step: State, share: float, floors: Mapping[int, int]) -> Level:
    rate, allowed = budget.healthy[signal], budget.allowed(step, share / len(floors))
    return Level(signal, step, {size: _ceilings(signal, rate, allowed, size, floor) for size, floor in floors.items()})


def _ceilings(signal: Signal, rate: float, allowed: float, size: int, lowest: int) -> Ladder:
    at_the_line = line(signal, size)
    if signal is Signal.COMPLAINT:
        return ceilings(size, rate, allowed, lowest, at_the_line)
    # Bounces at the line stop anybody, whatever the budget; one fewer, because windows are true to within 1 % of R.
    return (*ceilings(size, rate, allowed, lowest, at_the_line - 2), Threshold(max(1, at_the_line - 1), inf))
