from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.domain.outcomes.outcomes import NOTHING, BounceClass, OutcomeKind, OutcomeSet, Tally
from breaker.domain.windows.counters import Counters, WindowSizes
from breaker.ports import TryTransactionAgainError
from tests.counting.daemons import DAY, FEEDBACK, NOW, SIMULATOR, Daemon, daemon, event
from tests.counting.histories import wrong_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.outcomes.outcomes import DeliveryEvent

DELIVERED, BOUNCED = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED
COMPLAINT, REJECTED = OutcomeKind.COMPLAINT, OutcomeKind.REJECTED
FULL = BounceClass.MAILBOX_FULL
MIDNIGHT = NOW // DAY * DAY


async def totals(one: Daemon) -> Tally:
    return (await one.counters(grant="grant-1")).totals


# --- The table of what a send counts for -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([event(DELIVERED, "m")], Tally(1, 0, 0, 1, 0, 0, 0, 0)),
        ([event(DELIVERED, "m"), event(BOUNCED, "m")], Tally(1, 1, 1, 1, 0, 0, 0, 0)),
        ([event(COMPLAINT, "m")], Tally(1, 0, 0, 1, 1, 0, 0, 0)),
        ([event(COMPLAINT, "m"), event(COMPLAINT, "m"), event(DELIVERED, "m")], Tally(1, 0, 0, 1, 1, 0, 0, 0)),
        ([event(BOUNCED, "m", bounce_class=FULL), event(DELIVERED, "m")], Tally(1, 0, 1, 1, 0, 0, 0, 0)),
        ([event(BOUNCED, "m"), event(BOUNCED, "m", bounce_class=FULL)], Tally(1, 1, 1, 0, 0, 0, 0, 0)),
        ([event(REJECTED, "m", "a@x.example", "b@x.example")], Tally(0, 0, 0, 0, 0, 2, 0, 0)),
        (
            [event(DELIVERED, "m", "a@x.example", "b@x.example"), event(BOUNCED, "m", "a@x.example")],
            Tally(2, 1, 1, 2, 0, 0, 0, 0),
        ),
        (
            [event(DELIVERED, "m", f"a@{FEEDBACK}"), event(COMPLAINT, "m", f"a@{FEEDBACK}")],
            Tally(1, 0, 0, 1, 1, 0, 1, 1),
        ),
        ([event(DELIVERED, "m", "a@x.example", "a@x.example")], Tally(1, 0, 0, 1, 0, 0, 0, 0)),
        ([event(DELIVERED, "m"), event(DELIVERED, "n", "m@example.org")], Tally(2, 0, 0, 2, 0, 0, 0, 0)),
    ],
)
async def test_a_send_counts_for_what_the_table_says(
    alone: Daemon, outcomes: list[DeliveryEvent], expected: Tally
) -> None:
    for grant, in_order in (("grant-1", outcomes), ("grant-2", outcomes[::-1])):
        for one in in_order:
            await alone.take(one._replace(grant_id=grant, sender=None))
    for grant, in_order in (("grant-3", outcomes), ("grant-4", outcomes[::-1])):
        await alone.take(*(one._replace(grant_id=grant, sender=None) for one in in_order))

    counted = [(await alone.counters(grant=f"grant-{number}")).totals for number in range(1, 5)]
    assert counted == [expected] * 4


async def test_both_families_of_triggers_tell_of_the_same_send(alone: Daemon) -> None:
    await alone.take(event(DELIVERED, "m"), event(BOUNCED, "n"))
    report = await alone.take(event(DELIVERED, "m", grant=None), event(BOUNCED, "n", grant=None))

    assert report.outcomes == {"repeated": 2}
    assert await totals(alone) == Tally(2, 1, 1, 1, 0, 0, 0, 0)


async def test_another_applications_message_of_the_same_name_is_another_send(alone: Daemon) -> None:
    await alone.take(event(DELIVERED, "m"), event(DELIVERED, "m", grant="grant-2", sender=None, application="app-2"))

    assert [outcomes for _, _, outcomes in await alone.sends()] == [1, 1]


# --- When a send was -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("second", [MIDNIGHT, MIDNIGHT - 1, MIDNIGHT - 3 * 3600])
async def test_the_first_known_time_of_sending_holds_whatever_day_the_next_names(alone: Daemon, second: float) -> None:
    for number, difference in enumerate([1, 5 * 3600, -5 * 3600, 86_400, -86_400]):
        await alone.take(event(DELIVERED, f"m{number}", sent_at=second))
        await alone.take(event(BOUNCED, f"m{number}", sent_at=second + difference))
        report = await alone.take(event(BOUNCED, f"m{number}", sent_at=second + difference))

        assert report.outcomes == {"repeated": 1}

    assert await alone.sends() == [(1, second, OutcomeSet.DELIVERED | OutcomeSet.UNKNOWN_RECIPIENT)] * 5
    assert await alone.pool.fetchval("SELECT array_agg(DISTINCT sent_at) FROM bad_outcomes") == [second]
    assert (await alone.counters(grant="grant-1")).bounces.windows() == ((100, 5, 5), (300, 5, 5))


async def test_two_times_of_sending_in_one_batch_are_one_send(alone: Daemon) -> None:
    await alone.take(
        event(DELIVERED, "m", sent_at=MIDNIGHT - 60), event(BOUNCED, "m", sent_at=MIDNIGHT + 60), event(DELIVERED, "m")
    )

    assert await alone.sends() == [(1, MIDNIGHT - 60, OutcomeSet.DELIVERED | OutcomeSet.UNKNOWN_RECIPIENT)]


@pytest.mark.parametrize(
    ("sent_at", "label"),
    [
        (NOW - 90 * DAY, "counted"),
        (NOW - 90 * DAY - 1, "too_old"),
        (0, "too_old"),
        (-1, "too_old"),
        (NOW + DAY, "counted"),
        (NOW + DAY + 1, "too_far_ahead"),
        (2**32, "too_far_ahead"),
    ],
)
async def test_sends_out_of_reach_are_counted_as_such_and_in_no_window(
    alone: Daemon, sent_at: float, label: str
) -> None:
    report = await alone.take(
        event(DELIVERED, "m", "a@x.example", "b@x.example", sent_at=sent_at), event(DELIVERED, "good")
    )

    assert report.outcomes == ({"counted": 3} if label == "counted" else {"counted": 1, label: 2})
    assert (await totals(alone)).sends == (3 if label == "counted" else 1)


async def test_a_batch_of_sends_out_of_reach_makes_nobody_known(alone: Daemon) -> None:
    await alone.take(event(DELIVERED, "m", sent_at=0))

    assert await alone.pool.fetchval("SELECT count(*) FROM accounts") == 0


async def test_mail_to_the_simulator_counts_nowhere(alone: Daemon) -> None:
    report = await alone.take(
        event(BOUNCED, "m", f"bounce@{SIMULATOR}", "a@x.example"),
        event(COMPLAINT, "n", f"complaint@{SIMULATOR}"),
        event(DELIVERED, "o", f"success@sub.{SIMULATOR}"),
    )

    assert report.outcomes == {"simulator": 2, "counted": 2}
    assert await totals(alone) == Tally(2, 1, 1, 1, 0, 0, 0, 0)
    assert len(await alone.sends()) == 2


# --- Windows ---------------------------------------------------------------------------------------------------------


async def restart(one: Daemon, at: float) -> None:
    """Restart an account's windows, as a reset does."""
    number = (await one.row(grant="grant-1"))["account"]
    async with PostgresCircuits(one.pool, one.sizes).transaction() as transaction:
        account, circuit, _ = (await transaction.load([number]))[number]
        await transaction.save(account, circuit, Counters(one.sizes, restarted_at=at))


async def test_sends_from_before_a_reset_count_no_longer(alone: Daemon) -> None:
    await alone.take(*(event(BOUNCED, f"before-{number}", sent_at=NOW - 1000) for number in range(20)))
    await restart(alone, NOW - 500)
    await alone.take(*(event(BOUNCED, f"late-{number}", sent_at=NOW - 1000 + number) for number in range(20)))
    await alone.take(*(event(COMPLAINT, f"before-{number}", sent_at=NOW - 1000) for number in range(20)))
    nothing = await totals(alone)
    await alone.take(event(BOUNCED, "after-1", sent_at=NOW - 400), event(DELIVERED, "after-2", sent_at=NOW - 500))
    counters = await alone.counters(grant="grant-1")

    assert nothing == NOTHING
    assert counters.totals == Tally(2, 1, 1, 1, 0, 0, 0, 0)
    assert counters.bounces.windows() == ((100, 1, 2), (300, 1, 2))
    assert len(await alone.sends()) == 42


async def test_a_recount_after_a_reset_leaves_out_what_was_before(alone: Daemon) -> None:
    await alone.take(*(event(BOUNCED, f"before-{number}", sent_at=NOW - 900 + number) for number in range(150)))
    await restart(alone, NOW - 600.5)
    # The same seconds over and over, later ones first: no bucket of one send can hold them in order.
    await alone.take(
        *(event(DELIVERED, f"after-{number}", sent_at=NOW - 300 - number * 37 % 250) for number in range(250))
    )
    counters = await alone.counters(grant="grant-1")

    assert counters.totals == Tally(250, 0, 0, 250, 0, 0, 0, 0)
    assert counters.bounces.windows() == ((100, 0, 100), (300, 0, 250))


async def test_windows_that_outgrow_what_a_recount_first_reads_are_right_all_the_same(alone: Daemon) -> None:
    """A window of feedback covers 200 of 2,500 sends here, of which a recount reads 900 at first."""
    await alone.take(
        *(
            event(
                DELIVERED,
                f"m{number}",
                f"r@{FEEDBACK if number % 12 == 0 else 'x.example'}",
                sent_at=NOW - 9000 + number,
            )
            for number in range(2500)
        )
    )
    await alone.take(
        *(event(COMPLAINT, f"late-{number}", f"r@{FEEDBACK}", sent_at=NOW - 9000 + number * 600) for number in range(5))
    )
    counters = await alone.counters(grant="grant-1")

    assert wrong_windows(counters, [(at, outcomes) for _, at, outcomes in await alone.sends()]) == []
    assert counters.feedback.window(200).total >= 198


async def test_windows_of_another_size_are_counted_anew_from_the_ledger(database_url: str) -> None:
    other = WindowSizes((50, 200), (100,))
    async with daemon(database_url) as before, daemon(database_url, sizes=other) as after:
        await before.take(
            *(
                event(BOUNCED if number % 9 == 0 else DELIVERED, f"m{number}", sent_at=NOW - 900 + number)
                for number in range(400)
            )
        )
        await after.take(event(DELIVERED, "one more"))
        counters = await after.counters(grant="grant-1")

        assert counters.sizes == other
        assert counters.totals.sends == 401
        assert wrong_windows(counters, [(at, outcomes) for _, at, outcomes in await after.sends()]) == []


async def test_every_row_of_an_account_stays_small(database_url: str) -> None:
    """Forty thousand sends in the default windows, all to domains that send feedback, many of them late."""
    async with daemon(database_url, sizes=WindowSizes()) as one:
        for batch in range(20):
            await one.take(
                *(
                    event(
                        DELIVERED,
                        f"m{batch}-{number}",
                        *(f"r{recipient}@{FEEDBACK}" for recipient in range(10)),
                        sent_at=NOW - 80_000 + batch * 2000 + number * 7 % 2000,
                    )
                    for number in range(200)
                )
            )
        size = await one.pool.fetchval("SELECT max(pg_column_size(c.*)) FROM circuits c")
        toasted = await one.pool.fetchval("SELECT reltoastrelid FROM pg_class WHERE relname = 'circuits'")

        assert size < 4096
        assert (toasted or 0) >= 0
        assert (
            wrong_windows(
                await one.counters(grant="grant-1"), [(at, outcomes) for _, at, outcomes in await one.sends()]
            )
            == []
        )


# --- What is kept of bad outcomes ------------------------------------------------------------------------------------


async def test_what_is_kept_of_a_bounce_names_no_recipient(alone: Daemon) -> None:
    diagnostic = "smtp; 550 5.1.1 <Jane.Doe@Example.org>: no such user jane.doe"
    await alone.take(event(BOUNCED, "m", "jane.doe@example.org", diagnostic=diagnostic))
    row = dict(await alone.pool.fetchrow("SELECT * FROM bad_outcomes"))

    assert row | {"send": None} == {
        "sent_at": NOW - 100,
        "received_at": NOW,
        "occurred_at": NOW - 95,
        "send": None,
        "account": 1,
        "application": 1,
        "kind": "bounced",
        "bounce_class": "unknown_recipient",
        "counted": True,
        "recipient_domain": "example.org",
        "sender_domain": "agents.example",
        "enhanced_status": "5.1.1",
        "message_id": "m",
        "diagnostic": "smtp; 550 5.1.1 <<address>>: no such user <address>",
    }


@pytest.mark.parametrize(("bounce_class", "counted"), [(BounceClass.POLICY, True), (FULL, False)])
async def test_what_is_kept_tells_whether_it_counted(alone: Daemon, bounce_class: BounceClass, counted: bool) -> None:
    await alone.take(event(BOUNCED, "m", bounce_class=bounce_class))

    assert await alone.pool.fetchval("SELECT counted FROM bad_outcomes") is counted


async def test_a_bounce_that_does_not_count_is_not_said_to_because_an_earlier_one_did(alone: Daemon) -> None:
    await alone.take(event(BOUNCED, "m"))
    await alone.take(event(BOUNCED, "m", bounce_class=FULL))

    rows = await alone.pool.fetch("SELECT bounce_class, counted FROM bad_outcomes")
    assert {tuple(row) for row in rows} == {("unknown_recipient", True), ("mailbox_full", False)}


# --- A database that was replaced ------------------------------------------------------------------------------------


async def replace_database(one: Daemon) -> None:
    """Empty the database under a daemon, as if it had been dropped and migrated anew; numbers begin at 1 again."""
    tables = await one.pool.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace "
        "AND relname <> 'alembic_version' AND NOT relispartition"
    )
    await one.pool.execute(f"TRUNCATE {', '.join(row['relname'] for row in tables)} RESTART IDENTITY CASCADE")
    for row in await one.pool.fetch("SELECT relname FROM pg_class WHERE relkind = 'r' AND relispartition"):
        await one.pool.execute(f"DROP TABLE {row['relname']}")


async def insist(one: Daemon, events: Sequence[DeliveryEvent]) -> None:
    """Count a batch as the line does, and fail where that takes more than some tries."""
    for _ in range(5):
        try:
            await one.count(events, NOW)
        except TryTransactionAgainError:
            continue
        return
    raise AssertionError("a batch was tried five times in vain")


async def test_numbers_of_a_database_that_was_replaced_are_nobody_elses(alone: Daemon) -> None:
    everybody = [event(DELIVERED, f"m{n}", grant=f"g{n}", sender=f"a{n}@agents.example") for n in range(6)]
    await alone.take(*everybody)
    await replace_database(alone)

    # The last are first now, so every number that is remembered is another's.
    for one in everybody[::-1]:
        await insist(alone, [one])
    await insist(alone, [event(BOUNCED, f"n{n}", grant=f"g{n}", sender=f"a{n}@agents.example") for n in range(6)])

    assert [(await alone.counters(grant=f"g{n}")).totals == Tally(2, 1, 1, 1, 0, 0, 0, 0) for n in range(6)] == [
        True
    ] * 6
    assert {(await alone.row(grant=f"g{n}"))["address"] for n in range(6)} == {f"a{n}@agents.example" for n in range(6)}


async def test_several_applications_of_a_database_that_was_replaced_are_told_apart(alone: Daemon) -> None:
    events = [event(DELIVERED, "m", grant=f"g-{name}", sender=None, application=name) for name in ("x", "y", "z")]
    await alone.take(*events)
    await replace_database(alone)

    for one in events[::-1]:
        await insist(alone, [one])

    rows = await alone.pool.fetch(
        "SELECT p.id, a.grant_id FROM accounts a JOIN applications p USING (application) ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [("x", "g-x"), ("y", "g-y"), ("z", "g-z")]


async def test_a_statement_whose_tables_changed_is_prepared_anew(alone: Daemon) -> None:
    await alone.take(event(DELIVERED, "m1"))
    await alone.pool.execute("ALTER TABLE circuits ALTER COLUMN pending_to TYPE varchar(40)")
    await alone.pool.execute("ALTER TABLE accounts ALTER COLUMN home_workspace_id TYPE varchar(400)")

    for number in range(4):  # on whichever connection
        await insist(alone, [event(BOUNCED, f"n{number}")])

    assert await totals(alone) == Tally(5, 4, 4, 1, 0, 0, 0, 0)
