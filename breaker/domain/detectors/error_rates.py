"""How early and how rarely a profile acts: what `breaker error-rates` prints.

Three kinds of numbers, and each says which it is:
    - *exact*: of a CUSUM alone, by a linear solve;
    - *approximate*: of a level alone, by how windows clump, good to some percent where it is rare; and of all detectors
      together where all that matter are rare, since the chances of rare alarms add up;
    - *simulated*, with its own confidence interval: where a level is not rare.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf, log1p, sqrt
from typing import TYPE_CHECKING

from breaker.domain.circuits.states import State
from breaker.domain.detectors.corroborated import Corroborated
from breaker.domain.detectors.detectors import PLATFORM_LINES, Signal
from breaker.domain.detectors.levels import FULL, Level
from breaker.domain.detectors.thresholds import threshold_for
from breaker.domain.detectors.young import WEEKS_BETWEEN, Ceiling, Young, chance_to_meet
from breaker.domain.statistics.crossings import sends_until_crowded
from breaker.domain.statistics.cusum import Cusum
from breaker.domain.statistics.run_lengths import sends_to_height

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from breaker.domain.profiles.profile import Profile

_RARE = 20
"""Windows that a level's alarm has to take, on average, for the approximation to be good to some percent."""

_LATER = 20
"""An alarm that is not rare, and still comes so many times later than another, changes nothing about that."""

_UNLIKELY = 0.001
"""The chance to meet the ceilings for an account's first sends up to which they change no average that is shown."""

_NEGLIGIBLE = 0.001
"""The share of all alarms up to which the approximate ones among them leave a number exact."""

_MOST_RUNS = 2_000
_MOST_BAD = 100_000
_FEWEST_RUNS = 30


class Kind(StrEnum):
    """Where a number comes from."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One detector at one threshold.

    Args:
        signal: The rate that it watches.
        detector: Its name in verdicts.
        step: What it asks for.
        threshold: The height of a CUSUM's score, or the bad outcomes of a level's window.
        window: A level's R, in sends, or the first sends of an account that a ceiling is for; or None.
        cusum: The CUSUM, or None.
        young: Whether it is a ceiling for an account's first sends, which acts once or never.
    """

    signal: Signal
    detector: str
    step: State
    threshold: int
    window: int | None = None
    cusum: Cusum | None = None
    young: bool = False

    def is_rare(self, rate: float) -> bool:
        """Tell whether the number of sends to an alarm is known without a simulation."""
        return self.window is None or self.sends(rate) >= _RARE * self.window

    def sends(self, rate: float) -> float:
        """Return the sends to an alarm at a true rate, on average, where that is rare; infinite where there is none.

        A ceiling for an account's first sends may never be met, so that there is no average.
        """
        if rate <= 0 or self.young:
            return inf
        if self.cusum:
            return sends_to_height(self.cusum.m, self.threshold, rate)
        return sends_until_crowded(self.threshold, self.window or 1, rate)


@dataclass(frozen=True, slots=True)
class Average:
    """Sends until an alarm, on average.

    Args:
        sends: The average, infinite where there is none.
        kind: Where it comes from.
        margin: Half the width of its 95 % interval where it was simulated, else 0.
    """

    sends: float
    kind: Kind
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Union:
    """All detectors together, for accounts of one volume.

    Args:
        volume: Sends a day.
        rate: The true rate of hard bounces, a fraction; complaints are as healthy as the budget says.
        average: Sends until an account is stopped.
        false_stops: Stops a week of the whole fleet, if all its accounts were such; None where the rate is no healthy
            one, being at the platform's line or above.
    """

    volume: float
    rate: float
    average: Average
    false_stops: float | None


def alarms(profile: Profile, volume: float) -> tuple[Alarm, ...]:
    """Return the detectors of a profile with the thresholds that hold for accounts of a volume (sends a day)."""
    return tuple(_alarms(profile, 7 * volume))


def union(profile: Profile, volume: float, rate: float, uniform: Callable[[], float]) -> Union:
    """Return how an account fares with all detectors that stop.

    Args:
        profile: The detectors.
        volume: Its sends a day.
        rate: Its true rate of hard bounces, a fraction.
        uniform: The source of chance: a number from 0 to 1 at every call.
    """
    stops = [one for one in alarms(profile, volume) if one.step is State.STOPPED]
    average = first_of([one for one in stops if one.signal is Signal.BOUNCE], rate, uniform)
    complaints = profile.budget.healthy[Signal.COMPLAINT]
    hazards = [1 / one.sends(complaints) for one in stops if one.signal is Signal.COMPLAINT]
    average = replace(average, sends=_together([1 / average.sends, *hazards]))
    is_healthy = rate < PLATFORM_LINES[Signal.BOUNCE]
    once = _chance_when_young(stops, rate) / WEEKS_BETWEEN
    false_stops = profile.budget.accounts * (7 * volume / average.sends + once) if is_healthy else None
    return Union(volume, rate, average, false_stops)


def first_of(alarms: Sequence[Alarm], rate: float, uniform: Callable[[], float]) -> Average:
    """Return the sends to the first of some alarms of one signal, on average.

    Args:
        alarms: The alarms.
        rate: The true rate of bad outcomes, a fraction.
        uniform: The source of chance: a number from 0 to 1 at every call.
    """
    lasting = [one for one in alarms if not one.young]
    if len(lasting) < len(alarms):
        return _with_youth(alarms, lasting, rate, uniform)
    averages = [one.sends(rate) for one in alarms]
    soonest = min(averages, default=inf)
    if soonest == inf:
        return Average(inf, Kind.EXACT)
    rare = [one for one in alarms if one.is_rare(rate)]
    if any(one not in rare and sends < _LATER * soonest for one, sends in zip(alarms, averages, strict=True)):
        return simulated(alarms, rate, uniform)
    levels = sum(1 / one.sends(rate) for one in rare if one.window)
    sends = _together([levels, *(1 / one.sends(rate) for one in rare if one.cusum)])
    return Average(sends, Kind.APPROXIMATE if levels * sends > _NEGLIGIBLE else Kind.EXACT)


def _with_youth(
    alarms: Sequence[Alarm], lasting: Sequence[Alarm], rate: float, uniform: Callable[[], float]
) -> Average:
    """Return the average of alarms some of which are ceilings for an account's first sends."""
    if not lasting:
        return Average(inf, Kind.EXACT)  # may never come
    later = first_of(lasting, rate, uniform)
    chance = _chance_when_young(alarms, rate)
    if chance <= _UNLIKELY:
        return later
    youth = max(one.window or 0 for one in alarms if one.young)
    if later.kind is Kind.SIMULATED or later.sends < _LATER * youth:
        return simulated(alarms, rate, uniform)
    return Average((1 - chance) * later.sends, Kind.APPROXIMATE)


def _chance_when_young(alarms: Sequence[Alarm], rate: float) -> float:
    """Return the probability that an account meets a ceiling for its first sends."""
    return chance_to_meet([Ceiling(one.window or 0, one.threshold) for one in alarms if one.young], rate)


def simulated(alarms: Sequence[Alarm], rate: float, uniform: Callable[[], float]) -> Average:
    """Return the same by simulation, from an account's first send on."""
    runs: list[int] = []
    while len(runs) < _FEWEST_RUNS or (len(runs) < _MOST_RUNS and sum(runs) * rate < _MOST_BAD):
        runs.extend(_first_alarm(alarms, rate, uniform) for _ in range(_FEWEST_RUNS))
    mean = sum(runs) / len(runs)
    margin = 1.96 * sqrt(sum((run - mean) ** 2 for run in runs)) / len(runs)
    return Average(mean, Kind.SIMULATED, margin)


def _together(hazards: Sequence[float]) -> float:
    """Return the sends to the first of several alarms, each with its chance at every send."""
    hazard = sum(hazards)
    return 1 / hazard if hazard else inf


def _first_alarm(alarms: Sequence[Alarm], rate: float, uniform: Callable[[], float]) -> int:
    """Draw the gaps between bad sends until one of them raises an alarm; return its number."""
    scale = 1 / log1p(-rate) if rate < 1 else 0.0
    cusums = [(one.cusum.m, one.threshold) for one in alarms if one.cusum]
    levels = [(one.window, one.threshold) for one in alarms if one.window and not one.young]
    ceilings = [(one.window, one.threshold) for one in alarms if one.window and one.young]
    scores = [0] * len(cusums)
    bad: list[int] = []
    send = 0
    while True:
        good = int(log1p(-uniform()) * scale)
        send += good + 1
        bad.append(send)
        for place, (m, h) in enumerate(cusums):
            scores[place] = max(0, scores[place] - good) + m - 1
            if scores[place] >= h:
                return send
        for first, ceiling in ceilings:
            if send <= first and len(bad) >= ceiling:
                return send
        for window, ceiling in levels:
            if send >= FULL * window and len(bad) >= ceiling and send - bad[-ceiling] < window:
                return send


def _alarms(profile: Profile, weekly_sends: float) -> Iterator[Alarm]:
    for outer in profile.detectors:
        one = outer.detector if isinstance(outer, Corroborated) else outer
        if isinstance(one, Cusum):
            for step in one.steps:
                h = threshold_for(step.heights, weekly_sends)
                if h is not None:
                    yield Alarm(one.signal, one.name, profile.step(one.signal, step.state), h, cusum=one)
        elif isinstance(one, Level):
            for size, ladder in one.ceilings.items():
                ceiling = threshold_for(ladder, weekly_sends)
                if ceiling is not None:
                    yield Alarm(one.signal, one.name, profile.step(one.signal, one.step), ceiling, window=size)
        elif isinstance(one, Young):
            asked = profile.step(one.signal, one.step)
            for sends, bad in one.ceilings:
                yield Alarm(one.signal, one.name, asked, bad, window=sends, young=True)
