from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.domain.acts.acts import UNENFORCEABLE, AccountEffect, Act, ActKind, Effect, RefusedError
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.acts.selectors import Selector
    from tests.fleet import Fleet

TRIP = Act(ActKind.TRIP, "a bought list", "ada")
RESET = Act(ActKind.RESET, "list removed", "ada")


def selected(*texts: str) -> Sequence[Selector]:
    return [parse_selector(text) for text in texts]


async def test_a_trip_stops_an_account_and_orders_what_it_takes(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")

    report = await known.operations.operator.carry_out(TRIP, selected("agent@x.example"))

    assert report.listed == [
        AccountEffect(
            "grant-1",
            "agent@x.example",
            State.SENDING,
            State.STOPPED,
            Effect.CHANGED,
            "Stopped by a person: a bought list",
            report.listed[0].verdict,
        )
    ]
    assert await known.states() == {"agent@x.example": "stopped"}
    assert await known.commands(key) == [("block", 1), ("quarantine", 1)]


async def test_an_act_stands_in_the_audit_trail_with_its_author(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")

    report = await known.operations.operator.carry_out(TRIP, selected("grant-1"))

    (entry,) = (await known.operations.trail.page()).items
    assert (entry.id, entry.account, entry.before, entry.to, entry.detector, entry.author, entry.why, entry.epoch) == (
        report.listed[0].verdict,
        "grant-1",
        State.SENDING,
        State.STOPPED,
        "operator",
        "ada",
        "Stopped by a person: a bought list",
        1,
    )


async def test_a_plan_says_the_same_and_changes_nothing(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")

    report = await known.operations.operator.plan(TRIP, selected("agent@x.example"))

    assert [(one.before, one.to, one.effect, one.verdict) for one in report.listed] == [
        (State.SENDING, State.STOPPED, Effect.CHANGED, None)
    ]
    assert await known.states() == {"agent@x.example": "sending"}
    assert await known.commands(key) == []


async def test_a_stopped_account_is_not_stopped_again(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")
    await known.operations.operator.carry_out(TRIP, selected("grant-1"))

    report = await known.operations.operator.carry_out(TRIP, selected("grant-1"))

    assert [(one.effect, one.detail) for one in report.listed] == [(Effect.UNCHANGED, "It is stopped already.")]
    assert report.unconfirmed == [key]
    assert await known.commands(key) == [("block", 1), ("quarantine", 1)]


async def test_an_account_without_a_grant_cannot_be_stopped_and_says_so(known: Fleet) -> None:
    await known.know("news@x.example")

    report = await known.operations.operator.carry_out(TRIP, selected("news@x.example"))

    assert [(one.effect, one.detail) for one in report.listed] == [(Effect.REFUSED, UNENFORCEABLE)]
    assert await known.states() == {"news@x.example": "sending"}


async def test_a_reset_orders_the_way_back_in_the_reverse_order(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")
    await known.operations.operator.carry_out(TRIP, selected("grant-1"))

    await known.operations.operator.carry_out(RESET, selected("grant-1"))

    assert await known.states() == {"agent@x.example": "sending"}
    assert await known.commands(key) == [("return_home", 2), ("unblock", 2), ("unlimit", 2)]


async def test_a_reset_begins_counting_anew(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")
    await known.count(key, delivered=100, bounced=20)

    await known.operations.operator.carry_out(RESET, selected("grant-1"))

    (standing,) = await known.operations.accounts.find(parse_selector("grant-1"))
    assert (standing.counters.totals.sends, standing.counters.restarted_at) == (0, known.clock.now())


@pytest.mark.parametrize(
    ("selector", "stopped"),
    [
        ("domain:X.example", {"a@x.example", "b@x.example"}),
        ("workspace:home", {"a@x.example", "c@y.example"}),
        ("application:app-2", {"d@z.example"}),
        ("--all", {"a@x.example", "b@x.example", "c@y.example", "d@z.example"}),
        ("B@x.example", {"b@x.example"}),
    ],
)
async def test_a_selector_speaks_of_its_accounts_and_no_other(known: Fleet, selector: str, stopped: set[str]) -> None:
    await known.know("a@x.example", "grant-a", workspace="home")
    await known.know("b@x.example", "grant-b", workspace="other")
    await known.know("c@y.example", "grant-c", workspace="quarantine", home="home")
    await known.know("d@z.example", "grant-d", application="app-2", workspace="elsewhere")

    await known.operations.operator.carry_out(TRIP, selected(selector))

    assert {address for address, state in (await known.states()).items() if state == "stopped"} == stopped


async def test_an_account_named_twice_is_acted_on_once(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")

    report = await known.operations.operator.carry_out(TRIP, selected("grant-1", "domain:x.example"))

    assert (report.covered, report.counts[Effect.CHANGED]) == (1, 1)


async def test_a_selector_of_nobody_stops_the_whole_act(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")

    with pytest.raises(RefusedError, match=r"no account is known by nobody@x\.example; nothing was changed"):
        await known.operations.operator.carry_out(TRIP, selected("grant-1", "nobody@x.example"))

    assert await known.states() == {"agent@x.example": "sending"}


async def test_hundreds_of_accounts_are_stopped_in_batches(known: Fleet) -> None:
    for number in range(430):
        await known.know(f"a{number}@x.example", f"grant-{number}")

    report = await known.operations.operator.carry_out(TRIP, selected("--all"))

    assert report.counts[Effect.CHANGED] == 430
    assert set((await known.states()).values()) == {"stopped"}


async def test_waiting_ends_with_whoever_was_not_read_back(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")
    report = await known.operations.operator.carry_out(TRIP, selected("grant-1"))
    began = known.clock.now()

    remaining = await known.operations.operator.wait(report, 60.0)

    assert (remaining, known.clock.now() - began) == ([key], 60.0)


async def test_waiting_ends_once_the_platform_was_read_back(known: Fleet) -> None:
    await known.know("agent@x.example", "grant-1")
    report = await known.operations.operator.carry_out(RESET, selected("grant-1"))
    began = known.clock.now()
    await known.confirm()

    assert (await known.operations.operator.wait(report, 60.0), known.clock.now()) == ([], began)
