from __future__ import annotations

import pytest

from breaker.domain.windows.volumes import DAY, weekly_sends
from breaker.domain.windows.windows import Series


def sent(count: int, spacing: int) -> Series:
    series = Series((1_000,))
    for send in range(count):
        series.add_send(1_000_000 + send * spacing, 0)
    return series


@pytest.mark.parametrize(
    ("count", "spacing", "weekly"),
    [
        (0, 1, 0),
        (1, 1, 5),  # a first send: as if a working day had one
        (100, 60, 500),  # a hundred within the first hours
        (49, DAY // 8, 49),  # six days: no more is made of them
        (400, DAY // 10, 70),  # for weeks
        (5_000, 60, 10_080),  # more than the series holds
        (5_000, 1, 604_800),
    ],
)
def test_a_weeks_sends_are_counted_or_taken_to_go_on_as_they_are(count: int, spacing: int, weekly: float) -> None:
    assert weekly_sends(sent(count, spacing)) == pytest.approx(weekly, rel=0.12)
