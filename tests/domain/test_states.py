from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.circuits.states import SEVERITY, SUSPICIONS, TRANSITIONS, WANTED, Cause, State, Wanted, follow

SENDING, WARNED, LIMITED, STOPPED, PROBING = (
    State.SENDING,
    State.WARNED,
    State.LIMITED,
    State.STOPPED,
    State.PROBING,
)

# Written once more from the design, cause by cause: which state follows in each of these, and None where nothing does.
#                            sending  warned   limited  stopped  probing
BY_CAUSE: dict[Cause, tuple[State | None, ...]] = {
    Cause.SUSPECTED_WARN: (WARNED, None, None, None, None),
    Cause.SUSPECTED_LIMIT: (LIMITED, LIMITED, None, None, None),
    Cause.SUSPECTED_STOP: (STOPPED, STOPPED, STOPPED, None, STOPPED),
    Cause.RECOVERED: (None, SENDING, None, None, None),
    Cause.COOLED_DOWN: (None, None, PROBING, PROBING, None),
    Cause.APPROVED: (None, None, SENDING, LIMITED, None),
    Cause.PROBED_BY_PERSON: (None, None, PROBING, PROBING, None),
    Cause.EASED: (None, None, WARNED, None, None),
    Cause.PROBE_ACCEPTED: (None, None, None, None, SENDING),
    Cause.PROBE_FAILED: (None, None, None, None, STOPPED),
    Cause.PROBE_FAILED_LIMITED: (None, None, None, None, LIMITED),
    Cause.TRIPPED: (STOPPED, STOPPED, STOPPED, None, STOPPED),
    Cause.LIMITED_BY_PERSON: (LIMITED, LIMITED, None, LIMITED, None),
    Cause.RESET: (SENDING, SENDING, SENDING, SENDING, SENDING),
    Cause.ADOPTED: (STOPPED, STOPPED, STOPPED, None, STOPPED),
    Cause.ADOPTED_LIMITED: (LIMITED, LIMITED, None, None, None),
}
EXPECTED = [
    (state, cause, following)
    for cause, row in BY_CAUSE.items()
    for state, following in zip((SENDING, WARNED, LIMITED, STOPPED, PROBING), row, strict=True)
]


@pytest.mark.parametrize(("state", "cause", "following"), EXPECTED)
def test_every_cause_leads_where_the_table_says(state: State, cause: Cause, following: State | None) -> None:
    assert follow(state, cause) is following


def test_the_expectation_speaks_of_every_state_and_cause() -> None:
    assert {(state, cause) for state, cause, _ in EXPECTED} == set(product(State, Cause))


def test_every_state_is_reached_and_can_be_left() -> None:
    assert set(TRANSITIONS.values()) == set(State)
    assert {state for state, cause in TRANSITIONS if TRANSITIONS[state, cause] is not state} == set(State)


def test_a_person_can_let_every_account_go() -> None:
    assert {follow(state, Cause.RESET) for state in State} == {SENDING}


def test_no_suspicion_ever_frees_anybody() -> None:
    freed = {
        (state, cause)
        for state, cause in product(State, SUSPICIONS.values())
        if (following := follow(state, cause)) and SEVERITY[following] <= SEVERITY[state]
    }

    assert freed == set()


def test_only_these_states_stop_or_limit_on_the_platform() -> None:
    assert {
        SENDING: Wanted.SENDING,
        WARNED: Wanted.SENDING,
        LIMITED: Wanted.LIMITED,
        STOPPED: Wanted.STOPPED,
        PROBING: Wanted.STOPPED,
    } == WANTED


LETTING_GO = {
    Cause.RESET,
    Cause.APPROVED,
    Cause.LIMITED_BY_PERSON,
    Cause.PROBE_ACCEPTED,
    Cause.PROBE_FAILED_LIMITED,  # of an account that may only be limited, and was
}


@given(st.lists(st.sampled_from(Cause), max_size=50))
def test_nothing_but_a_person_or_a_probe_lets_a_stopped_account_send(causes: list[Cause]) -> None:
    """Whatever happens in whatever order."""
    state = SENDING
    for cause in causes:
        following = follow(state, cause)
        if following and WANTED[state] is Wanted.STOPPED and WANTED[following] is not Wanted.STOPPED:
            assert cause in LETTING_GO
        state = following or state
