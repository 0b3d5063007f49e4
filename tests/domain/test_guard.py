from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.acts.fleet_acts import FleetAct, FleetActKind, Hold, parse_limit
from breaker.domain.circuits.guard import GuardLimit, HeldStop, Limits, Raise, allowed, most_urgent_first, raised
from breaker.domain.detectors.detectors import Signal
from breaker.domain.windows.headroom import Headroom

LIMITS = Limits(600.0, (5, 0.01), (5, 0.05), (3, 0.25))


def to(number: int = 0, share: float = 0.0, only: GuardLimit | None = None) -> Raise:
    return Raise(number, share, only, "an import went wrong", "ada", 0.0, 3_600.0)


def held(name: str, bad_outcomes: int | None, sends: int | None = None, at: float = 0.0) -> HeldStop:
    left = None if bad_outcomes is None else Headroom(bad_outcomes, sends, 1_000)
    return HeldStop(name, None, "app-1", 1, at, "", Signal.BOUNCE, left, None)


def test_a_raised_number_holds_for_every_limit_unless_one_is_named() -> None:
    assert raised(LIMITS, [to(20)]) == Limits(600.0, (20, 0.01), (20, 0.05), (20, 0.25))
    assert raised(LIMITS, [to(20, only=GuardLimit.WINDOW)]) == Limits(600.0, (20, 0.01), (5, 0.05), (3, 0.25))
    assert raised(LIMITS, [to(share=0.5, only=GuardLimit.GROUP)]) == Limits(600.0, (5, 0.01), (5, 0.05), (3, 0.5))
    assert raised(LIMITS, [to(share=0.1, only=GuardLimit.TOTAL), to(7)]) == Limits(
        600.0, (7, 0.01), (7, 0.1), (7, 0.25)
    )


@given(
    st.lists(st.builds(to, st.integers(0, 1_000), st.floats(0, 1), st.sampled_from([None, *GuardLimit])), max_size=5),
    st.integers(0, 100_000),
)
def test_nothing_that_is_raised_lowers_a_limit(raises: list[Raise], active: int) -> None:
    now = raised(LIMITS, raises)

    for before, after in (
        (LIMITS.in_window, now.in_window),
        (LIMITS.in_all, now.in_all),
        (LIMITS.in_group, now.in_group),
    ):
        assert allowed(after, active) >= allowed(before, active)


def test_domains_come_first_then_whoever_is_nearest_to_the_line() -> None:
    waiting = [
        held("far", 9),
        held("near", 1, 500),
        held("nearer", 1, 20),
        held("domain:x", None),
        held("still", 1, None),
    ]

    assert [one.id for one in most_urgent_first(waiting)] == ["domain:x", "nearer", "near", "still", "far"]


def test_of_equals_the_one_that_waits_longest_comes_first() -> None:
    assert [one.id for one in most_urgent_first([held("b", 1, 5, 20.0), held("a", 1, 5, 10.0)])] == ["a", "b"]


@pytest.mark.parametrize(
    ("said", "meant"), [("20", (20, 0.0)), ("10%", (0, 0.1)), (" 2.5% ", (0, 0.025)), ("100%", (0, 1.0))]
)
def test_a_limit_is_a_number_or_a_share(said: str, meant: tuple[int, float]) -> None:
    assert parse_limit(said) == meant


@pytest.mark.parametrize("said", ["", "0", "-1", "0%", "101%", "many", "1.5", "nan%"])
def test_what_is_no_limit_is_refused_with_what_can_be_said(said: str) -> None:
    with pytest.raises(ValueError, match="say a number of stops such as 20, or a share of the fleet such as 10%"):
        parse_limit(said)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (FleetAct(FleetActKind.HOLD_ON, "a move", "ada", 7_200.0), "Automatic changes put on hold for 120 minutes"),
        (FleetAct(FleetActKind.HOLD_OFF, "a move", "ada"), "Automatic changes no longer on hold"),
        (FleetAct(FleetActKind.GUARD_RAISE, "a move", "ada", 3_600.0, 20), "Fleet guard raised to 20 for 60 minutes"),
        (
            FleetAct(FleetActKind.GUARD_RAISE, "a move", "ada", 60.0, 0, 0.2, GuardLimit.GROUP),
            "Limit group of the fleet guard raised to 20 % for 1 minutes",
        ),
        (FleetAct(FleetActKind.GUARD_LOWER, "a move", "ada"), "Fleet guard set back to its configured limits"),
    ],
)
def test_an_act_on_the_fleet_says_what_was_done(act: FleetAct, sentence: str) -> None:
    assert act.sentence == f"{sentence} by a person: a move"


def test_a_hold_ends_when_it_expires() -> None:
    assert [Hold("a move", "ada", 0.0, 10.0).holds(now) for now in (9.9, 10.0)] == [True, False]
    assert Hold("a move", "ada", 0.0).holds(1e12)
