"""Stops that don't hold: mail that leaves later than the platform's queue explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.reading.stops import PostgresStops
from breaker.domain.circuits.circuit import Mode
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.platform.stop_evidence import StopEvidence
from breaker.domain.probes.probe import QUEUE
from breaker.flows.watch_stops import WatchStops
from tests.counting.daemons import NOW, SIMPLE, daemon, event

if TYPE_CHECKING:
    from breaker.ports import Account
    from tests.counting.daemons import Daemon

DELIVERED, BOUNCED, REJECTED = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED, OutcomeKind.REJECTED
CONFIRMED_AT = NOW + 5
LATE = int(CONFIRMED_AT + QUEUE + 1)


class Told:
    """What was told: account, sends, the last one's time, and whether it was the first of its stop."""

    def __init__(self) -> None:
        self.leaks: list[tuple[str, int, float, bool]] = []

    def sent_after_stop(self, account: Account, sends: int, last_sent_at: float, *, first: bool) -> None:
        self.leaks.append((account.id, sends, last_sent_at, first))


async def stop(one: Daemon, *, confirmed: bool = True) -> None:
    """Let an account be stopped at `NOW`, and the platform be read back five seconds later."""
    await one.take(*(event(DELIVERED, f"d{number}") for number in range(20)))
    await one.take(*(event(BOUNCED, f"b{number}") for number in range(6)))
    assert (await one.row(grant="grant-1"))["state"] == "stopped"
    if confirmed:
        await one.pool.execute("UPDATE circuits SET confirmed = 'stopped', confirmed_at = $1", CONFIRMED_AT)


async def watched(one: Daemon, told: Told, *sends: tuple[OutcomeKind, str, float]) -> int:
    """Let sends become known, and look at them."""
    watch = WatchStops(PostgresStops(one.pool), told)
    report = await one.take(*(event(kind, name, sent_at=at) for kind, name, at in sends), now=NOW + 1_000)
    watch.note(report.after_stop)
    return await watch()


async def test_mail_that_left_long_after_a_stop_is_told_once_and_counted_each_time(database_url: str) -> None:
    told = Told()
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE) as one:
        await stop(one)
        watch = WatchStops(PostgresStops(one.pool), told)
        for name in ("first", "second"):
            sends = [event(DELIVERED, f"{name}-{number}", sent_at=LATE + number) for number in range(3)]
            watch.note((await one.take(*sends, now=NOW + 1_000)).after_stop)
            assert await watch() == 3
        number = (await one.row(grant="grant-1"))["account"]

        assert told.leaks == [("grant-1", 3, LATE + 2, True), ("grant-1", 3, LATE + 2, False)]
        assert await PostgresStops(one.pool).evidence(number) == StopEvidence(CONFIRMED_AT, None, 6, LATE + 2)
        assert await watch() == 0


@pytest.mark.parametrize(
    ("kind", "sent_at"),
    [
        (DELIVERED, NOW - 10),  # before the stop, and heard of late
        (DELIVERED, CONFIRMED_AT + 80),  # in the platform's queue when the stop came
        (DELIVERED, NOW + QUEUE + 2),  # late for the decision, and not for the confirmation
        (REJECTED, LATE),  # a virus: it never left
    ],
)
async def test_mail_from_the_platforms_queue_is_not_taken_for_a_failed_stop(
    database_url: str, kind: OutcomeKind, sent_at: float
) -> None:
    told = Told()
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE) as one:
        await stop(one)

        assert await watched(one, told, (kind, "late", sent_at)) == 0
        number = (await one.row(grant="grant-1"))["account"]
        assert await PostgresStops(one.pool).evidence(number) == StopEvidence(CONFIRMED_AT, None, 0, None)
        assert told.leaks == []


async def test_a_send_that_is_known_already_leaks_no_second_time(database_url: str) -> None:
    told = Told()
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE) as one:
        await stop(one)

        assert await watched(one, told, (DELIVERED, "late", LATE)) == 1
        assert await watched(one, told, (OutcomeKind.COMPLAINT, "late", LATE), (DELIVERED, "late", LATE)) == 0


async def test_a_stop_that_was_never_read_back_has_not_leaked(database_url: str) -> None:
    told = Told()
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE) as one:
        await stop(one, confirmed=False)

        assert await watched(one, told, (DELIVERED, "late", LATE)) == 0
        number = (await one.row(grant="grant-1"))["account"]
        assert await PostgresStops(one.pool).evidence(number) is None


async def test_who_may_send_is_not_looked_at(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE) as one:
        report = await one.take(event(DELIVERED, "a", sent_at=LATE), now=NOW + 1_000)

        assert report.after_stop == []


async def test_a_refused_send_shows_that_a_stop_holds_and_an_older_one_does_not(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE) as one:
        await stop(one)
        stops, number = PostgresStops(one.pool), (await one.row(grant="grant-1"))["account"]
        seen = []
        for refused_at in (NOW - 1, NOW + 30):
            await one.pool.execute(
                "INSERT INTO evaluations_read (account, read_at, until, refused, last_refused_at) "
                "VALUES ($1, $2, $2, 1, $2) ON CONFLICT (account) DO UPDATE SET last_refused_at = $2",
                number,
                refused_at,
            )
            evidence = await stops.evidence(number)
            seen.append(evidence.refused_at if evidence else None)

        assert seen == [None, NOW + 30]
