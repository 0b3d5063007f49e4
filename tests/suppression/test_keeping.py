"""Recipients that are kept in the transaction that counts their outcomes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.adapters.postgres.suppressions import PostgresSuppressions
from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind
from breaker.domain.platform.suppression import Reason, Suppressing
from breaker.ports import SuppressedRow, SuppressionCounts
from tests.counting.daemons import APPLICATION, DAY, NOW, SIMULATOR, Daemon, daemon, event

if TYPE_CHECKING:
    from breaker.domain.outcomes.outcomes import DeliveryEvent

SUPPRESSING = Suppressing(frozenset(Reason), 365 * DAY)
BOUNCED, COMPLAINT, DELIVERED = OutcomeKind.BOUNCED, OutcomeKind.COMPLAINT, OutcomeKind.DELIVERED


async def count(one: Daemon, *events: DeliveryEvent) -> dict[str, int]:
    """Count with suppression on; return how many recipients were suppressed, by reason."""
    report = await replace(one.count, suppressing=SUPPRESSING)(events, NOW)
    return dict(report.suppressed)


async def test_who_bounced_as_unknown_or_complained_is_kept_and_nobody_else(database_url: str) -> None:
    async with daemon(database_url) as one:
        kept = await count(
            one,
            event(BOUNCED, "m1", "gone@example.org", sent_at=NOW - 300),
            event(BOUNCED, "m2", "full@example.org", bounce_class=BounceClass.MAILBOX_FULL),
            event(COMPLAINT, "m3", "angry@example.org", sent_at=NOW - 200),
            event(DELIVERED, "m4", "fine@example.org"),
            event(BOUNCED, "m5", f"bounce@{SIMULATOR}"),
        )
        rows = await PostgresSuppressions(one.pool).all(10)

    assert kept == {"unknown_recipient": 1, "complaint": 1}
    assert rows == [
        SuppressedRow(APPLICATION, "angry@example.org", Reason.COMPLAINT, NOW - 195, NOW - 195, 1, listed=False),
        SuppressedRow(APPLICATION, "gone@example.org", Reason.UNKNOWN_RECIPIENT, NOW - 295, NOW - 295, 1, listed=False),
    ]


async def test_a_repeated_notification_counts_once_and_another_bounce_is_the_latest(database_url: str) -> None:
    bounce = event(BOUNCED, "m1", "gone@example.org", sent_at=NOW - 300)
    async with daemon(database_url) as one:
        await count(one, bounce, bounce)
        again = await count(one, bounce)
        await count(one, event(BOUNCED, "m2", "gone@example.org", sent_at=NOW - 100, grant="g-2", sender="b@x.example"))
        [row] = await PostgresSuppressions(one.pool).all(10)

    assert again == {}
    assert (row.first_at, row.last_at, row.times) == (NOW - 295, NOW - 95, 2)


async def test_a_complaint_outweighs_bounces_whatever_came_first(database_url: str) -> None:
    async with daemon(database_url) as one:
        await count(
            one,
            event(COMPLAINT, "m1", "first@example.org"),
            event(BOUNCED, "m2", "first@example.org"),
            event(BOUNCED, "m3", "second@example.org"),
        )
        await count(one, event(COMPLAINT, "m4", "second@example.org"), event(BOUNCED, "m5", "first@example.org"))
        rows = await PostgresSuppressions(one.pool).all(10)

    assert {row.address: (row.reason, row.times) for row in rows} == {
        "first@example.org": (Reason.COMPLAINT, 3),
        "second@example.org": (Reason.COMPLAINT, 2),
    }


async def test_a_delivery_does_not_end_it(database_url: str) -> None:
    async with daemon(database_url) as one:
        await count(one, event(BOUNCED, "m1", "gone@example.org"))
        await count(one, event(DELIVERED, "m2", "gone@example.org"), event(DELIVERED, "m1", "gone@example.org"))
        rows = await PostgresSuppressions(one.pool).all(10)

    assert [row.address for row in rows] == ["gone@example.org"]


async def test_where_it_is_off_no_statement_is_said_of_it_and_nobody_is_kept(database_url: str) -> None:
    said: list[str] = []
    async with daemon(database_url, log=lambda query: said.append(query.query)) as one:
        await one.take(event(BOUNCED, "m1", "gone@example.org"), event(COMPLAINT, "m2", "angry@example.org"))
        while_counting = list(said)
        kept = await PostgresSuppressions(one.pool).all(10)

    assert kept == []
    assert not [query for query in while_counting if "suppressions" in query]


async def test_the_latest_are_wanted_the_others_have_no_room_and_old_ones_expire(database_url: str) -> None:
    async with daemon(database_url) as one:
        await count(
            one,
            *(event(BOUNCED, f"m{day}", f"r{day}@example.org", sent_at=NOW - day * DAY) for day in range(1, 7)),
        )
        store = PostgresSuppressions(one.pool)
        wanted = await store.wanted(APPLICATION, 3)
        await store.note_written(APPLICATION, ["r2@example.org"])
        unwritten = await store.unwritten(APPLICATION, 3, 10)
        await store.note_listed(APPLICATION, ["r2@example.org", "stranger@example.org"])
        counts = await store.counts(APPLICATION, 3)
        expired = await store.expire(APPLICATION, NOW - 4 * DAY)
        left = [row.address for row in await store.all(10)]

    assert wanted == ["r1@example.org", "r2@example.org", "r3@example.org"]
    assert unwritten == ["r1@example.org", "r3@example.org"]
    assert counts == SuppressionCounts(6, 1, 3)
    assert (expired, left) == (2, ["r1@example.org", "r2@example.org", "r3@example.org", "r4@example.org"])


async def test_the_table_says_itself_what_it_holds(database_url: str) -> None:
    async with daemon(database_url) as one:
        comment = await one.pool.fetchval("SELECT obj_description('suppressions'::regclass)")

    assert comment.startswith("Addresses of recipients in clear text")
