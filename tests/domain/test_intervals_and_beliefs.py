from __future__ import annotations

import pytest

from breaker.domain.statistics.beta import at_least, quantile, share_below
from breaker.domain.statistics.beta_binomial import Belief
from breaker.domain.statistics.crossings import sends_until, touches
from breaker.domain.statistics.intervals import clopper_pearson, jeffreys, wilson, wilson_lower_bound


@pytest.mark.parametrize(
    ("k", "n", "by_wilson", "by_jeffreys", "by_clopper_and_pearson", "lower_bound"),
    [
        (0, 100, (0, 0.036993), (0, 0.024745), (0, 0.036217), 0),
        (1, 200, (0.000883, 0.027774), (0.000540, 0.023129), (0.000127, 0.027542), 0.001116),
        (1, 1000, (0.000177, 0.005643), (0.000108, 0.004664), (0.000025, 0.005559), 0.000223),
        (2, 1000, (0.000549, 0.007263), (0.000416, 0.006400), (0.000242, 0.007206), 0.000662),
        (5, 100, (0.021544, 0.111750), (0.019332, 0.106100), (0.016432, 0.112835), 0.024547),
        (10, 100, (0.055229, 0.174366), (0.052585, 0.170124), (0.049005, 0.176223), 0.060719),
        (50, 1000, (0.038130, 0.065314), (0.037770, 0.064828), (0.037335, 0.065390), 0.039828),
        (10, 10000, (0.000543, 0.001840), (0.000514, 0.001773), (0.000480, 0.001838), 0.000598),
    ],
)
def test_intervals_are_the_known_ones(  # noqa: PLR0913, PLR0917 - a row of the table
    k: int,
    n: int,
    by_wilson: tuple[float, float],
    by_jeffreys: tuple[float, float],
    by_clopper_and_pearson: tuple[float, float],
    lower_bound: float,
) -> None:
    found = [[round(end, 6) for end in interval(k, n)] for interval in (wilson, jeffreys, clopper_pearson)]

    assert found == [list(by_wilson), list(by_jeffreys), list(by_clopper_and_pearson)]
    assert round(wilson_lower_bound(k, n), 6) == lower_bound


def test_an_interval_of_nothing_but_bad_ones_ends_at_all() -> None:
    assert [interval(5, 5).high for interval in (wilson, jeffreys, clopper_pearson)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("prior", "line", "posteriors"),
    [
        (
            Belief(1, 1999),
            0.001,
            {
                (0, 0): 0.13534,
                (1, 200): 0.35467,
                (1, 1000): 0.19915,
                (2, 1000): 0.42330,
                (3, 1000): 0.64746,
                (5, 1000): 0.91628,
            },
        ),
        (Belief(2, 98), 0.05, {(0, 0): 0.03870, (5, 100): 0.12688, (8, 100): 0.46113, (10, 100): 0.70556}),
        (Belief(1, 49), 0.05, {(0, 0): 0.08099, (5, 100): 0.23997, (8, 100): 0.67081, (10, 100): 0.87205}),
    ],
)
def test_posteriors_of_a_rate_are_the_known_ones(
    prior: Belief, line: float, posteriors: dict[tuple[int, int], float]
) -> None:
    found = {seen: round(prior.after(*seen).above(line), 5) for seen in posteriors}

    assert found == posteriors


def test_a_belief_expects_the_share_of_its_bad_ones() -> None:
    assert Belief(1, 49).after(9, 50).mean == 0.1


@pytest.mark.parametrize(
    ("representative_volume", "percent"),
    [(1_000, (9.5, 25.9, 39.4, 55.1)), (3_000, (0.36, 6.3, 19.1, 43.0)), (10_000, (0.0, 0.11, 3.2, 28.3))],
)
def test_healthy_accounts_touch_the_complaint_line_as_often_as_is_known(
    representative_volume: int, percent: tuple[float, ...]
) -> None:
    found = [100 * touches(0.001, representative_volume, rate) for rate in (0.0001, 0.0003, 0.0005, 0.0008)]

    assert found == pytest.approx(percent, abs=0.05)


@pytest.mark.parametrize(
    ("line", "before", "after", "sends"),
    [
        (0.05, 0.01, 0.12, (364, 1_091, 3_636)),
        (0.05, 0.01, 0.30, (138, 414, 1_379)),
        (0.05, 0.02, 0.12, (300, 900, 3_000)),
        (0.001, 0.0003, 0.005, (149, 447, 1_489)),
        (0.05, 0.01, 0.05, (float("inf"),) * 3),
    ],
)
def test_the_sends_left_after_a_step_are_the_known_ones(
    line: float, before: float, after: float, sends: tuple[float, ...]
) -> None:
    found = [sends_until(line, volume, before, after) for volume in (1_000, 3_000, 10_000)]

    assert found == pytest.approx(sends, abs=0.5)


def test_the_beta_distribution_is_its_own_inverse_and_mirror_image() -> None:
    for share in (0.001, 0.025, 0.5, 0.975):
        assert share_below(quantile(share, 3.5, 200.5), 3.5, 200.5) == pytest.approx(share, rel=1e-9)
    assert share_below(0.3, 2, 5) == pytest.approx(1 - share_below(0.7, 5, 2))
    assert (share_below(-0.1, 2, 5), share_below(1.1, 2, 5)) == (0.0, 1.0)


def test_the_binomial_tail_is_a_sum() -> None:
    assert at_least(2, 3, 0.5) == pytest.approx(0.5)
    assert (at_least(0, 3, 0.5), at_least(4, 3, 0.5)) == (1.0, 0.0)
