from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.detectors.young import AGES, WEEKS_BETWEEN, Ceiling, Young, chance_to_meet, young_ceilings
from breaker.domain.outcomes.outcomes import Counting, OutcomeSet
from breaker.domain.statistics.beta import at_least
from breaker.domain.windows.counters import Counters, WindowSizes

COUNTING = Counting()
CEILINGS = (Ceiling(100, 10), Ceiling(250, 16))
YOUNG = Young(Signal.BOUNCE, State.STOPPED, CEILINGS)


def counters_of(sends: int, bad: int) -> Counters:
    counters = Counters(WindowSizes())
    for number in range(sends):
        counters.record(
            1_000 + number, 0, OutcomeSet.UNKNOWN_RECIPIENT if number < bad else OutcomeSet.DELIVERED, COUNTING
        )
    return counters


def test_a_young_account_is_stopped_at_the_ceiling_of_its_age() -> None:
    found = [YOUNG.suspect(counters_of(*one)) for one in ((100, 9), (90, 10), (101, 10), (250, 16), (251, 30))]

    assert found == [
        None,
        Suspicion("young", Signal.BOUNCE, State.STOPPED, 100, 10, 90, 0.1),
        None,
        Suspicion("young", Signal.BOUNCE, State.STOPPED, 250, 16, 250, 0.064),
        None,
    ]


def test_an_account_is_calm_well_below_the_ceilings_and_when_it_is_young_no_more() -> None:
    calm = [YOUNG.is_calm(counters_of(*one)) for one in ((90, 8), (90, 9), (251, 30))]

    assert calm == [True, False, True]


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.1])
def test_the_chance_to_meet_a_ceiling_is_that_of_a_simulation(rate: float) -> None:
    source = Random(f"young {rate}")
    runs = 2_000
    met = sum(meets(source, rate) for _ in range(runs))

    chance = chance_to_meet(CEILINGS, rate)

    assert met / runs == pytest.approx(chance, abs=4 * (chance * (1 - chance) / runs) ** 0.5 + 1e-3)


def meets(source: Random, rate: float) -> bool:
    bad = 0
    for sends in range(1, CEILINGS[-1].sends + 1):
        bad += source.random() < rate
        if bad >= next(ceiling.bad for ceiling in CEILINGS if sends <= ceiling.sends):
            return True
    return False


def test_who_never_bounces_meets_no_ceiling_and_who_always_does_meets_the_first() -> None:
    assert [chance_to_meet(CEILINGS, 0.0), chance_to_meet(CEILINGS, 1.0)] == [0.0, 1.0]


@given(rate=st.floats(0.001, 0.04), allowed=st.floats(1e-7, 1e-2), fewest=st.integers(1, 9))
def test_ceilings_are_the_lowest_that_keep_to_the_budget(rate: float, allowed: float, fewest: int) -> None:
    ceilings = young_ceilings(rate, allowed, fewest)

    share = allowed * WEEKS_BETWEEN / len(AGES)
    assert [one.sends for one in ceilings] == list(AGES)
    assert chance_to_meet(ceilings, rate) <= allowed * WEEKS_BETWEEN * (1 + 1e-6)
    for sends, bad in ceilings:
        assert bad >= fewest
        assert at_least(bad, sends, rate) <= share
        assert bad == max(fewest, int(sends * rate)) or at_least(bad - 1, sends, rate) > share
