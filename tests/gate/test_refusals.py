"""What the platform did, from refused sends: kept beside the state, stopped by us too, ended, told of once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.platform_standings import PostgresPlatformStandings
from breaker.app import account_as_json, window_sizes
from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.states import State
from breaker.domain.outcomes.outcomes import OutcomeSet
from breaker.domain.platform.platform_standing import Example, Scope, SendRefusal, Source, refusal_of
from breaker.flows.keep_standings import WAIT, KeepStandings
from breaker.flows.lease import Lease
from breaker.flows.note_refusals import NoteRefusals
from breaker.ports import NoHolds, Refused
from tests.fleet import APPLICATION, NOW, Fleet, fleet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path
    from typing import Any

    from breaker.flows.judge import Given
    from breaker.ports import Announced

ENFORCE = Act(ActKind.MODE, "trusted", "ada", mode=Mode.ENFORCE)
PAUSED, RESTRICTED, QUOTA = (
    "Sending paused for this account.",
    "send blocked by abuse restriction",
    "rate limit exceeded",
)


@dataclass(slots=True)
class Told:
    """What was told."""

    refused: list[SendRefusal] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)
    acted: list[tuple[Scope | None, list[str]]] = field(default_factory=list)
    relented: list[str] = field(default_factory=list)

    def send_refused(self, refusal: SendRefusal) -> None:
        self.refused.append(refusal)

    def decided(self, given: Sequence[Given]) -> None:
        self.given.extend(given)

    def platform_acted(self, application_id: str, scope: Scope | None, accounts: Sequence[Announced]) -> None:
        assert application_id == APPLICATION
        self.acted.append((scope, sorted(one.account.id for one in accounts)))

    def platform_relented(self, ended: Announced) -> None:
        self.relented.append(ended.account.id)


@dataclass(slots=True)
class Room:
    """A fleet whose sends are refused."""

    fleet: Fleet
    told: Told
    note: NoteRefusals
    keep: KeepStandings

    async def refuse(self, name: str, status: int, message: str, *, at: float | None = None) -> Exception | None:
        refusal = refusal_of(status, message)
        assert refusal is not None
        example = Example(status, "bad", message, self.fleet.clock.now() if at is None else at, "request-1")
        [problem] = await self.note([Refused(None, name, refusal, example, Source.OBSERVATION)])
        return problem

    async def later(self, seconds: float) -> None:
        self.fleet.clock.time += seconds
        await self.keep()

    async def json(self, name: str) -> dict[str, Any]:
        [standing] = await self.fleet.operations.accounts.find(parse_selector(name))
        return account_as_json(standing)

    async def enforce(self) -> None:
        await self.fleet.operations.operator.carry_out(ENFORCE, [parse_selector(f"application:{APPLICATION}")])

    async def deliver(self, key: int, sent_at: float) -> None:
        """Let a send of an account be delivered."""
        day = int(sent_at) // 86_400
        await self.fleet.pool.execute("SELECT ledger_partition($1)", day)
        await self.fleet.pool.execute(
            """
            INSERT INTO ledger (send, sent_at, account, application, outcomes)
            SELECT gen_random_uuid(), $2, account, application, $3 FROM accounts WHERE account = $1
            """,
            key,
            int(sent_at),
            int(OutcomeSet.DELIVERED),
        )


@pytest.fixture
async def room(database_url: str, tmp_path: Path) -> AsyncIterator[Room]:
    async with fleet(database_url, tmp_path, actuators="block") as known:
        told = Told()
        standings = PostgresPlatformStandings(known.pool)
        circuits = PostgresCircuits(known.pool, window_sizes(known.settings))
        operations = known.operations
        note = NoteRefusals(
            standings, circuits, operations.modes, NoHolds(), operations.in_force.actuators_of, known.clock, told
        )
        lease = Lease(PostgresLeases(known.pool), "platform standings", "test", 30.0)
        yield Room(known, told, note, KeepStandings(standings, lease, known.clock, told))


async def test_a_paused_account_is_shown_and_stopped_by_us_too(room: Room) -> None:
    key = await room.fleet.know("a@x.example", "grant-a")
    await room.enforce()

    assert await room.refuse("grant-a", 400, PAUSED) is None

    account = await room.json("grant-a")
    assert account["platform"] == {
        "what": "platform_paused",
        "scope": "grant",
        "since": NOW,
        "source": "observation",
    }
    assert (account["state"], account["last_verdict"]["detector"], account["last_verdict"]["author"]) == (
        "stopped",
        "platform",
        None,
    )
    assert await room.fleet.commands(key) == [("block", 1)]
    assert (room.told.refused, [one.verdict.to for one in room.told.given]) == (
        [SendRefusal.PLATFORM_PAUSED],
        [State.STOPPED],
    )


async def test_where_it_only_observes_the_stop_stands_pending_once(room: Room) -> None:
    await room.fleet.know("a@x.example", "grant-a")

    for _ in range(3):
        await room.refuse("a@x.example", 400, PAUSED)

    account = await room.json("grant-a")
    assert (account["state"], account["pending"]["to"], account["pending"]["held_by"]) == (
        "sending",
        "stopped",
        HeldBy.OBSERVE,
    )
    assert len(room.told.given) == 1
    assert len(room.told.refused) == 3


@pytest.mark.parametrize(
    ("status", "message", "what"),
    [
        (403, RESTRICTED, "restricted"),
        (429, QUOTA, "rate_limited"),
        (503, "outbound rules could not be evaluated", "evaluation_failed"),
    ],
)
async def test_what_is_no_pause_stands_beside_the_state_and_stops_nobody(
    room: Room, status: int, message: str, what: str
) -> None:
    await room.fleet.know("a@x.example", "grant-a")
    await room.enforce()

    await room.refuse("grant-a", status, message)

    account = await room.json("grant-a")
    assert (account["platform"]["what"], account["state"], account["pending"]) == (what, "sending", None)


async def test_a_refusal_by_our_own_rule_is_counted_and_no_more(room: Room) -> None:
    await room.fleet.know("a@x.example", "grant-a")

    await room.refuse("grant-a", 403, "message blocked by an outbound rule")

    assert ((await room.json("grant-a"))["platform"], room.told.refused) == (None, [SendRefusal.BLOCKED_BY_RULE])


async def test_a_delivered_send_from_after_it_ends_it_and_one_from_before_does_not(room: Room) -> None:
    key = await room.fleet.know("a@x.example", "grant-a")
    await room.refuse("grant-a", 400, PAUSED)

    await room.deliver(key, NOW - 60)
    await room.later(30)
    before = (await room.json("grant-a"))["platform"]
    await room.deliver(key, NOW + 20)
    await room.later(30)

    assert before["what"] == "platform_paused"
    assert ((await room.json("grant-a"))["platform"], room.told.relented) == (None, ["grant-a"])


async def test_a_refusal_that_is_told_of_late_is_nothing_once_mail_was_delivered(room: Room) -> None:
    key = await room.fleet.know("a@x.example", "grant-a")
    await room.enforce()
    await room.deliver(key, NOW - 60)

    await room.refuse("grant-a", 400, PAUSED, at=NOW - 120)

    account = await room.json("grant-a")
    assert (account["platform"], account["state"]) == (None, "sending")


async def test_a_person_s_reset_ends_it_and_the_next_refusal_begins_it_anew(room: Room) -> None:
    await room.fleet.know("a@x.example", "grant-a")
    await room.enforce()
    await room.refuse("grant-a", 400, PAUSED)
    await room.later(30)

    reset = Act(ActKind.RESET, "support has lifted it", "ada")
    await room.fleet.operations.operator.carry_out(reset, [parse_selector("grant-a")])
    await room.later(30)
    ended = await room.json("grant-a")
    await room.refuse("grant-a", 400, PAUSED)
    again = await room.json("grant-a")

    assert (ended["platform"], ended["state"]) == (None, "sending")
    assert (again["platform"]["since"], again["state"]) == (NOW + 60, "stopped")


async def test_what_passes_by_itself_ends_in_time(room: Room) -> None:
    await room.fleet.know("a@x.example", "grant-a")
    await room.refuse("grant-a", 503, "rule evaluation failed")

    await room.later(899)
    before = (await room.json("grant-a"))["platform"]["what"]
    await room.later(1)

    assert (before, (await room.json("grant-a"))["platform"]) == ("evaluation_failed", None)


async def test_a_restriction_of_the_application_is_told_of_once(room: Room) -> None:
    for name in ("a@x.example", "b@x.example", "c@y.example", "d@z.example"):
        await room.fleet.know(name, f"grant-{name[0]}")
    for letter in "abc":
        await room.refuse(f"grant-{letter}", 403, RESTRICTED)
    await room.later(WAIT - 1)
    early = list(room.told.acted)

    await room.later(1)
    await room.later(60)

    assert early == []
    assert room.told.acted == [(Scope.APPLICATION, ["grant-a", "grant-b", "grant-c"])]
    assert (await room.json("grant-a"))["platform"]["scope"] == "application"


async def test_what_concerns_one_account_is_told_of_for_that_account(room: Room) -> None:
    for letter in "ab":
        await room.fleet.know(f"{letter}@{letter}.example", f"grant-{letter}")
        await room.refuse(f"grant-{letter}", 400, PAUSED)

    await room.later(WAIT)

    assert sorted(room.told.acted) == [(Scope.GRANT, ["grant-a"]), (Scope.GRANT, ["grant-b"])]


async def test_nobody_is_made_known_by_a_refusal(room: Room) -> None:
    problem = await room.refuse("grant-a", 400, PAUSED)

    assert str(problem) == "no account is known by this name"
    assert await room.fleet.states() == {}
