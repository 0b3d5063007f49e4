"""What people do to protected accounts is done, and said to be against what protects them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.reading.exempted import PostgresExempted
from breaker.app import account_as_json, window_sizes
from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.states import State
from breaker.flows.lease import Lease
from breaker.flows.watch_lines import WatchLines
from tests.fleet import Fleet, fleet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from breaker.domain.profiles.protected import Protected
    from breaker.ports import Exempted

TABLES = (
    {"pattern": "ceo@*", "owner": "Board", "may": "limit", "reason": "contracts"},
    {"pattern": "domain:news.example", "owner": "Marketing", "may": "notify"},
)
PROFILES = ({"name": "mine", "preset": "strict", "domains": ["news.example"], "owner": "Letters"},)
SENTENCE = "It is protected by ceo@*, owner Board (contracts): automatically, it may only be limited."


@pytest.fixture
async def known(database_url: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with fleet(database_url, tmp_path, protected=TABLES, profiles=PROFILES, actuators="block") as opened:
        yield opened


async def test_a_plan_and_the_deed_say_that_it_is_protected_and_whose_it_is(known: Fleet) -> None:
    await known.know("ceo@x.example", "grant-ceo")
    await known.know("agent@x.example", "grant-1")
    trip, everyone = Act(ActKind.TRIP, "a bought list", "ada"), [parse_selector("domain:x.example")]

    plan = await known.operations.operator.plan(trip, everyone)
    done = await known.operations.operator.carry_out(trip, everyone)

    said = ["Stopped by a person: a bought list", f"Stopped by a person: a bought list {SENTENCE}"]
    assert sorted(one.detail for one in plan.listed) == said
    assert sorted(one.detail for one in done.listed) == said
    assert set((await known.states()).values()) == {"stopped"}


async def test_what_stands_pending_of_it_is_said_to_be_protected_before_a_person_takes_it(known: Fleet) -> None:
    key = await known.know("ceo@x.example", "grant-ceo")
    number = await known.suspend(key, State.STOPPED, HeldBy.EXEMPT)
    selectors = [parse_selector("ceo@x.example")]

    listed = await known.operations.operator.plan(Act(ActKind.MODE, "ok", "ada", mode=Mode.ENFORCE), selectors)
    await known.operations.operator.carry_out(
        Act(ActKind.MODE, "ok", "ada", mode=Mode.ENFORCE, apply_pending=True), selectors
    )

    assert [one.detail for one in listed.listed] == [f"Verdict {number} would have made it stopped. {SENTENCE}"]
    assert await known.states() == {"ceo@x.example": "stopped"}


async def test_the_stop_of_a_whole_domain_says_whom_of_its_accounts_it_stops_against_their_protection(
    known: Fleet,
) -> None:
    for name in ("ceo", "a", "b"):
        await known.know(f"{name}@x.example", f"grant-{name}")
    trip = Act(ActKind.TRIP, "the key is stolen", "ada", only_domain=True)

    plan = await known.operations.operator.plan(trip, [parse_selector("domain:x.example")])

    [stop] = plan.listed
    assert stop.detail == (
        "Stopped by a person: the key is stolen One entry stops all of its 3 accounts, those that are protected too: "
        "ceo@x.example (owner Board)."
    )


async def test_an_owner_is_shown_where_the_profile_names_none(known: Fleet) -> None:
    for address in ("ceo@x.example", "a@news.example", "a@x.example"):
        await known.know(address, f"grant-{address}")

    shown = {
        address: account_as_json(standing)
        for address in await known.states()
        for standing in await known.operations.accounts.find(parse_selector(address))
    }

    assert {address: one["owner"] for address, one in shown.items()} == {
        "ceo@x.example": "Board",
        "a@news.example": "Letters",
        "a@x.example": None,
    }
    assert [shown[address]["protected"] for address in ("ceo@x.example", "a@x.example")] == [
        {"pattern": "ceo@*", "owner": "Board", "may": "limit", "reason": "contracts"},
        None,
    ]


@dataclass
class Told:
    """What was told."""

    over: list[list[tuple[str, str | None]]] = field(default_factory=list)
    crossings: list[str] = field(default_factory=list)

    def over_line(self, over: Sequence[tuple[Exempted, Protected | None]]) -> None:
        self.over.append([(one.account.id, by.owner if by else None) for one, by in over])

    def crossed(self, one: Exempted, _protected: Protected | None) -> None:
        self.crossings.append(one.account.id)


async def test_who_goes_on_sending_beyond_the_platform_s_line_is_told_of_once(known: Fleet) -> None:
    told = Told()
    watch = WatchLines(
        PostgresExempted(known.pool, window_sizes(known.settings)),
        known.operations.in_force.protected_now,
        Lease(PostgresLeases(known.pool), "lines", "me", 60.0),
        told,
    )
    for name, held_by in (("ceo", HeldBy.EXEMPT), ("exempt", HeldBy.EXEMPT), ("observed", HeldBy.OBSERVE)):
        key = await known.know(f"{name}@x.example", f"grant-{name}")
        await known.count(key, delivered=960, bounced=40)
        await known.suspend(key, State.STOPPED, held_by)
    await watch()
    for name in ("ceo", "exempt", "observed"):
        await known.count(await known.know(f"{name}@x.example", f"grant-{name}"), delivered=900, bounced=100)
    await watch()
    await watch()

    assert told.over == [[], *[[("grant-ceo", "Board"), ("grant-exempt", None)]] * 2]
    assert told.crossings == ["grant-ceo", "grant-exempt"]
