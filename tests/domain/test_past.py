from __future__ import annotations

from dataclasses import replace

from breaker.domain.circuits.circuit import HeldBy, Pending
from breaker.domain.circuits.states import State
from breaker.domain.standing.past import as_of, state_after
from breaker.domain.standing.standing import CommandRecord, VerdictRecord

ENTRY = VerdictRecord(
    id=1,
    at=10.0,
    account="grant-1",
    address=None,
    scope=None,
    before=State.SENDING,
    to=State.STOPPED,
    detector="cusum",
    signal=None,
    window=None,
    count=None,
    of=None,
    rate=None,
    threshold=None,
    headroom=None,
    cause=None,
    epoch=1,
    held_by=None,
    why="",
    author=None,
)


def test_what_nobody_decided_about_is_sending() -> None:
    assert state_after([]) == (State.SENDING, None, 0, None)


def test_the_last_step_that_was_applied_holds_and_what_was_held_since_stands_beside_it() -> None:
    limited = replace(ENTRY, to=State.LIMITED)
    held = replace(ENTRY, id=2, at=20.0, before=State.LIMITED, held_by=HeldBy.GUARD)

    assert state_after([held, limited]) == (
        State.LIMITED,
        10.0,
        1,
        Pending(2, State.STOPPED, 20.0, HeldBy.GUARD),
    )


def test_a_step_that_is_applied_takes_what_was_held() -> None:
    held = replace(ENTRY, held_by=HeldBy.OBSERVE, epoch=0)

    assert state_after([replace(ENTRY, id=2, at=20.0), held]) == (State.STOPPED, 20.0, 1, None)


def test_a_mode_or_a_look_changes_nothing_and_a_round_of_a_probe_only_the_epoch() -> None:
    mode = replace(ENTRY, id=2, at=20.0, before=State.STOPPED, detector="operator")
    probing = replace(ENTRY, id=3, at=30.0, before=State.STOPPED, to=State.PROBING, epoch=2)
    opened = replace(ENTRY, id=4, at=40.0, before=State.PROBING, to=State.PROBING, epoch=3)

    assert state_after([mode, ENTRY]) == (State.STOPPED, 10.0, 1, None)
    assert state_after([opened, probing, mode, ENTRY]) == (State.PROBING, 30.0, 3, None)


def test_a_command_is_shown_without_what_became_of_it_later() -> None:
    command = CommandRecord("block", 1, 10.0, 12.0, 2, 12.0, "no answer", "settled", 14.0)

    assert as_of(command, 14.0) == command
    assert as_of(command, 13.0) == CommandRecord("block", 1, 10.0, 12.0, 2, 12.0, None, None, None)
    assert as_of(command, 11.0) == CommandRecord("block", 1, 10.0, None, 0, 12.0, None, None, None)
