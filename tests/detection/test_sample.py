"""A small sample of the tables of `python -m tests.detection`, with margins that hold for any seed."""

from __future__ import annotations

import pytest

from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from tests.detection.neighbours import gain
from tests.detection.tables import changed, complaint_change, profile_of, steady
from tests.detection.traces import Change

PROFILE = profile_of(1_000)


@pytest.mark.parametrize(
    ("change", "daily", "median"),
    [
        (Change(0.01, 0.12, 2_500), 200, 130),
        (Change(0.01, 0.30, 2_500), 2_000, 60),
        (Change(0.02, 0.08, 2_500), 50, 300),
        (Change(0.01, 0.06, 2_500, creeping=600), 200, 1_400),
    ],
)
def test_bounces_are_stopped_before_the_platforms_line(change: Change, daily: int, median: float) -> None:
    found = changed(PROFILE, Signal.BOUNCE, change, daily=daily, accounts=20, step=State.STOPPED, seed="sample")

    assert found.early <= 1
    assert all(share >= 0.9 for share in found.before_the_line.values())
    assert found.median <= median


def test_complaints_are_limited_before_the_platforms_line() -> None:
    found = changed(
        PROFILE,
        Signal.COMPLAINT,
        complaint_change(),
        daily=200,
        accounts=12,
        step=State.LIMITED,
        seed="sample",
    )

    assert found.early <= 3
    assert found.before_the_line[10_000] >= 0.7


def test_healthy_accounts_go_on_sending_through_bursts_and_late_bounces() -> None:
    found = steady(PROFILE, Signal.BOUNCE, 0.02, daily=200, accounts=30, weeks=3, step=State.STOPPED, seed="sample")

    assert found.acted <= 2


def test_accounts_of_one_domain_that_go_bad_together_are_limited_sooner_for_it() -> None:
    found = gain(PROFILE, daily=200, domains=1, seed="sample")

    assert found.together < found.alone
    assert found.before_together >= found.before_alone
