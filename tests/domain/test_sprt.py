from __future__ import annotations

import pytest

from breaker.domain.statistics.sprt import Decision, Sprt


def test_the_bounds_are_walds() -> None:
    test = Sprt(0.02, 0.05, 0.01, 0.05)

    assert (round(test.upper, 5), round(test.lower, 5)) == (4.55388, -2.98568)


@pytest.mark.parametrize(
    ("test", "wald", "exact", "bad"),
    [
        (Sprt(0.02, 0.05, 0.01, 0.05), (239.67, 256.59), (242.3, 276.2), (0.00736, 0.95058)),
        (Sprt(0.02, 0.05, 0.05, 0.05), (218.23, 162.79), (225.1, 182.0), (0.03687, 0.95019)),
        (Sprt(0.01, 0.05, 0.01, 0.05), (117.65, 101.16), (119.8, 115.7), (0.00579, 0.95097)),
        (Sprt(0.02, 0.10, 0.01, 0.05), (56.77, 49.55), (58.2, 56.6), (0.00588, 0.95201)),
        (Sprt(0.0003, 0.001, 0.01, 0.05), (8_583.6, 8_283.9), (8_650.7, 9_107.8), (0.00672, 0.94986)),
        (Sprt(0.0005, 0.001, 0.01, 0.05), (18_953.2, 21_611.5), (19_044.5, 22_806.3), (0.00794, 0.94991)),
        (Sprt(0.0005, 0.002, 0.01, 0.05), (3_601.9, 3_279.3), (3_633.9, 3_657.8), (0.00635, 0.94986)),
        (Sprt(0.0005, 0.005, 0.01, 0.05), (866.4, 594.7), (878.3, 722.3), (0.00451, 0.94980)),
    ],
)
def test_sizes_and_errors_are_those_of_an_independent_calculation(
    test: Sprt, wald: tuple[float, float], exact: tuple[float, float], bad: tuple[float, float]
) -> None:
    assert test.wald_sends() == pytest.approx(wald, abs=0.051)
    sizes = [test.size_at(rate) for rate in (test.p0, test.p1)]
    assert [round(size.sends, 1) for size in sizes] == list(exact)
    assert [round(size.bad, 5) for size in sizes] == list(bad)


def test_it_decides_either_way_and_not_before_it_knows() -> None:
    test = Sprt(0.02, 0.10, 0.01, 0.05)

    assert [test.decide(k, n) for k, n in ((0, 10), (0, 36), (3, 10), (3, 5))] == [
        Decision.UNDECIDED,
        Decision.HEALTHY,
        Decision.UNDECIDED,
        Decision.BAD,
    ]
