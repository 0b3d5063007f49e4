from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.unordered import PostgresUnordered
from breaker.domain.circuits.circuit import Mode
from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind
from breaker.domain.platform.commands import Actuator
from breaker.flows.order_again import order_again
from breaker.ports import Sender
from tests.counting.daemons import APPLICATION, DAY, NOW, SIMPLE, daemon, event, started
from tests.counting.histories import wrong_windows

if TYPE_CHECKING:
    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from tests.counting.daemons import Daemon

DELIVERED, BOUNCED, COMPLAINT = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED, OutcomeKind.COMPLAINT
ADDRESS = "agent@agents.example"
FOLLOWS = 30 * DAY


def by_grant(kind: OutcomeKind, message: str, grant: str = "grant-1") -> DeliveryEvent:
    return event(kind, message, grant=grant, sender=None)


def by_address(kind: OutcomeKind, message: str) -> DeliveryEvent:
    return event(kind, message, grant=None, sender=ADDRESS)


def by_both(kind: OutcomeKind, message: str, grant: str = "grant-1") -> DeliveryEvent:
    return event(kind, message, grant=grant, sender=ADDRESS)


async def accounts(one: Daemon) -> list[tuple[str | None, str | None, str | None]]:
    """Return grant, address and domain of all accounts, the longest known first."""
    rows = await one.pool.fetch(
        "SELECT grant_id, address, domain FROM accounts WHERE merged_into IS NULL ORDER BY account"
    )
    return [tuple(row) for row in rows]


async def sends_of(one: Daemon, **known_by: str) -> int:
    return (await one.counters(**known_by)).totals.sends


# --- Who is who ------------------------------------------------------------------------------------------------------


async def test_a_grant_and_its_address_are_one_account(alone: Daemon) -> None:
    await alone.take(by_both(DELIVERED, "m1"), by_grant(DELIVERED, "m2"), by_address(DELIVERED, "m3"))

    assert await accounts(alone) == [("grant-1", ADDRESS, "agents.example")]
    assert await sends_of(alone, grant="grant-1") == 3


async def test_an_address_alone_is_an_account_that_becomes_the_grants_own(alone: Daemon) -> None:
    await alone.take(by_address(DELIVERED, "m1"))
    before = await accounts(alone)
    await alone.take(by_both(DELIVERED, "m2"))
    await alone.take(by_address(DELIVERED, "m3"), by_grant(DELIVERED, "m4"))

    assert before == [(None, ADDRESS, "agents.example")]
    assert await accounts(alone) == [("grant-1", ADDRESS, "agents.example")]
    assert await sends_of(alone, grant="grant-1") == 4


async def test_a_grant_and_an_address_that_were_counted_apart_are_merged(alone: Daemon) -> None:
    await alone.take(by_grant(DELIVERED, "m1"), by_grant(DELIVERED, "both"))
    await alone.take(by_address(BOUNCED, "m2"), by_address(BOUNCED, "both"))
    apart = await accounts(alone)
    await alone.take(by_both(DELIVERED, "m3"))
    counters = await alone.counters(grant="grant-1")

    assert apart == [("grant-1", None, None), (None, ADDRESS, "agents.example")]
    assert await accounts(alone) == [("grant-1", ADDRESS, "agents.example")]
    assert (counters.totals.sends, counters.totals.hard_bounces, counters.totals.delivered) == (4, 2, 3)
    assert counters.by_class[BounceClass.UNKNOWN_RECIPIENT] == 2
    assert wrong_windows(counters, [(at, outcomes) for _, at, outcomes in await alone.sends()]) == []
    assert {account for account, _, _ in await alone.sends()} == {(await alone.row(grant="grant-1"))["account"]}


async def test_what_a_merge_leaves_behind_belongs_to_nobody_else(alone: Daemon) -> None:
    await alone.take(by_grant(BOUNCED, "m1"), by_address(COMPLAINT, "m2"))
    await alone.take(by_both(DELIVERED, "m3"))
    number = (await alone.row(grant="grant-1"))["account"]

    for table in ("ledger", "bad_outcomes", "circuits", "verdicts", "commands"):
        of = await alone.pool.fetch(f"SELECT DISTINCT account FROM {table}")

        assert {row["account"] for row in of} <= {number}
    assert (await alone.row(grant="grant-1"))["last_event_at"] == NOW


async def test_another_daemon_follows_a_merge_that_it_did_not_make(database_url: str) -> None:
    async with daemon(database_url) as first, daemon(database_url) as second:
        for one in (first, second):
            await one.take(by_grant(DELIVERED, f"grant-{id(one)}"), by_address(DELIVERED, f"address-{id(one)}"))
        await first.take(by_both(DELIVERED, "joined"))

        async with started(second):
            await asyncio.gather(
                second.ingest.submit(by_address(DELIVERED, "late-1")),
                second.ingest.submit(by_grant(DELIVERED, "late-2")),
            )

        assert await accounts(second) == [("grant-1", ADDRESS, "agents.example")]
        assert await sends_of(second, grant="grant-1") == 7


@pytest.mark.parametrize("beforehand", ["nothing", "the grant", "the address", "both apart"])
async def test_daemons_that_learn_of_an_account_at_once_know_one_account(database_url: str, beforehand: str) -> None:
    async with daemon(database_url) as first, daemon(database_url) as second, daemon(database_url) as third:
        known = 0
        if beforehand in {"the grant", "both apart"}:
            await first.take(by_grant(DELIVERED, "known-by-grant"))
            known += 1
        if beforehand in {"the address", "both apart"}:
            await first.take(by_address(DELIVERED, "known-by-address"))
            known += 1
        async with started(first), started(second), started(third):
            await asyncio.gather(
                *(
                    one.ingest.submit(naming(DELIVERED, f"{number}-{naming.__name__}-{id(one)}"))
                    for number in range(4)
                    for one in (first, second, third)
                    for naming in (by_both, by_address, by_grant)
                )
            )

        assert await accounts(first) == [("grant-1", ADDRESS, "agents.example")]
        assert await sends_of(first, grant="grant-1") == 36 + known
        assert [error for one in (first, second, third) for error in one.observed.refusals] == []


async def test_an_address_belongs_to_its_application_alone(alone: Daemon) -> None:
    await alone.take(
        by_both(DELIVERED, "m1"),
        event(DELIVERED, "m1", grant="grant-1", sender=ADDRESS, application="app-2"),
        event(DELIVERED, "m2", grant=None, sender=ADDRESS, application="app-2"),
    )
    rows = await alone.pool.fetch(
        "SELECT p.id, a.grant_id, a.address FROM accounts a JOIN applications p USING (application) ORDER BY p.id"
    )

    assert [tuple(row) for row in rows] == [("app-1", "grant-1", ADDRESS), ("app-2", "grant-1", ADDRESS)]


async def test_a_grant_that_sends_from_another_address_keeps_its_own(alone: Daemon) -> None:
    await alone.take(by_both(DELIVERED, "m1"))
    await alone.take(event(DELIVERED, "m2", grant="grant-1", sender="alias@agents.example"))

    assert await accounts(alone) == [("grant-1", ADDRESS, "agents.example")]
    assert await sends_of(alone, grant="grant-1") == 2


async def test_many_new_accounts_in_one_batch_are_all_made_known(alone: Daemon) -> None:
    events = [event(DELIVERED, f"m{n}", grant=f"g{n % 40}", sender=f"a{n % 40}@agents.example") for n in range(120)]

    await alone.take(*events)

    assert len(await accounts(alone)) == 40
    assert {await sends_of(alone, grant=f"g{n}") for n in range(40)} == {3}


# --- An address whose grant is gone ----------------------------------------------------------------------------------


async def deleted(one: Daemon, grant: str = "grant-1", at: float = NOW) -> None:
    await one.roster.deleted(APPLICATION, grant, at)


@pytest.mark.parametrize("known_first", [False, True], ids=["new", "counted before"])
async def test_history_follows_the_address_to_the_next_grant_for_thirty_days(alone: Daemon, known_first: bool) -> None:
    await alone.take(by_both(BOUNCED, "m1"), by_both(DELIVERED, "m2"))
    await deleted(alone)
    if known_first:
        await alone.take(by_grant(DELIVERED, "m3", "grant-2"), now=NOW + DAY)
    await alone.take(by_both(DELIVERED, "m4", "grant-2"), now=NOW + FOLLOWS)
    totals = (await alone.counters(grant="grant-2")).totals

    assert await accounts(alone) == [("grant-2", ADDRESS, "agents.example")]
    assert (totals.sends, totals.hard_bounces) == (4 if known_first else 3, 1)


@pytest.mark.parametrize("known_first", [False, True], ids=["new", "counted before"])
async def test_after_thirty_days_the_next_grant_has_the_address_without_its_history(
    alone: Daemon, known_first: bool
) -> None:
    await alone.take(by_both(BOUNCED, "m1"), by_both(DELIVERED, "m2"))
    await deleted(alone)
    if known_first:
        await alone.take(by_grant(DELIVERED, "m3", "grant-2"), now=NOW + DAY)
    await alone.take(by_both(DELIVERED, "m4", "grant-2"), now=NOW + FOLLOWS + 1)
    await alone.take(by_address(DELIVERED, "m5"), now=NOW + FOLLOWS + 2)

    assert await accounts(alone) == [("grant-1", None, None), ("grant-2", ADDRESS, "agents.example")]
    assert await sends_of(alone, grant="grant-1") == 2
    assert await sends_of(alone, grant="grant-2") == (3 if known_first else 2)


async def test_an_address_whose_grant_lives_is_not_given_to_another(alone: Daemon) -> None:
    await alone.take(by_both(DELIVERED, "m1"))
    await alone.take(by_both(DELIVERED, "m2", "grant-2"))

    assert await accounts(alone) == [("grant-1", ADDRESS, "agents.example"), ("grant-2", None, None)]


# --- What is done about it goes along --------------------------------------------------------------------------------


async def stop(one: Daemon, naming: str) -> None:
    """Let an account be stopped by 20 sends, half of them bad."""
    name = {"address": by_address, "grant": by_grant, "both": by_both}[naming]
    await one.take(
        *(name(DELIVERED, f"good-{number}") for number in range(10)), *(name(BOUNCED, f"bad-{n}") for n in range(10))
    )


async def open_commands(one: Daemon) -> list[tuple[str | None, str]]:
    """Order what is missing, as the daemon's upkeep does, and return grant and kind of what is wanted."""
    circuits = PostgresCircuits(one.pool, one.sizes)
    await order_again(PostgresUnordered(one.pool), circuits, lambda _: (Actuator.BLOCK, Actuator.QUARANTINE), NOW)
    rows = await one.pool.fetch(
        """
        SELECT a.grant_id, o.kind FROM commands o JOIN accounts a USING (account) JOIN circuits c USING (account)
        WHERE o.ended_at IS NULL AND o.epoch = c.epoch ORDER BY o.id
        """
    )
    return [tuple(row) for row in rows]


async def test_an_address_that_was_stopped_on_paper_is_stopped_in_deed_once_its_grant_is_known(
    database_url: str,
) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE) as one:
        await stop(one, "address")
        before = await open_commands(one)
        await one.take(by_both(DELIVERED, "m1"))
        row = await one.row(grant="grant-1")

        assert before == []
        assert (row["state"], row["confirmed"]) == ("stopped", None)
        assert await open_commands(one) == [("grant-1", "block"), ("grant-1", "quarantine")]


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.OBSERVE])
async def test_a_merge_keeps_the_stricter_state_and_what_led_to_it(database_url: str, mode: Mode) -> None:
    async with daemon(database_url, mode=mode, profile=SIMPLE) as one:
        await one.take(by_grant(DELIVERED, "first"))
        await stop(one, "address")
        gone = await one.row(address=ADDRESS)
        await one.take(by_both(DELIVERED, "m1"))
        row = await one.row(grant="grant-1")

        kept = ("state", "since", "pending_verdict", "pending_to", "pending_at", "pending_held_by", "last_verdict")
        assert {name: row[name] for name in kept} == {name: gone[name] for name in kept}
        assert row["last_verdict"] is not None
        assert row["state"] == ("stopped" if mode is Mode.ENFORCE else "sending")
        assert row["confirmed"] == (None if mode is Mode.ENFORCE else "sending")
        assert await open_commands(one) == (
            [("grant-1", "block"), ("grant-1", "quarantine")] if mode is Mode.ENFORCE else []
        )


async def test_a_merge_into_a_stopped_account_changes_nothing_about_the_stop(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE) as one:
        await stop(one, "grant")
        before = dict(await one.row(grant="grant-1"))
        await one.take(by_address(DELIVERED, "m1"))
        await one.take(by_both(DELIVERED, "m2"))
        row = await one.row(grant="grant-1")

        unchanged = ("account", "state", "since", "epoch", "last_verdict", "confirmed")
        assert {name: row[name] for name in unchanged} == {name: before[name] for name in unchanged}
        assert await open_commands(one) == [("grant-1", "block"), ("grant-1", "quarantine")]


async def test_a_stop_that_follows_an_address_is_carried_out_anew_for_the_next_grant(database_url: str) -> None:
    async with daemon(database_url, mode=Mode.ENFORCE, profile=SIMPLE) as one:
        await stop(one, "both")
        await one.pool.execute("UPDATE commands SET ended_at = $1, ended = 'settled'", NOW)
        await one.pool.execute("UPDATE circuits SET confirmed = 'stopped', confirmed_at = $1", NOW)
        await one.pool.execute("UPDATE accounts SET workspace_id = 'quarantine', home_workspace_id = 'home'")
        await deleted(one)
        await one.take(by_both(DELIVERED, "m1", "grant-2"), now=NOW + DAY)
        row = await one.row(grant="grant-2")

        # The platform was read back for the old grant; nothing is known of where the new one is.
        assert (row["state"], row["confirmed"]) == ("stopped", None)
        assert (row["workspace_id"], row["home_workspace_id"], row["grant_deleted_at"]) == (None, None, None)
        assert await open_commands(one) == [("grant-2", "block"), ("grant-2", "quarantine")]


async def test_an_account_that_sends_keeps_its_confirmation_when_its_address_passes_on(alone: Daemon) -> None:
    await alone.take(by_both(DELIVERED, "m1"))
    await deleted(alone)
    await alone.take(by_both(DELIVERED, "m2", "grant-2"), now=NOW + DAY)
    row = await alone.row(grant="grant-2")

    assert (row["state"], row["epoch"], row["confirmed"]) == ("sending", 0, "sending")


async def test_a_reset_of_either_holds_after_a_merge(alone: Daemon) -> None:
    await alone.take(by_grant(BOUNCED, "m1"), event(BOUNCED, "old", grant=None, sender=ADDRESS, sent_at=NOW - 1000))
    counters = await alone.counters(address=ADDRESS)
    counters.restarted_at = NOW - 500
    await alone.pool.execute(
        "UPDATE circuits SET counters = $1 WHERE account = $2",
        counters.to_bytes(),
        (await alone.row(address=ADDRESS))["account"],
    )
    await alone.take(by_both(DELIVERED, "m3"))
    merged = await alone.counters(grant="grant-1")

    assert merged.restarted_at == NOW - 500
    assert (merged.totals.sends, merged.totals.hard_bounces) == (2, 1)


# --- Memory ----------------------------------------------------------------------------------------------------------


async def test_known_senders_are_remembered_without_asking_again(alone: Daemon) -> None:
    senders = [Sender(APPLICATION, "grant-1", ADDRESS), Sender(APPLICATION, None, ADDRESS)]
    numbers = await alone.identities.numbers_of(senders, NOW)
    await alone.pool.execute("ALTER TABLE accounts RENAME TO hidden")

    assert await alone.identities.numbers_of(senders, NOW) == numbers
    assert len(set(numbers.values())) == 1
