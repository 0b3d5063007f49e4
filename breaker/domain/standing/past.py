"""How an account stood at a moment of the past, as far as the audit trail, the outbox and the ledger tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from breaker.domain.circuits.circuit import Pending
from breaker.domain.circuits.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.domain.circuits.modes import SetMode
    from breaker.domain.outcomes.outcomes import Tally
    from breaker.domain.standing.standing import CommandRecord, Standing, VerdictRecord


@dataclass(frozen=True, slots=True)
class Past:
    """An account as it stood.

    Args:
        standing: Who, and how it stands today.
        at: The moment, Unix seconds.
        state: What was done about it.
        since: Since when, or None where nothing had been decided yet.
        epoch: The epoch in force.
        pending: The verdict that stood held beside the state, or None.
        mode: The mode that a person had set and that held, or None where the configuration said it.
        verdicts: The last entries of the audit trail until then, of its groups and of the fleet too, the newest first.
        commands: The last commands until then, the newest first, as they stood.
        recent: What its sends of the hour, day and week before were worth, by seconds, with all that is known today of
            their outcomes.
    """

    standing: Standing
    at: float
    state: State
    since: float | None
    epoch: int
    pending: Pending | None
    mode: SetMode | None
    verdicts: tuple[VerdictRecord, ...]
    commands: tuple[CommandRecord, ...]
    recent: Mapping[int, Tally]


def state_after(verdicts: Sequence[VerdictRecord]) -> tuple[State, float | None, int, Pending | None]:
    """Return what the verdicts of one account lead to: its state, since when, the epoch, and what stands pending.

    Args:
        verdicts: Its own, the newest first: back to the last one that moved it, or all.
    """
    state, since, epoch = State.SENDING, None, 0
    pending: Pending | None = None
    for one in reversed(verdicts):
        if one.to is None:
            continue
        if one.held_by is not None:
            pending = Pending(one.id, one.to, one.at, one.held_by)
        elif one.before is not one.to:
            state, since, epoch, pending = one.to, one.at, one.epoch or epoch, None
        elif (one.epoch or 0) > epoch:  # a reset of one that was sending, a round of a probe; a mode changes nothing
            state, epoch, pending = one.to, one.epoch or epoch, None
    return state, since, epoch, pending


def as_of(command: CommandRecord, at: float) -> CommandRecord:
    """Return a command without what became of it after a moment."""
    sent = command.sent_at if command.sent_at and command.sent_at <= at else None
    if command.ended_at is not None and command.ended_at <= at:
        return command
    return replace(
        command, sent_at=sent, ended=None, ended_at=None, attempts=0 if sent is None else command.attempts, error=None
    )
