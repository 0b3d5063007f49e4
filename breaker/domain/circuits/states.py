"""The states of an account, and every way from one to another.

Rules of this file:
  1. Everything that decides which state follows which is in the table `TRANSITIONS`. No other file names two states in
     one breath to go from the one to the other.
  2. The table knows *why* a state is left (a `Cause`), not who found out or when. It knows no numbers, no accounts, no
     time and no platform.
  3. A pair that is not in the table changes nothing: a suspicion that asks for no more than what is done already, a
     probe's end for an account that is not being probed.
  4. What a state means on the platform is in `WANTED`, and nowhere else. Only of `probing` that is not all: between and
     during its rounds different things are wanted, and the circuit says which (`Circuit.permitted`).

The words are those that people read; circuit breakers call `sending` closed, `stopped` open and `probing` half-open.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """What is done about an account."""

    SENDING = "sending"
    WARNED = "warned"
    LIMITED = "limited"
    STOPPED = "stopped"
    PROBING = "probing"


class Cause(StrEnum):
    """Why an account leaves a state."""

    SUSPECTED_WARN = "suspected_warn"
    SUSPECTED_LIMIT = "suspected_limit"
    SUSPECTED_STOP = "suspected_stop"
    RECOVERED = "recovered"
    COOLED_DOWN = "cooled_down"
    APPROVED = "approved"
    PROBED_BY_PERSON = "probed_by_person"
    EASED = "eased"
    PROBE_ACCEPTED = "probe_accepted"
    PROBE_FAILED = "probe_failed"
    PROBE_FAILED_LIMITED = "probe_failed_limited"
    TRIPPED = "tripped"
    LIMITED_BY_PERSON = "limited_by_person"
    RESET = "reset"
    ADOPTED = "adopted"
    ADOPTED_LIMITED = "adopted_limited"


class Wanted(StrEnum):
    """What the platform should do with an account's sends."""

    SENDING = "sending"
    LIMITED = "limited"
    STOPPED = "stopped"


TRANSITIONS: Mapping[tuple[State, Cause], State] = {
    (State.SENDING, Cause.SUSPECTED_WARN): State.WARNED,
    (State.SENDING, Cause.SUSPECTED_LIMIT): State.LIMITED,
    (State.SENDING, Cause.SUSPECTED_STOP): State.STOPPED,
    (State.SENDING, Cause.LIMITED_BY_PERSON): State.LIMITED,
    (State.SENDING, Cause.ADOPTED_LIMITED): State.LIMITED,
    (State.SENDING, Cause.TRIPPED): State.STOPPED,
    (State.SENDING, Cause.ADOPTED): State.STOPPED,
    (State.SENDING, Cause.RESET): State.SENDING,
    (State.WARNED, Cause.SUSPECTED_LIMIT): State.LIMITED,
    (State.WARNED, Cause.SUSPECTED_STOP): State.STOPPED,
    (State.WARNED, Cause.RECOVERED): State.SENDING,
    (State.WARNED, Cause.LIMITED_BY_PERSON): State.LIMITED,
    (State.WARNED, Cause.ADOPTED_LIMITED): State.LIMITED,
    (State.WARNED, Cause.TRIPPED): State.STOPPED,
    (State.WARNED, Cause.ADOPTED): State.STOPPED,
    (State.WARNED, Cause.RESET): State.SENDING,
    (State.LIMITED, Cause.SUSPECTED_STOP): State.STOPPED,
    (State.LIMITED, Cause.COOLED_DOWN): State.PROBING,
    (State.LIMITED, Cause.PROBED_BY_PERSON): State.PROBING,
    (State.LIMITED, Cause.APPROVED): State.SENDING,
    (State.LIMITED, Cause.EASED): State.WARNED,
    (State.LIMITED, Cause.TRIPPED): State.STOPPED,
    (State.LIMITED, Cause.ADOPTED): State.STOPPED,
    (State.LIMITED, Cause.RESET): State.SENDING,
    (State.STOPPED, Cause.COOLED_DOWN): State.PROBING,
    (State.STOPPED, Cause.PROBED_BY_PERSON): State.PROBING,
    (State.STOPPED, Cause.APPROVED): State.LIMITED,
    (State.STOPPED, Cause.LIMITED_BY_PERSON): State.LIMITED,
    (State.STOPPED, Cause.RESET): State.SENDING,
    (State.PROBING, Cause.PROBE_ACCEPTED): State.SENDING,
    (State.PROBING, Cause.PROBE_FAILED): State.STOPPED,
    (State.PROBING, Cause.PROBE_FAILED_LIMITED): State.LIMITED,
    (State.PROBING, Cause.SUSPECTED_STOP): State.STOPPED,
    (State.PROBING, Cause.TRIPPED): State.STOPPED,
    (State.PROBING, Cause.ADOPTED): State.STOPPED,
    (State.PROBING, Cause.RESET): State.SENDING,
}

WANTED: Mapping[State, Wanted] = {
    State.SENDING: Wanted.SENDING,
    State.WARNED: Wanted.SENDING,
    State.LIMITED: Wanted.LIMITED,
    State.STOPPED: Wanted.STOPPED,
    State.PROBING: Wanted.STOPPED,  # where the circuit permits nothing else
}

SUSPICIONS: Mapping[State, Cause] = {
    State.WARNED: Cause.SUSPECTED_WARN,
    State.LIMITED: Cause.SUSPECTED_LIMIT,
    State.STOPPED: Cause.SUSPECTED_STOP,
}
"""The cause that a detector's suspicion is, by the step it asks for."""

AT_LEAST: Mapping[Wanted, frozenset[Wanted]] = {
    Wanted.SENDING: frozenset(Wanted),
    Wanted.LIMITED: frozenset({Wanted.LIMITED, Wanted.STOPPED}),
    Wanted.STOPPED: frozenset({Wanted.STOPPED}),
}
"""What holds an account as strictly, or more."""

SEVERITY: Mapping[State, int] = {
    State.SENDING: 0,
    State.WARNED: 1,
    State.LIMITED: 2,
    State.PROBING: 2,
    State.STOPPED: 3,
}
"""How strong a step is: a held verdict gives way to a stronger one only."""


def follow(state: State, cause: Cause) -> State | None:
    """Return the state that follows, or None where the cause changes nothing in this state."""
    return TRANSITIONS.get((state, cause))
