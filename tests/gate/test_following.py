"""What gates follow: commits of whoever it was, in a real database."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import pytest

from breaker.adapters.postgres.domains import PostgresDomains
from breaker.adapters.postgres.gate import PostgresCircuitChanges
from breaker.adapters.postgres.identities import Identities
from breaker.adapters.postgres.merge import merge
from breaker.app import counting, window_sizes
from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.circuit import HeldBy, Verdict, apply
from breaker.domain.circuits.domain_circuit import DomainCircuit
from breaker.domain.circuits.states import State
from breaker.domain.standing.gate import GateMemory, SendKind
from breaker.ports import Sender, SendingDomain, StoreUnavailableError
from tests.fleet import APPLICATION, NOW, Fleet, fleet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import Cluster

X = SendingDomain(APPLICATION, "x.example")


class Follower:
    """A gate's memory that follows one database."""

    def __init__(self, url: str) -> None:
        self.memory = GateMemory()
        self.changes = PostgresCircuitChanges(url)

    async def follow(self) -> None:
        await self.changes.bring_up_to_date(self.memory)

    def states(self, *names: str) -> list[State]:
        return [self.memory.answer(name, SendKind.COMPOSE, NOW).state for name in names]


@pytest.fixture
async def known(database_url: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with fleet(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def follower(database_url: str) -> AsyncIterator[Follower]:
    made = Follower(database_url)
    yield made
    await made.changes.close()


async def trip(known: Fleet, name: str) -> None:
    await known.operations.operator.carry_out(Act(ActKind.TRIP, "a hunch", "ada"), [parse_selector(name)])


async def reset(known: Fleet, name: str) -> None:
    await known.operations.operator.carry_out(Act(ActKind.RESET, "looked at", "ada"), [parse_selector(name)])


async def test_who_is_held_is_read_at_the_start_and_followed_from_then_on(known: Fleet, follower: Follower) -> None:
    for name in ("a", "b", "c"):
        await known.know(f"{name}@x.example", f"grant-{name}")
    await trip(known, "grant-a")

    await follower.follow()
    first = follower.states("grant-a", "grant-b", "c@x.example")
    await trip(known, "c@x.example")
    await reset(known, "grant-a")
    await follower.follow()

    assert first == [State.STOPPED, State.SENDING, State.SENDING]
    assert follower.states("grant-a", "a@x.example", "grant-b", "c@x.example", "grant-c") == [
        State.SENDING,
        State.SENDING,
        State.SENDING,
        State.STOPPED,
        State.STOPPED,
    ]
    assert len(follower.memory) == 1
    assert (
        follower.memory.answer("grant-c", SendKind.COMPOSE, NOW).reason == "It is stopped for 0 seconds (by a person)."
    )


async def test_a_verdict_that_is_held_denies_nobody(known: Fleet, follower: Follower) -> None:
    key = await known.know("a@x.example", "grant-a")
    await follower.follow()

    await known.suspend(key, State.STOPPED, HeldBy.OBSERVE)
    await follower.follow()

    assert follower.states("grant-a") == [State.SENDING]


async def test_what_was_committed_late_is_not_missed(known: Fleet, follower: Follower) -> None:
    slow, quick = [await known.know(f"{name}@x.example", f"grant-{name}") for name in ("slow", "quick")]
    await follower.follow()
    stop = "UPDATE circuits SET state = 'stopped' WHERE account = $1"

    async with known.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(stop, slow)
        await known.pool.execute(stop, quick)
        await follower.follow()
        before = follower.states("grant-slow", "grant-quick")
        await transaction.commit()
    await follower.follow()

    assert before == [State.SENDING, State.STOPPED]
    assert follower.states("grant-slow", "grant-quick") == [State.STOPPED, State.STOPPED]


async def test_a_commit_rings(known: Fleet, follower: Follower) -> None:
    await known.know("a@x.example", "grant-a")
    await follower.follow()
    waiting = asyncio.create_task(follower.changes.rung(60.0))

    await trip(known, "grant-a")
    await asyncio.wait_for(waiting, 30.0)
    await follower.follow()

    assert follower.states("grant-a") == [State.STOPPED]


async def test_counting_notes_nothing(known: Fleet) -> None:
    key = await known.know("a@x.example", "grant-a")
    await known.count(key, delivered=10)

    assert await known.pool.fetchval("SELECT count(*) FROM circuit_changes") == 0


async def test_a_stopped_domain_denies_its_accounts_and_those_that_come_later(known: Fleet, follower: Follower) -> None:
    await known.know("a@x.example", "grant-a")
    await known.know("a@y.example", "grant-y")
    await follower.follow()

    await stop_domain(known)
    await follower.follow()
    stopped = follower.states("grant-a", "a@x.example", "grant-b", "grant-y")
    await known.know("b@x.example", "grant-b")
    await follower.follow()
    later = follower.states("grant-b")
    await known.operations.operator.carry_out(
        Act(ActKind.RESET, "the key is published", "ada", only_domain=True), [parse_selector("domain:x.example")]
    )
    await follower.follow()

    assert stopped == [State.STOPPED, State.STOPPED, State.SENDING, State.SENDING]
    assert later == [State.STOPPED]
    assert follower.states("grant-a", "grant-b", "a@x.example") == [State.SENDING] * 3


async def test_an_account_whose_grant_becomes_known_is_denied_by_its_grant_too(
    known: Fleet, follower: Follower
) -> None:
    key = await known.know("a@x.example")
    await known.set_state(key, State.STOPPED)
    await follower.follow()

    await known.know("a@x.example", "grant-a")
    await follower.follow()

    assert follower.states("a@x.example", "grant-a") == [State.STOPPED, State.STOPPED]


async def test_two_accounts_that_are_merged_are_one(known: Fleet, follower: Follower) -> None:
    gone, kept = await known.know("a@x.example"), await known.know(None, "grant-a")
    await known.set_state(gone, State.STOPPED)
    await follower.follow()

    async with known.pool.acquire() as connection, connection.transaction():
        await merge(connection, gone, kept, window_sizes(known.settings), counting(known.settings))
    await follower.follow()

    assert follower.states("grant-a") == [State.STOPPED]
    assert len(follower.memory) == 1


async def test_a_database_made_anew_lets_nobody_go_until_a_person_does(known: Fleet, follower: Follower) -> None:
    await known.know("a@x.example", "grant-a")
    await trip(known, "grant-a")
    await follower.follow()

    await known.pool.execute("UPDATE facts SET value = 'another' WHERE name = 'database'")
    await known.pool.execute("TRUNCATE circuits, accounts, commands, verdicts, circuit_changes CASCADE")
    await follower.follow()
    lost = follower.states("grant-a", "a@x.example")
    identities = Identities(known.pool, window_sizes(known.settings), counting(known.settings))
    await identities.numbers_of([Sender(APPLICATION, "grant-a", "a@x.example")], NOW)
    await follower.follow()
    known_again = follower.states("grant-a", "a@x.example")
    await reset(known, "grant-a")
    await follower.follow()

    assert lost == known_again == [State.STOPPED, State.STOPPED]
    assert follower.states("grant-a", "a@x.example") == [State.SENDING, State.SENDING]


async def test_a_connection_that_was_lost_is_made_again(
    known: Fleet, follower: Follower, cluster: Cluster, database_url: str
) -> None:
    await known.know("a@x.example", "grant-a")
    await follower.follow()
    name = urlsplit(database_url).path.removeprefix("/")
    admin = await asyncpg.connect(cluster.admin_url)
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    await admin.close()

    with suppress(StoreUnavailableError):  # or it is noticed before
        await follower.follow()
    await follower.follow()

    assert follower.states("grant-a") == [State.SENDING]


async def stop_domain(known: Fleet) -> None:
    async with PostgresDomains(known.pool).transaction() as locked:
        before = (await locked.lock([X]))[X]
        verdict = Verdict(
            at=NOW - 60,
            before=State.SENDING,
            to=State.STOPPED,
            detector="domain",
            epoch=1,
            why="5 of 9 sends were refused.",
            cause="authentication 5.7.26",
        )
        number = await locked.record_verdict(X, verdict, {})
        await locked.save(X, DomainCircuit(apply(before.circuit, verdict, number)))
