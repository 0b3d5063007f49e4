from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.guard import Limits
from breaker.domain.circuits.circuit import Mode, act, apply
from breaker.domain.circuits.states import Cause
from breaker.domain.outcomes.outcomes import OutcomeKind
from tests.counting.daemons import DAY, NOW, SIMPLE, daemon, event, started

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from tests.counting.daemons import Daemon

DELIVERED, BOUNCED = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED
NO_LIMIT = (10_000, 0.0)


def guarded(
    in_window: tuple[int, float] = NO_LIMIT,
    in_all: tuple[int, float] = NO_LIMIT,
    in_group: tuple[int, float] = NO_LIMIT,
) -> Limits:
    return Limits(600.0, in_window, in_all, in_group)


def going_bad(number: int, domain: str | None = None) -> list[DeliveryEvent]:
    """Return events for which an account has to be stopped: a quarter of 20 sends bounced."""
    at = domain or f"d{number}.example"
    return [
        event(BOUNCED if message < 5 else DELIVERED, f"m{message}", grant=f"g{number}", sender=f"a{number}@{at}")
        for message in range(19, -1, -1)
    ]


def healthy(numbers: Iterable[int], domain: str | None = None) -> list[DeliveryEvent]:
    return [event(DELIVERED, "well", grant=f"g{n}", sender=f"h{n}@{domain or f'd{n}.example'}") for n in numbers]


async def standings(one: Daemon) -> Counter[str]:
    """Count accounts by what was done about them: the state, or what held the verdict."""
    rows = await one.pool.fetch("SELECT state, pending_held_by FROM circuits")
    return Counter(row["pending_held_by"] or row["state"] for row in rows)


async def commanded(one: Daemon) -> int:
    return int(await one.pool.fetchval("SELECT count(DISTINCT account) FROM commands"))


async def test_no_more_are_stopped_within_one_batch_than_the_guard_allows(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE, limits=guarded(in_window=(5, 0.01))) as one:
        report = await one.take(*(each for number in range(9) for each in going_bad(number)))

        assert await standings(one) == {"stopped": 5, "guard": 4}
        assert await commanded(one) == 5
        assert Counter(given.verdict.held_by for given in report.given) == {None: 5, "guard": 4}
        assert all(given.verdict.why.count("stopped") == 1 for given in report.given)


@pytest.mark.parametrize("limit", [{"in_window": (3, 0.0)}, {"in_all": (3, 0.0)}])
async def test_no_more_are_stopped_by_two_daemons_at_once(
    database_url: str, limit: dict[str, tuple[int, float]]
) -> None:
    settings = {"mode": Mode.ENFORCE, "profile": SIMPLE, "limits": guarded(**limit), "batch_size": 20, "writers": 3}
    async with daemon(database_url, **settings) as first, daemon(database_url, **settings) as second:  # type: ignore[arg-type] # by name
        async with started(first), started(second):
            await asyncio.gather(
                *((first, second)[number % 2].ingest.submit(each) for number in range(10) for each in going_bad(number))
            )

        assert await standings(first) == {"stopped": 3, "guard": 7}
        assert first.observed.refusals == second.observed.refusals == []


async def test_a_domain_is_not_stopped_as_a_whole(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE, limits=guarded(in_group=(3, 0.25))) as one:
        await one.take(*(each for number in range(6) for each in going_bad(number, "one.example")))
        await one.take(*(each for number in range(6, 8) for each in going_bad(number, "other.example")))

        assert await standings(one) == {"stopped": 5, "guard": 3}


async def test_a_workspace_is_not_stopped_as_a_whole_wherever_its_accounts_were_put(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE, limits=guarded(in_group=(2, 0.0))) as one:
        await one.take(*healthy(range(4)))
        await one.pool.execute("UPDATE accounts SET workspace_id = 'home'")
        for number in range(4):
            await one.take(*going_bad(number))
            await one.pool.execute(
                "UPDATE accounts SET workspace_id = 'quarantine', home_workspace_id = 'home' "
                "WHERE account IN (SELECT account FROM circuits WHERE state = 'stopped')"
            )

        assert await standings(one) == {"stopped": 2, "guard": 2}


async def test_a_share_of_a_large_fleet_is_more_than_the_number(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE, limits=guarded(in_window=(2, 0.1))) as one:
        await one.take(*healthy(range(40)))
        await one.take(*(each for number in range(9) for each in going_bad(number)))

        assert await standings(one) == {"stopped": 4, "guard": 5, "sending": 31}


async def test_accounts_that_were_silent_for_a_week_make_no_fleet(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE, limits=guarded(in_window=(2, 0.1))) as one:
        await one.take(*healthy(range(40)), now=NOW - 8 * DAY)
        await one.take(*(each for number in range(9) for each in going_bad(number)))

        assert (await standings(one))["stopped"] == 2


async def test_the_first_limit_looks_back_ten_minutes(database_url: str) -> None:
    limits = guarded(in_window=(2, 0.0), in_all=(5, 0.0))
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE, limits=limits) as one:
        stopped = []
        for round_, now in enumerate((NOW, NOW + 599, NOW + 601, NOW + 1300)):
            numbers = range(10 * round_, 10 * round_ + 4)
            await one.take(*(each for number in numbers for each in going_bad(number)), now=now)
            stopped.append((await standings(one))["stopped"])

        # Two in ten minutes, and five in all.
        assert stopped == [2, 2, 4, 5]


async def test_what_people_stop_and_what_was_found_stopped_takes_no_room(database_url: str) -> None:
    limits = guarded(in_window=(1, 0.0), in_all=(1, 0.0), in_group=(1, 0.0))
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE, limits=limits) as one:
        await one.take(*healthy(range(4), "one.example"))
        for number, cause in enumerate((Cause.TRIPPED, Cause.ADOPTED, Cause.TRIPPED)):
            await acted(one, f"g{number}", cause)
        await one.take(*going_bad(3, "one.example"))

        assert await standings(one) == {"stopped": 4}


async def acted(one: Daemon, grant: str, cause: Cause) -> None:
    number = (await one.row(grant=grant))["account"]
    async with PostgresCircuits(one.pool, one.sizes).transaction() as transaction:
        account, circuit, counters = (await transaction.load([number]))[number]
        verdict = act(circuit, cause, NOW, "ada", "because")
        assert verdict
        number = await transaction.record_verdict(account, verdict, {})
        await transaction.save(account, apply(circuit, verdict, number), counters)


async def test_who_was_let_go_takes_no_room_any_more(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE, limits=guarded(in_all=(1, 0.0))) as one:
        await one.take(*going_bad(0))
        await acted(one, "g0", Cause.RESET)
        await one.take(*going_bad(1))

        assert await standings(one) == {"sending": 1, "stopped": 1}


async def test_observed_accounts_take_no_room(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.OBSERVE, profile=SIMPLE, limits=guarded(in_window=(1, 0.0))) as one:
        await one.take(*(each for number in range(4) for each in going_bad(number)))

        assert await standings(one) == {"observe": 4}
        assert await commanded(one) == 0


async def test_what_the_guard_holds_is_held_once_and_stopped_when_there_is_room(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE, limits=guarded(in_window=(1, 0.0))) as one:
        await one.take(*going_bad(0), *going_bad(1))
        again = await one.take(event(BOUNCED, "more", grant="g1", sender="a1@d1.example"), now=NOW + 10)
        later = await one.take(event(BOUNCED, "much more", grant="g1", sender="a1@d1.example"), now=NOW + 700)

        assert again.given == []
        assert [given.verdict.held_by for given in later.given] == [None]
        assert await standings(one) == {"stopped": 2}
        assert await commanded(one) == 2
