"""What is ordered on the platform for what is wanted there."""

from __future__ import annotations

from itertools import chain, combinations

import pytest

from breaker.domain.circuits.states import Wanted
from breaker.domain.platform.commands import HOLDS, PRIORITIES, Actuator, CommandKind, plan

BLOCK, LIMIT, QUARANTINE = CommandKind.BLOCK, CommandKind.LIMIT, CommandKind.QUARANTINE
UNBLOCK, UNLIMIT, RETURN_HOME = CommandKind.UNBLOCK, CommandKind.UNLIMIT, CommandKind.RETURN_HOME

ALL = frozenset(Actuator)
SUBSETS = [frozenset(some) for some in chain.from_iterable(combinations(sorted(ALL), size) for size in range(5))]


@pytest.mark.parametrize(
    ("wanted", "actuators", "kinds"),
    [
        (Wanted.STOPPED, ALL, (BLOCK, QUARANTINE)),
        (Wanted.STOPPED, {Actuator.BLOCK, Actuator.LIMIT}, (BLOCK,)),
        (Wanted.STOPPED, {Actuator.LIMIT}, ()),
        (Wanted.LIMITED, ALL, (LIMIT, RETURN_HOME, UNBLOCK)),
        (Wanted.LIMITED, {Actuator.LIMIT}, (LIMIT, RETURN_HOME, UNBLOCK)),
        (Wanted.LIMITED, ALL - {Actuator.LIMIT}, ()),
        (Wanted.SENDING, ALL, (RETURN_HOME, UNBLOCK, UNLIMIT)),
        (Wanted.SENDING, (), (RETURN_HOME, UNBLOCK, UNLIMIT)),
    ],
)
def test_what_is_wanted_is_planned_in_this_order(
    wanted: Wanted, actuators: frozenset[Actuator], kinds: tuple[CommandKind, ...]
) -> None:
    assert plan(wanted, actuators) == kinds


@pytest.mark.parametrize(
    ("wanted", "actuators", "kinds"),
    [
        (Wanted.STOPPED, ALL, (BLOCK, QUARANTINE)),
        (Wanted.STOPPED, {Actuator.BLOCK, Actuator.LIMIT}, (BLOCK, RETURN_HOME)),
        (Wanted.STOPPED, {Actuator.QUARANTINE}, (QUARANTINE,)),
        (Wanted.STOPPED, {Actuator.LIMIT}, ()),
        (Wanted.LIMITED, ALL, (LIMIT, RETURN_HOME, UNBLOCK)),
    ],
)
def test_an_account_that_is_away_and_to_be_held_goes_home_unless_a_quarantine_is_on(
    wanted: Wanted, actuators: frozenset[Actuator], kinds: tuple[CommandKind, ...]
) -> None:
    assert plan(wanted, actuators, away=True) == kinds


def test_a_round_that_a_quota_holds_is_there_before_anything_is_lifted() -> None:
    assert plan(Wanted.SENDING, ALL, away=True, quota=True) == (CommandKind.QUOTA, UNBLOCK, UNLIMIT)


@pytest.mark.parametrize("actuators", SUBSETS)
@pytest.mark.parametrize("wanted", Wanted)
def test_whatever_is_on_what_holds_comes_before_what_lifts(wanted: Wanted, actuators: frozenset[Actuator]) -> None:
    priorities = [PRIORITIES[kind] for kind in plan(wanted, actuators)]

    assert priorities == sorted(priorities)


@pytest.mark.parametrize("actuators", SUBSETS)
def test_nothing_is_lifted_of_an_account_that_is_to_be_held_unless_it_is_held_otherwise(
    actuators: frozenset[Actuator],
) -> None:
    for wanted in (Wanted.LIMITED, Wanted.STOPPED):
        kinds = plan(wanted, actuators)

        assert not kinds or kinds[0] in HOLDS
