"""What is computed against what is simulated, with the simulation's own confidence interval."""

from __future__ import annotations

from math import inf, sqrt
from random import Random

import pytest

from breaker.domain.circuits.states import State
from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.detectors import Signal
from breaker.domain.detectors.error_rates import Alarm, Kind, alarms, first_of, simulated, union
from breaker.domain.outcomes.outcomes import Counting, OutcomeSet
from breaker.domain.profiles.standard import standard_profile
from breaker.domain.windows.counters import Counters, WindowSizes

THREE_SIGMA = 3 / 1.96
"""By how much a 95 % interval is widened, so that a hundred such tests hold."""

COUNTING = Counting()
PROFILE = standard_profile(Budget(), WindowSizes(), 0.8)
TRIGGER_HAPPY = standard_profile(
    Budget(accounts=100, per_week=dict.fromkeys((State.STOPPED, State.LIMITED, State.WARNED), 40.0)), WindowSizes(), 0.6
)


def bounce_alarms(daily: float) -> list[Alarm]:
    return [one for one in alarms(PROFILE, daily) if one.signal is Signal.BOUNCE and one.step is State.STOPPED]


def test_the_default_budget_is_spent_and_not_overdrawn_at_every_volume() -> None:
    false_stops = [union(PROFILE, daily, 0.02, Random(1).random).false_stops for daily in (50, 200, 1_000, 2_000)]

    assert all(0.75 < (one or 0) <= 1 for one in false_stops)


def test_what_is_rare_is_exact_or_nearly_and_the_rest_is_simulated() -> None:
    kinds = [union(PROFILE, 200, rate, Random(1).random).average.kind for rate in (0.0, 0.005, 0.02, 0.05)]

    assert kinds == [Kind.EXACT, Kind.EXACT, Kind.APPROXIMATE, Kind.SIMULATED]


def test_no_bounces_stop_nobody_and_complaints_alone_hardly_ever() -> None:
    found = union(PROFILE, 200, 0.0, Random(1).random)

    assert first_of(bounce_alarms(200), 0.0, Random(1).random).sends == inf
    assert found.average.sends > 1e7


@pytest.mark.parametrize("rate", [0.05, 0.12, 1.0])
def test_the_rate_of_an_unhealthy_account_makes_no_false_stops(rate: float) -> None:
    assert union(PROFILE, 200, rate, Random(1).random).false_stops is None


@pytest.mark.parametrize(("bad", "window", "rate"), [(9, 300, 0.01), (36, 1_000, 0.02)])
def test_a_rare_level_is_simulated_as_it_is_computed(bad: int, window: int, rate: float) -> None:
    level = Alarm(Signal.BOUNCE, "level", State.STOPPED, bad, window=window)

    found = simulated([level], rate, Random(2).random)

    assert level.is_rare(rate)
    assert abs(found.sends - level.sends(rate)) < THREE_SIGMA * found.margin


def by_the_detectors(daily: int, rate: float, runs: int, seed: int) -> tuple[float, float]:
    """Send by send through counters and profile: the average of the sends to a stop, and its 95 % margin."""
    random = Random(seed)
    found = []
    for _ in range(runs):
        counters = Counters(WindowSizes())
        spacing = 86_400 / daily
        for send in range(1, 1_000_000):
            bad = random.random() < rate
            bits = OutcomeSet.UNKNOWN_RECIPIENT if bad else OutcomeSet.DELIVERED
            counters.record(1_000_000 + int(send * spacing), 0, bits, COUNTING)
            suspicion = TRIGGER_HAPPY.suspect(counters, Signal.BOUNCE) if bad else None
            if suspicion and suspicion.step is State.STOPPED:
                found.append(send)
                break
    mean = sum(found) / runs
    return mean, 1.96 * sqrt(sum((one - mean) ** 2 for one in found)) / runs


@pytest.mark.parametrize(("rate", "runs"), [(0.03, 60), (0.05, 150), (0.12, 400), (0.3, 400)])
def test_the_detectors_themselves_take_as_long_as_error_rates_say(rate: float, runs: int) -> None:
    promised = union(TRIGGER_HAPPY, 2_000, rate, Random(3).random).average

    mean, margin = by_the_detectors(2_000, rate, runs, seed=5)

    assert abs(mean - promised.sends) < THREE_SIGMA * (margin + promised.margin)
