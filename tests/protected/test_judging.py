"""Protected accounts on a real database: what may happen is done, and the rest stands pending."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.states import State
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.profiles.protected import May, Protected, ProtectedAccounts, parse_pattern
from tests.counting.daemons import SIMPLE, Daemon, daemon, event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from breaker.flows.count import Report

CEO, OTHER = ("g-ceo", "ceo@agents.example"), ("g-other", "other@agents.example")


@dataclass
class Configured:
    """What is protected now, as after the last SIGHUP."""

    protected: ProtectedAccounts

    def now(self) -> ProtectedAccounts:
        return self.protected


def by(may: May) -> ProtectedAccounts:
    return ProtectedAccounts([Protected(parse_pattern("ceo@*"), "Board", may)])


@asynccontextmanager
async def guarding(url: str, configured: Configured, mode: Mode = Mode.ENFORCE) -> AsyncIterator[Daemon]:
    async with daemon(url, mode=mode, profile=SIMPLE) as one:
        yield replace(one, count=replace(one.count, protected=configured.now))


def bad(number: int = 0) -> Sequence[DeliveryEvent]:
    """Half of what both accounts sent bounced."""
    return [
        event(
            OutcomeKind.BOUNCED if place % 2 else OutcomeKind.DELIVERED,
            f"{grant}-{number}-{place}",
            grant=grant,
            sender=sender,
        )
        for place in range(20)
        for grant, sender in (CEO, OTHER)
    ]


def given_to(report: Report, grant: str) -> list[tuple[State, State, HeldBy | None]]:
    return [
        (one.verdict.before, one.verdict.to, one.verdict.held_by) for one in report.given if one.account.id == grant
    ]


@pytest.mark.parametrize(
    ("may", "state", "verdicts"),
    [
        (
            May.NOTIFY,
            "warned",
            [(State.SENDING, State.WARNED, None), (State.WARNED, State.STOPPED, HeldBy.EXEMPT)],
        ),
        (
            May.LIMIT,
            "limited",
            [(State.SENDING, State.LIMITED, None), (State.LIMITED, State.STOPPED, HeldBy.EXEMPT)],
        ),
        (May.STOP, "stopped", [(State.SENDING, State.STOPPED, None)]),
    ],
)
async def test_what_may_happen_is_done_and_the_rest_stands_pending(
    database_url: str, may: May, state: str, verdicts: list[tuple[State, State, HeldBy | None]]
) -> None:
    async with guarding(database_url, Configured(by(may))) as one:
        report = await one.take(*bad())
        again = await one.take(*bad(1))
        rows = {grant: await one.row(grant=grant) for grant, _ in (CEO, OTHER)}

    assert given_to(report, "g-ceo") == verdicts
    assert given_to(report, "g-other") == [(State.SENDING, State.STOPPED, None)]
    assert (again.given, rows["g-other"]["state"], rows["g-ceo"]["state"]) == ([], "stopped", state)
    pending = rows["g-ceo"]["pending_to"], rows["g-ceo"]["pending_held_by"]
    assert pending == ((None, None) if may is May.STOP else ("stopped", "exempt"))


async def test_a_held_verdict_says_by_what_it_is_held_and_whose_the_account_is(database_url: str) -> None:
    async with guarding(database_url, Configured(by(May.NOTIFY))) as one:
        report = await one.take(*bad())
        context = await one.pool.fetchval("SELECT context FROM verdicts WHERE held_by = 'exempt'")

    why = next(one.verdict.why for one in report.given if one.verdict.held_by)
    assert why.endswith(
        "Nothing was done. It is protected by ceo@*, owner Board: automatically, it may only be warned of."
    )
    assert json.loads(context)["protected"] == {"pattern": "ceo@*", "owner": "Board", "may": "notify", "reason": None}


async def test_while_it_is_observed_the_step_that_may_never_happen_is_the_one_that_stands(database_url: str) -> None:
    async with guarding(database_url, Configured(by(May.LIMIT)), Mode.OBSERVE) as one:
        report = await one.take(*bad())
        row = await one.row(grant="g-ceo")

    assert given_to(report, "g-ceo") == [
        (State.SENDING, State.LIMITED, HeldBy.OBSERVE),
        (State.SENDING, State.STOPPED, HeldBy.EXEMPT),
    ]
    assert (row["state"], row["pending_to"], row["pending_held_by"]) == ("sending", "stopped", "exempt")


async def test_another_configuration_counts_from_the_next_bad_outcome_on(database_url: str) -> None:
    configured = Configured(by(May.NOTIFY))
    async with guarding(database_url, configured) as one:
        await one.take(*bad())
        configured.protected = ProtectedAccounts()
        report = await one.take(*bad(1))
        row = await one.row(grant="g-ceo")

    assert given_to(report, "g-ceo") == [(State.WARNED, State.STOPPED, None)]
    assert (row["state"], row["pending_to"]) == ("stopped", None)


async def test_nothing_is_ordered_for_what_may_not_happen(database_url: str) -> None:
    async with guarding(database_url, Configured(by(May.NOTIFY))) as one:
        await one.take(*bad())
        commands = await one.pool.fetch("SELECT a.grant_id, c.kind FROM commands c JOIN accounts a USING (account)")

    assert {row["grant_id"] for row in commands} == {"g-other"}
