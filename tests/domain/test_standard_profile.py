from __future__ import annotations

import pytest

from breaker.domain.circuits.states import State
from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.detectors import Signal
from breaker.domain.detectors.thresholds import threshold_for
from breaker.domain.outcomes.outcomes import Counting, OutcomeSet
from breaker.domain.profiles.standard import standard_profile
from breaker.domain.statistics.crossings import sends_until_crowded
from breaker.domain.statistics.cusum import Cusum
from breaker.domain.statistics.run_lengths import sends_to_height
from breaker.domain.windows.counters import Counters, WindowSizes

COUNTING = Counting()
PROFILE = standard_profile(Budget(), WindowSizes(), 0.8)


def complained_at(*domains: str, delivered: int = 1_001) -> State | None:
    """Count complaints one after the other, each of a send of its own; return what is asked for at the end."""
    counters = Counters(WindowSizes())
    for number in range(delivered):
        counters.record(3_600 * number, 0, OutcomeSet.DELIVERED, COUNTING)
    for number, domain in enumerate(domains):
        change = counters.record(3_600 * delivered + number, 0, OutcomeSet.COMPLAINT, COUNTING)
        for one in PROFILE.sequential:
            counters.evidence[one.memory] = one.observe(counters.evidence.get(one.memory, 0), change, domain)
    suspicion = PROFILE.suspect(counters, Signal.COMPLAINT)
    return suspicion.step if suspicion else None


def test_complaints_limit_first_and_stop_only_where_two_recipient_domains_complain() -> None:
    found = [
        complained_at(*domains) for domains in (["a"] * 2, ["a"] * 3, ["a"] * 9, ["b", *["a"] * 5], ["a", "b"] * 3)
    ]

    assert found == [State.WARNED, State.LIMITED, State.LIMITED, State.LIMITED, State.STOPPED]


def test_two_complaints_among_its_first_hundred_deliveries_limit_an_account_and_later_only_warn_it() -> None:
    assert [complained_at("a", "b", delivered=number) for number in (98, 1_001)] == [State.LIMITED, State.WARNED]


@pytest.mark.parametrize("accounts", [100, 1_000, 30_000])
@pytest.mark.parametrize("daily", [20, 200, 2_000])
@pytest.mark.parametrize(
    ("state", "share", "fewest"),
    [(State.STOPPED, 0.86, 4), (State.LIMITED, 0.6 * 8, 3), (State.WARNED, 0.6 * 50, 2)],
)
def test_each_height_for_bounces_is_the_lowest_that_keeps_its_share_of_the_budget(
    accounts: int, daily: int, state: State, share: float, fewest: int
) -> None:
    cusum = standard_profile(Budget(accounts=accounts), WindowSizes(), 0.8).detectors[0]
    assert isinstance(cusum, Cusum)
    [ladder] = [step.heights for step in cusum.steps if step.state is state]

    h = threshold_for(ladder, 7 * daily)

    assert h is not None
    false_alarms = accounts * 7 * daily / sends_to_height(17, h, 0.02)
    one_lower = accounts * 7 * daily / sends_to_height(17, h - 1, 0.02)
    assert false_alarms <= share
    assert one_lower > share or h == fewest * 17


def test_a_bad_account_is_warned_then_limited_then_stopped() -> None:
    counters = Counters(WindowSizes())
    for second in range(1_000):
        counters.record(1_000 + second, 0, OutcomeSet.DELIVERED, COUNTING)
    steps = []
    for second in range(2_000, 2_080):
        bad = second % 4 == 0
        counters.record(second, 0, OutcomeSet.UNKNOWN_RECIPIENT if bad else OutcomeSet.DELIVERED, COUNTING)
        suspicion = PROFILE.suspect(counters, Signal.BOUNCE) if bad else None
        if suspicion is not None and suspicion.step not in steps:
            steps.append(suspicion.step)

    assert steps == [State.WARNED, State.LIMITED, State.STOPPED]


def test_a_fleet_of_few_is_not_judged_by_less_than_one_of_a_hundred() -> None:
    ten, hundred = (standard_profile(Budget(accounts=number), WindowSizes(), 0.8) for number in (10, 100))

    assert ten.detectors == hundred.detectors


def test_a_window_gets_crowded_about_as_seldom_as_in_a_simulation() -> None:
    simulated = {(34, 1_000, 0.02): 66_200, (8, 10_000, 0.0003): 223_000, (6, 3_000, 0.0003): 2_006_000}

    found = [sends_until_crowded(*one) for one in simulated]

    assert found == pytest.approx(list(simulated.values()), rel=0.12)
    assert sends_until_crowded(20, 1_000, 0.05) == 1_000
