from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from breaker.adapters.postgres.partitions import Partitions
from breaker.domain.outcomes.outcomes import OutcomeKind
from tests.counting.daemons import DAY, NOW, daemon, event, started

if TYPE_CHECKING:
    import asyncpg

    from tests.counting.daemons import Daemon

DELIVERED, BOUNCED = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED
TODAY = int(NOW // DAY)


async def days(pool: asyncpg.Pool) -> dict[str, list[int]]:
    """Return the days that there are partitions of, relative to today, by table."""
    rows = await pool.fetch(
        """
        SELECT p.relname AS parent, extract(epoch FROM to_date(right(c.relname, 8), 'YYYYMMDD'))::int / 86400 AS day
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.relkind = 'p' ORDER BY 1, 2
        """
    )
    found: dict[str, list[int]] = {"ledger": [], "bad_outcomes": []}
    for row in rows:
        found[row["parent"]].append(row["day"] - TODAY)
    return found


async def test_days_are_made_ahead_and_only_once(alone: Daemon) -> None:
    partitions = Partitions(alone.pool, ahead=3)
    await partitions.make_ahead(NOW)
    await partitions.make_ahead(NOW)
    await Partitions(alone.pool, ahead=3).make_ahead(NOW)

    assert await days(alone.pool) == {"ledger": [-1, 0, 1, 2, 3], "bad_outcomes": [-1, 0, 1, 2, 3]}


async def test_a_day_that_a_send_needs_is_made_on_demand(alone: Daemon) -> None:
    await alone.take(event(BOUNCED, "m1", sent_at=NOW - 89 * DAY), event(DELIVERED, "m2", sent_at=NOW))

    assert await days(alone.pool) == {"ledger": [-89, 0], "bad_outcomes": [-89, 0]}
    assert len(await alone.sends()) == 2


async def test_each_day_holds_exactly_its_own_sends(alone: Daemon) -> None:
    midnight = TODAY * DAY
    await alone.take(event(BOUNCED, "last", sent_at=midnight - 1), event(BOUNCED, "first", sent_at=midnight))
    rows = await alone.pool.fetch("SELECT sent_at, tableoid::regclass::text AS place FROM ledger ORDER BY 1")

    assert [tuple(row) for row in rows] == [(midnight - 1, "ledger_20260920"), (midnight, "ledger_20260921")]


async def test_days_are_dropped_with_all_that_is_in_them_when_they_are_over(alone: Daemon) -> None:
    midnight = TODAY * DAY
    for age in range(4):
        await alone.take(event(BOUNCED, f"m{age}", sent_at=midnight - age * DAY))

    dropped = await alone.partitions.drop_before(midnight - 2 * DAY + DAY / 2)
    again = await alone.partitions.drop_before(midnight - 2 * DAY)

    assert (dropped, again) == (2, 0)
    assert await days(alone.pool) == {"ledger": [-2, -1, 0], "bad_outcomes": [-2, -1, 0]}
    assert [sent_at for _, sent_at, _ in await alone.sends()] == [midnight, midnight - DAY, midnight - 2 * DAY]


async def test_a_day_that_was_dropped_is_made_again_if_need_be(alone: Daemon) -> None:
    await alone.take(event(DELIVERED, "m1", sent_at=NOW - 5 * DAY))
    await alone.partitions.drop_before(NOW)
    await alone.take(event(DELIVERED, "m2", sent_at=NOW - 5 * DAY))

    assert len(await alone.sends()) == 1


async def test_a_day_that_another_daemon_dropped_is_made_again(database_url: str) -> None:
    async with daemon(database_url) as first, daemon(database_url) as second, started(first):
        await first.ingest.submit(event(DELIVERED, "m1", sent_at=NOW - 5 * DAY))
        await second.partitions.drop_before(NOW)
        await first.ingest.submit(event(DELIVERED, "m2", sent_at=NOW - 5 * DAY))

        assert len(await first.sends()) == 1
        assert first.observed.refusals == []


async def test_daemons_may_make_and_fill_the_same_days_at_once(database_url: str) -> None:
    async with daemon(database_url) as first, daemon(database_url) as second:
        async with started(first), started(second):
            await asyncio.gather(
                *(
                    one.ingest.submit(
                        event(BOUNCED, f"m{day}", sent_at=NOW - day * DAY, grant=f"g{day % 3}", sender=None)
                    )
                    for day in range(12)
                    for one in (first, second)
                ),
                *(Partitions(one.pool, ahead=2).make_ahead(NOW) for one in (first, second)),
            )

        assert len(await first.sends()) == 12
        assert first.observed.refusals == second.observed.refusals == []
