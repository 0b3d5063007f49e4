from __future__ import annotations

from random import Random

import pytest

from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.detectors import Signal
from breaker.domain.detectors.error_rates import Kind, union
from breaker.domain.detectors.fleet_rates import alike, expected, quartiles
from breaker.domain.profiles.standard import standard_profile
from breaker.domain.windows.counters import WindowSizes

PROFILE = standard_profile(Budget(accounts=1_000), WindowSizes(), 0.8)


def test_a_fleet_of_one_volume_has_to_expect_what_its_accounts_do() -> None:
    one = expected(PROFILE, [200.0] * 10, 100, Random(1).random)

    alone = union(PROFILE, 200, PROFILE.budget.healthy[Signal.BOUNCE], Random(1).random)
    assert (one.profile, one.accounts, one.kind) == ("standard", 1_000, Kind.APPROXIMATE)
    assert one.false_stops == pytest.approx(alone.false_stops)


def test_a_mixed_fleet_stays_in_the_budget() -> None:
    volumes = [10.0 * 1.5**number for number in range(20)]

    assert 0.5 < expected(PROFILE, volumes, 50, Random(1).random).false_stops <= 1


def test_volumes_that_are_alike_are_taken_as_one() -> None:
    assert alike([100.0, 120.0, 300.0, 0.0, 65.0]) == [(1 / 7, 1), (95.0, 3), (300.0, 1)]


@pytest.mark.parametrize(
    ("volumes", "expected"),
    [([], ()), ([70.0], (70.0,)), ([10.0, 20.0, 30.0, 41.234], (10.0, 20.0, 30.0)), ([0.0, 123.4], (0.14, 120.0))],
)
def test_quartiles_are_volumes_of_the_fleet_to_two_digits(volumes: list[float], expected: tuple[float, ...]) -> None:
    assert quartiles(volumes) == expected
