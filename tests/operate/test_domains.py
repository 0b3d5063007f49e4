"""People's acts on sending domains: with their accounts and by themselves, planned, carried out, read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.domains import PostgresDomains
from breaker.domain.acts.acts import Act, ActKind, Effect, RefusedError
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.circuit import HeldBy, Mode, Verdict, apply
from breaker.domain.circuits.domain_circuit import DomainCircuit, Interval
from breaker.domain.circuits.states import State
from breaker.ports import SendingDomain
from tests.fleet import APPLICATION, NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.acts.selectors import Selector
    from tests.fleet import Fleet

X = SendingDomain(APPLICATION, "x.example")
RESET = Act(ActKind.RESET, "the key is published again", "ada")
ALONE = Act(ActKind.RESET, "the key is published again", "ada", only_domain=True)


def selected(*texts: str) -> Sequence[Selector]:
    return [parse_selector(text) for text in texts]


async def fail(fleet: Fleet, held_by: HeldBy | None = None) -> None:
    """Let the domain be stopped, or be held."""
    async with PostgresDomains(fleet.pool).transaction() as locked:
        before = (await locked.lock([X]))[X]
        verdict = Verdict(
            at=NOW - 500,
            before=State.SENDING,
            to=State.STOPPED,
            detector="domain",
            epoch=0 if held_by else 1,
            why="5 of 9 sends were refused.",
            cause="authentication 5.7.26",
            held_by=held_by,
        )
        number = await locked.record_verdict(X, verdict, {})
        circuit = apply(before.circuit, verdict, number)
        await locked.save(X, DomainCircuit(circuit, intervals=() if held_by else (Interval(NOW - 900, None),)))


async def standing(fleet: Fleet) -> DomainCircuit:
    async with PostgresDomains(fleet.pool).transaction() as locked:
        return (await locked.standing([X]))[X]


async def orders(fleet: Fleet) -> list[tuple[str, str, int]]:
    rows = await fleet.pool.fetch("SELECT domain, kind, epoch FROM commands WHERE ended_at IS NULL AND account IS NULL")
    return [tuple(row) for row in rows]


async def two_accounts(fleet: Fleet) -> tuple[int, int]:
    return await fleet.know("a@x.example", "grant-1"), await fleet.know("b@x.example", "grant-2")


async def test_a_reset_of_a_domain_lets_it_go_with_its_accounts(known: Fleet) -> None:
    stopped, _ = await two_accounts(known)
    await known.set_state(stopped, State.STOPPED)
    await fail(known)

    planned = await known.operations.operator.plan(RESET, selected("domain:x.example"))
    report = await known.operations.operator.carry_out(RESET, selected("domain:x.example"))

    named = [(one.account, one.before, one.to, one.effect) for one in report.listed]
    assert [(one.account, one.before, one.to, one.effect) for one in planned.listed] == named
    assert named == [
        ("domain:x.example", State.STOPPED, State.SENDING, Effect.CHANGED),
        ("grant-1", State.STOPPED, State.SENDING, Effect.CHANGED),
        ("grant-2", State.SENDING, State.SENDING, Effect.CHANGED),
    ]
    assert await orders(known) == [("x.example", "unblock_domain", 2)]
    after = await standing(known)
    assert (after.circuit.state, after.restarted_at, after.intervals) == (
        State.SENDING,
        NOW,
        (Interval(NOW - 900, NOW),),
    )


async def test_a_domain_is_reset_by_itself_and_its_accounts_keep_what_was_counted(known: Fleet) -> None:
    first, _ = await two_accounts(known)
    await known.count(first, delivered=300, bounced=2)
    await fail(known)

    report = await known.operations.operator.carry_out(ALONE, selected("domain:x.example"))

    assert [(one.account, one.to) for one in report.listed] == [("domain:x.example", State.SENDING)]
    assert report.covered == 2
    [account] = await known.operations.accounts.find(parse_selector("grant-1"))
    assert account.counters.totals.sends == 302


async def test_a_reset_of_accounts_says_nothing_of_domains_that_simply_send(known: Fleet) -> None:
    await two_accounts(known)

    report = await known.operations.operator.carry_out(RESET, selected("domain:x.example"))

    assert [one.account for one in report.listed] == ["grant-1", "grant-2"]
    assert await known.pool.fetchval("SELECT count(*) FROM domain_circuits") == 0


@pytest.mark.parametrize("selector", [f"application:{APPLICATION}", "--all"])
async def test_a_reset_of_everybody_lets_domains_go_too(known: Fleet, selector: str) -> None:
    await two_accounts(known)
    await fail(known)

    await known.operations.operator.carry_out(RESET, selected(selector))

    assert (await standing(known)).circuit.state is State.SENDING


async def test_a_reset_of_one_account_leaves_its_domain_stopped(known: Fleet) -> None:
    await two_accounts(known)
    await fail(known)

    await known.operations.operator.carry_out(RESET, selected("grant-1"))

    assert (await standing(known)).circuit.state is State.STOPPED


async def test_a_person_stops_a_domain_by_one_entry(known: Fleet) -> None:
    await two_accounts(known)
    act = Act(ActKind.TRIP, "phished", "ada", only_domain=True)

    report = await known.operations.operator.carry_out(act, selected("domain:x.example"))

    assert [(one.account, one.to) for one in report.listed] == [("domain:x.example", State.STOPPED)]
    assert await orders(known) == [("x.example", "block_domain", 1)]
    assert await known.states() == {"a@x.example": "sending", "b@x.example": "sending"}
    assert (await standing(known)).intervals == (Interval(NOW, None),)


async def test_a_domain_that_is_stopped_again_in_the_same_moment_has_one_interval(known: Fleet) -> None:
    await two_accounts(known)
    trip = Act(ActKind.TRIP, "a key was lost", "ada", only_domain=True)

    for act in (trip, ALONE, trip):
        await known.operations.operator.carry_out(act, selected("domain:x.example"))

    after = await standing(known)
    assert (after.circuit.state, after.intervals) == (State.STOPPED, (Interval(NOW, None),))


async def test_only_domain_goes_with_domains_only(known: Fleet) -> None:
    await two_accounts(known)

    with pytest.raises(RefusedError, match="grant-1 is no sending domain"):
        await known.operations.operator.plan(ALONE, selected("grant-1"))


async def test_what_stands_pending_of_a_domain_is_listed_and_taken_when_asked(known: Fleet) -> None:
    await two_accounts(known)
    await fail(known, HeldBy.OBSERVE)
    enforce = Act(ActKind.MODE, "we trust it", "ada", mode=Mode.ENFORCE)
    taking = Act(ActKind.MODE, "we trust it", "ada", mode=Mode.ENFORCE, apply_pending=True)

    listed = await known.operations.operator.carry_out(enforce, selected("domain:x.example"))
    assert [(one.account, one.effect) for one in listed.listed] == [("domain:x.example", Effect.PENDING)]
    assert (await standing(known)).circuit.state is State.SENDING

    await known.operations.operator.carry_out(taking, selected("domain:x.example"))
    after = await standing(known)
    assert (after.circuit.state, after.intervals) == (State.STOPPED, (Interval(NOW - 500 - 3600, None),))
    assert await orders(known) == [("x.example", "block_domain", 1)]


async def test_waiting_for_a_domain_ends_when_the_platform_was_read_back(known: Fleet) -> None:
    await two_accounts(known)
    await fail(known)
    report = await known.operations.operator.carry_out(ALONE, selected("domain:x.example"))

    assert await known.operations.operator.wait(report, 1.0) == [(APPLICATION, "x.example")]
    await known.pool.execute("UPDATE domain_circuits SET confirmed = 'sending'")
    assert await known.operations.operator.wait(report, 1.0) == []


async def test_a_domain_stands_in_the_trail_and_in_the_list_of_domains(known: Fleet) -> None:
    await two_accounts(known)
    await fail(known)

    [one] = await known.operations.domains.all()
    assert (one.id, one.circuit.circuit.state, one.cause, one.accounts) == (
        "domain:x.example",
        State.STOPPED,
        "authentication 5.7.26",
        2,
    )
    assert await known.operations.domains.all({State.WARNED}) == []
    [entry] = (await known.operations.trail.page(scope="domain:x.example")).items
    assert (entry.account, entry.scope, entry.to) == ("domain:x.example", "domain:x.example", State.STOPPED)
    assert await known.operations.fleet.domains_by_state() == {State.STOPPED: 1}
