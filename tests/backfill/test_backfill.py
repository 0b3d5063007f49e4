"""History beside webhooks: exactly once, whoever comes first, and going on where it was cut off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.nylas.send_events import NylasSendEvents
from breaker.adapters.postgres.backfilled import PostgresBackfilled
from breaker.domain.outcomes.spans import Span
from breaker.flows.backfill import BusyError
from breaker.simulator.faults import Fault, FaultKind
from tests.backfill.past import DAY, Past, as_the_platform_counts, books, past, untold
from tests.counting.daemons import SIMPLE, daemon

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from breaker.domain.outcomes.history import SendEvent
    from breaker.flows.backfill import Progress
    from tests.conftest import Cluster


@pytest.fixture
async def lived() -> AsyncIterator[Past]:
    async with past() as one:
        yield one


async def test_a_backfill_after_webhooks_changes_no_count(lived: Past, database_url: str) -> None:
    async with daemon(database_url) as one:
        await lived.hear(one, lived.events())
        heard = await books(one)

        done = await lived.backfill(one)(lived.span, untold)

        assert await books(one) == heard
        assert (done.outcomes["counted"], done.outcomes["repeated"]) == (0, sum(_recipients(lived)))


async def test_webhooks_after_a_backfill_change_no_count(lived: Past, database_url: str) -> None:
    async with daemon(database_url) as one:
        await lived.backfill(one)(lived.span, untold)
        read = await books(one)

        await lived.hear(one, lived.events())

        assert await books(one) == read


async def test_webhooks_and_a_backfill_make_the_same_books(lived: Past, cluster: Cluster) -> None:
    async with (
        cluster.database() as first,
        cluster.database() as second,
        daemon(first) as hears,
        daemon(second) as reads,
    ):
        await lived.hear(hears, lived.events())
        await lived.backfill(reads)(lived.span, untold)

        assert await books(reads) == await books(hears)


async def test_where_half_of_the_webhooks_were_lost_the_counts_become_the_platforms_own(
    lived: Past, database_url: str
) -> None:
    async with daemon(database_url) as one:
        await lived.hear(one, lived.events()[::2])
        platform = await lived.of_the_platform()
        assert await as_the_platform_counts(one) != platform

        await lived.backfill(one)(lived.span, untold)

        assert await as_the_platform_counts(one) == platform


async def test_a_backfill_and_webhooks_at_the_same_time_count_everything_once(lived: Past, cluster: Cluster) -> None:
    async with cluster.database() as first, cluster.database() as second, daemon(first) as hears:
        await lived.hear(hears, lived.events())
        async with daemon(second) as serves, daemon(second) as reads:
            await asyncio.gather(
                lived.hear(serves, lived.events()),
                lived.backfill(reads)(lived.span, untold),
            )

            assert await books(reads) == await books(hears)


async def test_a_second_run_reads_only_what_may_have_come_late_and_changes_nothing(
    lived: Past, database_url: str
) -> None:
    async with daemon(database_url) as one:
        await lived.backfill(one)(lived.span, untold)
        read, asked = await books(one), len(lived.statuses)

        again = await lived.backfill(one)(lived.span, untold)

        assert (again.seconds_missing, again.events, again.given) == (600, 0, [])
        assert len(lived.statuses) == asked + 1
        assert await books(one) == read


class CutOff(Exception):  # noqa: N818 - it stands for the end of a process
    """The process ends here."""


class EndsBeforeItIsNoted(PostgresBackfilled):
    """Remembers what was read, except every other time, when the process ends just before."""

    calls = 0

    async def add(self, application_id: str, span: Span) -> None:
        self.calls += 1
        if self.calls % 2:
            raise CutOff
        await super().add(application_id, span)


async def test_what_was_cut_off_goes_on_where_it_was(lived: Past, cluster: Cluster) -> None:
    async with cluster.database() as first, cluster.database() as second, daemon(first) as whole, daemon(second) as one:
        await lived.backfill(whole)(lived.span, untold)

        def cut_off(progress: Progress) -> None:
            if progress.events:
                raise CutOff

        cuts, ends = 0, EndsBeforeItIsNoted(one.pool, one.identities)
        while True:
            backfill = lived.backfill(one)
            backfill.backfilled = ends
            try:
                last = await backfill(Span(lived.span.ends_at - 10 * DAY, lived.span.ends_at), cut_off)
            except CutOff:
                cuts += 1
                continue
            break

        assert cuts > 10
        assert (last.events, await one.pool.fetchval("SELECT count(*) FROM backfilled")) == (0, 1)
        assert await books(one) == await books(whole)


async def test_what_the_platform_refuses_for_a_while_is_read_later(lived: Past, database_url: str) -> None:
    lived.world.platform.add_fault(Fault(FaultKind.STATUS, path="/v3/activity", times=2, status=500))
    async with daemon(database_url) as one:
        await lived.backfill(one)(lived.span, untold)

        assert await as_the_platform_counts(one) == await lived.of_the_platform()
        assert (lived.statuses[:3], lived.clock.slept) == (["500", "500", "200"], [1.0, 2.0])


async def test_a_backfill_stops_nobody_and_what_it_finds_is_pending(lived: Past, database_url: str) -> None:
    world = lived.world
    grant = world.application.add_grant("bad@agents.example.com")
    for number in range(40):
        message = world.application.send(grant.id, [f"nobody-{number}@y.example"])
        await world.clock.advance(60)
        world.application.bounce(message)
    async with daemon(database_url, profile=SIMPLE) as one:
        backfill = lived.backfill(one)
        done = await backfill(lived.span, untold)

        [given] = [verdict for verdict in done.given if verdict.account.address == "bad@agents.example.com"]
        row = await one.row(address="bad@agents.example.com")
        assert (row["state"], row["pending_to"], row["pending_verdict"]) == ("sending", "stopped", given.id)
        assert (row["epoch"], await one.pool.fetchval("SELECT count(*) FROM commands")) == (0, 0)
        assert (await lived.backfill(one)(lived.span, untold)).given == []


async def test_two_processes_do_not_read_the_same_history(lived: Past, database_url: str) -> None:
    async with daemon(database_url) as one:
        first, second = lived.backfill(one), lived.backfill(one, "backfill-2")
        async with first.lease.kept():
            assert await first.lease.ensure()
            with pytest.raises(BusyError):
                await second(lived.span, untold)


async def test_history_makes_no_account_active_that_is_not(lived: Past, database_url: str) -> None:
    await lived.world.clock.advance(20 * DAY)
    async with daemon(database_url) as one:
        await lived.backfill(one)(lived.span, untold)

        latest = max(event.occurred_at for event in lived.events())
        assert await one.pool.fetchval("SELECT max(last_event_at) FROM circuits") == latest
        assert await one.pool.fetchval("SELECT max(received_at) FROM bad_outcomes") <= latest


async def test_a_part_that_is_read_again_counts_once(lived: Past, database_url: str) -> None:
    async with daemon(database_url) as one:
        await lived.backfill(one)(lived.span, untold)
        read = await books(one)
        now = int(lived.clock.now())

        again = await lived.backfill(one)(Span(now - 8 * DAY, now), untold, again=True)

        assert (again.seconds_missing, again.outcomes["counted"], again.outcomes["repeated"] > 100) == (
            8 * DAY,
            0,
            True,
        )
        assert await books(one) == read


async def test_an_event_that_the_database_refuses_is_left_out_alone(lived: Past, database_url: str) -> None:
    class WithAPoisonousOne(NylasSendEvents):
        async def within(self, span: Span) -> AsyncIterator[Sequence[SendEvent]]:
            async for page in super().within(span):
                yield [one._replace(grant_id="\x00") if one.message_id == poisonous else one for one in page]

    poisonous = lived.events()[3].message_id
    async with daemon(database_url) as one:
        backfill = lived.backfill(one)
        backfill.history = WithAPoisonousOne(lived.transport, "app-1")

        done = await backfill(lived.span, untold)

        of_it = sum(len(event.recipients) for event in lived.events() if event.message_id == poisonous)
        assert done.outcomes == {"refused": of_it, "counted": sum(_recipients(lived)) - of_it}


def _recipients(lived: Past) -> list[int]:
    return [len(event.recipients) for event in lived.events()]
