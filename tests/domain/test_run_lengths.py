"""Exact run lengths against published designs and values from an independent linear solve."""

from __future__ import annotations

from math import exp, inf, log, sqrt
from random import Random

import pytest

from breaker.domain.statistics.cusum import weight
from breaker.domain.statistics.run_lengths import sends_to_height


def corrected_diffusion(p0: float, p1: float, h: int) -> tuple[float, float]:
    """Reynolds and Stoumbos' approximation: an independent witness."""
    r1 = -log((1 - p1) / (1 - p0))
    r2 = log(p1 * (1 - p0) / (p0 * (1 - p1)))

    def shift(p: float) -> float:
        if p <= 0.01:
            return (sqrt((1 - p) / p) - sqrt(p / (1 - p))) / 3
        return 0.410 - 0.0842 * log(p) - 0.0391 * log(p) ** 3 - 0.00376 * log(p) ** 4 - 0.000008 * log(p) ** 7

    high = (h / weight(p0, p1) + shift(p0) * sqrt(p0 * (1 - p0))) * r2
    return (exp(high) - high - 1) / abs(r2 * p0 - r1), (exp(-high) + high - 1) / abs(r2 * p1 - r1)


@pytest.mark.parametrize(
    ("p0", "p1", "m", "h", "at_p0", "at_p1"),
    [
        (0.01, 0.05, 40, 60, 636.8, 50.3),
        (0.01, 0.05, 40, 80, 1_901.1, 73.8),
        (0.01, 0.05, 40, 100, 3_917.1, 89.9),
        (0.01, 0.05, 40, 140, 21_925.1, 130.5),
        (0.01, 0.05, 40, 200, 264_805.8, 190.5),
        (0.02, 0.05, 30, 150, 13_394.1, 255.6),
        (0.02, 0.08, 23, 115, 64_137.6, 128.0),
        (0.0005, 0.001, 1386, 5544, 105_505.4, 10_701.4),
        (0.0003, 0.001, 1720, 4300, 74_589.5, 4_883.5),
        (0.0005, 0.002, 924, 2772, 120_667.1, 2_904.0),
        (0.0005, 0.003, 716, 2148, 245_596.6, 1_767.5),
    ],
)
def test_run_lengths_are_those_of_a_linear_solve(  # noqa: PLR0913, PLR0917 - a row of the table
    p0: float, p1: float, m: int, h: int, at_p0: float, at_p1: float
) -> None:
    assert weight(p0, p1) == m
    assert [round(sends_to_height(m, h, rate), 1) for rate in (p0, p1)] == [at_p0, at_p1]


RATES = (0.01, 0.02, 0.03, 0.04, 0.05, 0.08, 0.10, 0.12, 0.20, 0.50, 1.0)


@pytest.mark.parametrize(
    ("h", "sends"),
    [
        (68, ["2.9e+06", 62125.8, 6804.8, 1611.7, 613.4, 140.4, 86.6, 62.2, 29.1, 10.0, 5]),
        (85, ["6.0e+07", 444698.9, 25105.6, 3766.5, 1074.5, 186.0, 110.9, 78.5, 36.2, 12.1, 6]),
        (102, ["1.23e+09", 3171749.9, 91457.5, 8469.9, 1764.2, 232.4, 135.1, 94.9, 43.4, 14.2, 7]),
        (119, ["2.5e+10", "2.26e+07", 331760.3, 18665.6, 2773.9, 279.2, 159.4, 111.2, 50.5, 16.5, 8]),
    ],
)
def test_the_bounce_design_has_the_known_run_length_at_every_rate(h: int, sends: list[float | str]) -> None:
    found = [sends_to_height(17, h, rate) for rate in RATES]

    shown = [
        f"{one:.{len(known) - 6}e}" if isinstance(known, str) else round(one, 1)
        for one, known in zip(found, sends, strict=True)
    ]
    assert shown == sends


@pytest.mark.parametrize(
    ("p0", "p1", "h", "approximate"),
    [
        (0.01, 0.05, 140, (22_088.1, 128.8)),
        (0.01, 0.05, 200, (265_834.2, 188.7)),
        (0.02, 0.05, 150, (12_268.3, 248.8)),
        (0.02, 0.08, 115, (65_411.0, 127.3)),
        (0.0003, 0.001, 4300, (76_516.5, 4_851.0)),
        (0.0005, 0.002, 2772, (119_348.1, 2_854.1)),
    ],
)
def test_the_corrected_diffusion_approximation_comes_near(
    p0: float, p1: float, h: int, approximate: tuple[float, float]
) -> None:
    found = corrected_diffusion(p0, p1, h)

    assert [round(one, 1) for one in found] == list(approximate)
    exact = [sends_to_height(weight(p0, p1), h, rate) for rate in (p0, p1)]
    assert list(found) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize(("m", "h", "rate"), [(17, 102, 0.12), (5, 5, 0.2), (9, 3, 0.05), (2, 12, 0.4), (40, 90, 0.5)])
def test_a_simulated_score_takes_as_long_within_its_own_confidence_interval(m: int, h: int, rate: float) -> None:
    random = Random(20)
    runs = []
    for _ in range(3_000):
        score = sends = 0
        while score < h:
            score = max(0, score + (m - 1 if random.random() < rate else -1))
            sends += 1
        runs.append(sends)

    mean = sum(runs) / len(runs)
    error = sqrt(sum((one - mean) ** 2 for one in runs)) / len(runs)
    assert abs(mean - sends_to_height(m, h, rate)) < 4 * error


def test_no_bad_outcome_never_alarms_and_nothing_but_bad_ones_at_once() -> None:
    assert (sends_to_height(17, 102, 0.0), sends_to_height(17, 102, 1.0)) == (inf, 7)
