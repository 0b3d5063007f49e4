from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.acts.acts import UNENFORCEABLE, Act, ActKind, Effect, RefusedError
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal

if TYPE_CHECKING:
    from tests.fleet import Fleet

PROBE = Act(ActKind.PROBE, "the list was cleaned", "ada")


async def stopped_for(known: Fleet, signal: Signal, to: State = State.STOPPED) -> int:
    """Return an account that was stopped, or limited, for a signal."""
    key = await known.know("agent@x.example", "grant-1")
    await known.count(key, delivered=100)
    await known.set_state(key, to)
    await known.pool.execute(
        """
        INSERT INTO verdicts (application, account, at, from_state, to_state, detector, signal, epoch, why)
        SELECT application, account, $2, 'sending', $3, 'level', $4, 1, 'because' FROM accounts WHERE account = $1
        """,
        key,
        known.clock.now(),
        to,
        signal,
    )
    return key


async def test_a_stopped_account_is_to_be_probed_and_stays_held_until_a_round_is_opened(known: Fleet) -> None:
    key = await stopped_for(known, Signal.BOUNCE)

    report = await known.operations.operator.carry_out(PROBE, [parse_selector("grant-1")])

    assert [(one.before, one.to, one.effect, one.detail) for one in report.listed] == [
        (
            State.STOPPED,
            State.PROBING,
            Effect.CHANGED,
            "A probe was asked for by a person: the list was cleaned",
        )
    ]
    assert await known.commands(key) == [("block", 1), ("quarantine", 1)]
    [standing] = await known.operations.accounts.find(parse_selector("grant-1"))
    assert (standing.circuit.state, standing.enforcement.wanted) == (State.PROBING, "stopped")


@pytest.mark.parametrize(("before", "after"), [(State.STOPPED, State.LIMITED), (State.LIMITED, State.SENDING)])
async def test_what_complaints_stopped_is_let_go_step_by_step_since_no_probe_can_test_it(
    known: Fleet, before: State, after: State
) -> None:
    await stopped_for(known, Signal.COMPLAINT, before)
    planned = await known.operations.operator.plan(PROBE, [parse_selector("grant-1")])

    report = await known.operations.operator.carry_out(PROBE, [parse_selector("grant-1")])

    for one in (planned, report):
        assert [(effect.before, effect.to, effect.detail) for effect in one.listed] == [
            (before, after, "Approved by a person: the list was cleaned")
        ]
    [standing] = await known.operations.accounts.find(parse_selector("grant-1"))
    assert standing.counters.totals.sends == 0


async def test_after_an_approval_another_one_lets_it_go(known: Fleet) -> None:
    await stopped_for(known, Signal.COMPLAINT)

    for expected in (State.LIMITED, State.SENDING):
        report = await known.operations.operator.carry_out(PROBE, [parse_selector("grant-1")])
        assert report.listed[0].to is expected


async def test_complaints_of_an_earlier_time_say_nothing_about_a_stop_for_bounces(known: Fleet) -> None:
    key = await stopped_for(known, Signal.COMPLAINT)
    await known.operations.operator.carry_out(Act(ActKind.RESET, "all is well", "ada"), [parse_selector("grant-1")])
    await known.operations.operator.carry_out(Act(ActKind.TRIP, "another list", "ada"), [parse_selector("grant-1")])

    report = await known.operations.operator.carry_out(PROBE, [parse_selector("grant-1")])

    assert report.listed[0].to is State.PROBING
    assert (await known.commands(key))[0] == ("block", 3)


async def test_what_sends_and_what_has_no_grant_is_not_probed(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")
    nameless = await known.know("nobody@x.example")
    await known.set_state(nameless, State.STOPPED)

    report = await known.operations.operator.carry_out(PROBE, [parse_selector("domain:x.example")])

    assert [(one.effect, one.detail) for one in report.listed] == [
        (Effect.UNCHANGED, "It is sending already."),
        (Effect.REFUSED, UNENFORCEABLE),
    ]


async def test_a_stopped_domain_itself_is_to_be_probed_and_stays_blocked_until_a_round_is_opened(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")
    of_domain = [parse_selector("domain:x.example")]
    await known.operations.operator.carry_out(Act(ActKind.TRIP, "spoofed", "ada", only_domain=True), of_domain)

    report = await known.operations.operator.carry_out(
        Act(ActKind.PROBE, "repaired", "ada", only_domain=True), of_domain
    )

    [effect] = report.listed
    assert (effect.account, effect.before, effect.to) == ("domain:x.example", State.STOPPED, State.PROBING)
    rows = await known.pool.fetch("SELECT account, domain, kind, epoch FROM commands WHERE ended_at IS NULL")
    assert [tuple(row) for row in rows] == [(None, "x.example", "block_domain", 2)]


async def test_a_domain_that_sends_is_not_probed_and_no_other_group_by_itself(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")
    act = Act(ActKind.PROBE, "repaired", "ada", only_domain=True)

    report = await known.operations.operator.carry_out(act, [parse_selector("domain:x.example")])

    assert [(one.effect, one.detail) for one in report.listed] == [(Effect.UNCHANGED, "It is sending already.")]
    with pytest.raises(RefusedError, match="only-domain goes with trip, reset or probe of domain:X"):
        await known.operations.operator.carry_out(act, [parse_selector("grant-1")])
