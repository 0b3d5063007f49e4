from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg
import pytest

from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.flows.count import Report
from breaker.flows.ingest import Ingest, OverloadedError, PoisonousEventError, StoppedError
from breaker.ports import StoreUnavailableError, TryTransactionAgainError
from tests.counting.daemons import Observed, SetClock, daemon, event, started

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from tests.counting.daemons import Daemon

DELIVERED, BOUNCED = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED


# --- The line alone --------------------------------------------------------------------------------------------------


@dataclass
class Scripted:
    """Counts nothing, but remembers batches, and fails as it is told to.

    Attributes:
        gate: What every batch waits for.
        failures: What to raise for a batch that holds a message of this name.
        begun: The batches that were begun, as the names of their messages.
    """

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failures: dict[str, Exception] = field(default_factory=dict)
    begun: list[list[str]] = field(default_factory=list)

    async def __call__(self, events: Sequence[DeliveryEvent], now: float) -> Report:
        assert now == SetClock().time
        names = [one.message_id for one in events]
        self.begun.append(names)
        await self.gate.wait()
        for name in names:
            if name in self.failures:
                raise self.failures[name]
        return Report()


def line(count: Scripted, observer: Observed, *, writers: int = 1, length: int = 100) -> Ingest:
    ingest = Ingest(count, SetClock(), observer, writers=writers, batch_size=10, line_length=length)
    ingest.start()
    return ingest


def submitted(ingest: Ingest, *names: str, recipients: int = 1) -> list[asyncio.Task[None]]:
    to = [f"r{number}@example.org" for number in range(recipients)]
    return [asyncio.create_task(ingest.submit(event(DELIVERED, name, *to))) for name in names]


async def ends(tasks: Sequence[asyncio.Task[None]]) -> list[str]:
    """Return how tasks end: the error's name, or an empty string."""
    errors = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    return [type(error).__name__ if error else "" for error in errors]


async def test_what_comes_while_a_batch_is_under_way_shares_the_next() -> None:
    count, observed = Scripted(), Observed()
    ingest = line(count, observed)
    first = submitted(ingest, "a")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = submitted(ingest, "b", "c", "d")
    await asyncio.sleep(0)
    busy = ingest.idle
    count.gate.set()

    assert await ends([*first, *others]) == [""] * 4
    assert count.begun == [["a"], ["b", "c", "d"]]
    assert (busy, ingest.idle) == (False, True)
    await ingest.stop()


async def test_a_batch_holds_so_many_outcomes_and_a_large_event_is_one_of_its_own() -> None:
    count = Scripted()
    ingest = line(count, Observed())
    tasks = submitted(ingest, "a", "b", "c", recipients=4) + submitted(ingest, "large", recipients=50)
    count.gate.set()

    assert await ends(tasks) == [""] * 4
    assert count.begun == [["a", "b"], ["c"], ["large"]]
    await ingest.stop()


async def test_a_full_line_takes_nothing_more() -> None:
    count = Scripted()
    ingest = line(count, Observed(), length=2)
    tasks = submitted(ingest, "a", "b")
    await asyncio.sleep(0)

    with pytest.raises(OverloadedError):
        await ingest.submit(event(DELIVERED, "c"))

    count.gate.set()
    assert await ends(tasks) == ["", ""]
    await ingest.stop()


async def test_what_was_accepted_is_committed_before_the_end_and_nothing_is_accepted_after() -> None:
    count = Scripted()
    ingest = line(count, Observed(), writers=2)
    tasks = submitted(ingest, *"abcdefgh", recipients=4)
    await asyncio.sleep(0)
    stopping = asyncio.create_task(ingest.stop())
    await asyncio.sleep(0)

    with pytest.raises(StoppedError):
        await ingest.submit(event(DELIVERED, "late"))

    count.gate.set()
    assert await ends([*tasks, stopping]) == [""] * 9


async def test_a_batch_that_the_store_cannot_take_is_refused_as_a_whole() -> None:
    count, observed = Scripted(failures={"b": StoreUnavailableError("gone")}), Observed()
    ingest = line(count, observed)
    count.gate.set()

    assert await ends(submitted(ingest, "a", "b", "c")) == ["StoreUnavailableError"] * 3
    assert count.begun == [["a", "b", "c"]]
    assert len(observed.refusals) == 1
    await ingest.stop()


async def test_a_poisonous_event_is_found_by_halving_and_its_neighbours_are_committed() -> None:
    count, observed = Scripted(failures={"f": ValueError("bad")}), Observed()
    ingest = line(count, observed)
    count.gate.set()

    assert await ends(submitted(ingest, *"abcdefgh")) == [*[""] * 5, "PoisonousEventError", "", ""]
    assert sum(observed.sizes) == 7
    assert len(count.begun) == 7  # eight, two fours, two twos, two ones
    assert [type(error) for error in observed.refusals] == [ValueError]
    await ingest.stop()


async def test_an_event_that_lost_to_others_time_and_again_is_not_called_poisonous() -> None:
    count, observed = Scripted(failures={"a": TryTransactionAgainError("DeadlockDetectedError")}), Observed()
    ingest = line(count, observed)
    count.gate.set()

    # Its sender is told to try again; a poisonous one would be put aside.
    assert await ends(submitted(ingest, "a", "b")) == ["TryTransactionAgainError", ""]
    assert len(observed.again) > 3
    await ingest.stop()


async def test_an_observer_that_fails_keeps_nobody_waiting() -> None:
    class Failing(Observed):
        def committed(self, _report: Report, _size: int, _seconds: float) -> None:
            raise RuntimeError("the metrics are broken")

    count = Scripted()
    ingest = line(count, Failing())
    count.gate.set()

    assert await ends(submitted(ingest, "a")) == [""]
    assert await ends(submitted(ingest, "b")) == [""]
    await asyncio.wait_for(ingest.stop(), 10)


async def test_a_submitter_that_gives_up_disturbs_nobody() -> None:
    count, observed = Scripted(), Observed()
    ingest = line(count, observed)
    tasks = submitted(ingest, "a", "b")
    await asyncio.sleep(0)
    tasks[0].cancel()
    count.gate.set()

    assert await ends(tasks[1:]) == [""]
    assert observed.sizes == [2]  # what was accepted is committed all the same
    await ingest.stop()


# --- The line before a real database ---------------------------------------------------------------------------------


async def poison(one: Daemon) -> None:
    """Let the database itself refuse the bad outcomes of messages with a certain name."""
    await one.pool.execute("ALTER TABLE bad_outcomes ADD CONSTRAINT no_poison CHECK (message_id <> 'poison')")


async def test_an_event_that_the_database_refuses_costs_its_neighbours_nothing(alone: Daemon) -> None:
    await poison(alone)
    events = [
        event(BOUNCED, "poison" if number in {3, 20} else f"m{number}", grant=f"g{number % 4}", sender=None)
        for number in range(30)
    ]

    async with started(alone):
        ended = await ends([asyncio.create_task(alone.ingest.submit(one)) for one in events])

    assert [place for place, error in enumerate(ended) if error] == [3, 20]
    assert ended[3] == "PoisonousEventError"
    assert len(await alone.sends()) == 28
    assert sum([(await alone.counters(grant=f"g{number}")).totals.hard_bounces for number in range(4)]) == 28


async def test_the_message_of_a_poisonous_event_names_the_kind_of_error_only(alone: Daemon) -> None:
    await poison(alone)

    async with started(alone):
        with pytest.raises(PoisonousEventError) as caught:
            await alone.ingest.submit(event(BOUNCED, "poison", "jane.doe@example.org"))

    assert str(caught.value) == "CheckViolationError while it was counted"


async def test_characters_that_the_database_cannot_hold_cost_nothing(alone: Daemon) -> None:
    events = [
        event(BOUNCED, "m\x00id", "r\x00@exam\x00ple.org", diagnostic="550 no\x00 such \x00user"),
        event(BOUNCED, "m\ud800id", "r\ud800@exa\udfffmple.org", diagnostic="550 \ud800 no such user"),
    ]

    async with started(alone):
        ended = await ends([asyncio.create_task(alone.ingest.submit(one)) for one in events])

    assert ended == ["", ""]
    assert [row["message_id"] for row in await alone.pool.fetch("SELECT * FROM bad_outcomes ORDER BY 1, message_id")]
    assert (await alone.counters(grant="grant-1")).totals.hard_bounces == 2


async def test_a_sender_that_the_database_cannot_hold_costs_its_neighbours_nothing(alone: Daemon) -> None:
    events = [
        event(DELIVERED, f"m{n}", grant=None, sender="a\ud800@b.example" if n == 2 else "a@b.example") for n in range(5)
    ]

    async with started(alone):
        ended = await ends([asyncio.create_task(alone.ingest.submit(one)) for one in events])

    assert [place for place, error in enumerate(ended) if error] == [2]
    assert (await alone.counters(address="a@b.example")).totals.sends == 4


async def test_ten_thousand_recipients_are_as_many_sends(alone: Daemon) -> None:
    many = event(BOUNCED, "m", *(f"r{number}@example.org" for number in range(10_000)))

    async with started(alone):
        await alone.ingest.submit(many)
        await alone.ingest.submit(many)

    assert (await alone.counters(grant="grant-1")).totals.hard_bounces == 10_000
    assert [report.outcomes for report in alone.observed.reports] == [{"counted": 10_000}, {"repeated": 10_000}]


async def test_a_deadlock_is_tried_again_and_no_submitter_sees_it(database_url: str) -> None:
    # Whoever waits longest finds a deadlock and ends it: here that is the daemon, after no time.
    async with daemon(database_url, server_settings={"deadlock_timeout": "20ms"}) as one:
        await one.take(event(DELIVERED, "m1", grant="g1", sender=None), event(DELIVERED, "m2", grant="g2", sender=None))
        numbers = sorted([(await one.row(grant=grant))["account"] for grant in ("g1", "g2")])
        lock = "SELECT FROM circuits WHERE account = $1 FOR UPDATE"
        outside = await asyncpg.connect(database_url, server_settings={"deadlock_timeout": "60s"})
        try:
            async with started(one):
                async with outside.transaction():
                    await outside.execute(lock, numbers[1])
                    tasks = [
                        asyncio.create_task(
                            one.ingest.submit(event(BOUNCED, f"late-{grant}", grant=grant, sender=None))
                        )
                        for grant in ("g1", "g2")
                    ]
                    await one_waits_for_a_lock(outside)
                    await outside.execute(lock, numbers[0])
                assert await ends(tasks) == ["", ""]
        finally:
            await outside.close()

        assert [str(error) for error in one.observed.again][:1] == ["DeadlockDetectedError"]
        assert one.observed.refusals == []
        assert [(await one.counters(grant=grant)).totals.hard_bounces for grant in ("g1", "g2")] == [1, 1]


async def one_waits_for_a_lock(connection: asyncpg.Connection) -> None:
    """Return once another connection to this database waits for a lock."""
    for _ in range(2000):
        if await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            return
    raise AssertionError("nobody waits for a lock")


async def test_a_database_that_cannot_write_or_ends_every_connection_is_unavailable_until_it_can(
    database_url: str,
) -> None:
    async with daemon(database_url, connections=2) as one, started(one):
        before = await ends(deliveries(one, "before"))
        await restarted(database_url, "SET default_transaction_read_only = on")
        meanwhile = await ends(deliveries(one, "a", "b", "c"))
        await restarted(database_url, "RESET default_transaction_read_only")
        after = await ends(deliveries(one, "a", "b", "c"))

        assert before == [""]
        assert meanwhile == ["StoreUnavailableError"] * 3
        assert after == [""] * 3
        assert (await one.counters(grant="grant-1")).totals.sends == 4


def deliveries(one: Daemon, *messages: str) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(one.ingest.submit(event(DELIVERED, message))) for message in messages]


async def restarted(url: str, setting: str) -> None:
    """Change a database's setting, and end everybody else's connections to it, as a restart would."""
    connection = await asyncpg.connect(url)
    try:
        name = await connection.fetchval("SELECT current_database()")
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute(f"ALTER DATABASE {name} {setting}")
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
