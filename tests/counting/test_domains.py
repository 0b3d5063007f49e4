"""Sending domains on a real database: what stops one as a whole, and what its accounts are judged by meanwhile."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from breaker.adapters.postgres import domains, ledger
from breaker.adapters.postgres.guard import Limits
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.states import State
from breaker.domain.detectors.budget import Budget
from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind
from breaker.domain.platform.commands import Actuator
from breaker.domain.profiles.standard import standard_profile
from breaker.domain.windows.counters import WindowSizes
from breaker.flows.designs import Made
from breaker.ports import SendingDomain
from tests.counting.daemons import APPLICATION, DAY, NOBODY, NOW, SIMPLE, daemon, event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from breaker.domain.profiles.profile import Profile
    from tests.counting.daemons import Daemon

BOUNCED, DELIVERED = OutcomeKind.BOUNCED, OutcomeKind.DELIVERED
DKIM = "smtp; 550-5.7.26 This mail has been blocked because the sender is unauthenticated."
ALL = (Actuator.BLOCK, Actuator.BLOCK_DOMAIN)
AGENTS = SendingDomain(APPLICATION, "agents.example")


def guarding(
    url: str,
    *,
    mode: Mode = Mode.ENFORCE,
    profile: Profile = NOBODY,
    actuators: tuple[Actuator, ...] = ALL,
    limits: Limits | None = None,
) -> AbstractAsyncContextManager[Daemon]:
    return daemon(url, mode=mode, profile=profile, actuators=actuators, limits=limits)


def address(number: int) -> str:
    return f"agent-{number}@agents.example"


def refused(
    number: int, message: str, at: str = "example.org", *, text: str = DKIM, sent_at: float = NOW - 100
) -> DeliveryEvent:
    return event(
        BOUNCED,
        message,
        f"{message}@{at}",
        bounce_class=BounceClass.POLICY,
        diagnostic=text,
        sent_at=sent_at,
        grant=f"grant-{number}",
        sender=address(number),
    )


def unknown(number: int, message: str, sent_at: float = NOW - 90) -> DeliveryEvent:
    return event(
        BOUNCED,
        message,
        diagnostic="smtp; 550 5.1.1 User unknown",
        sent_at=sent_at,
        grant=f"grant-{number}",
        sender=address(number),
    )


def delivered(number: int, message: str, sent_at: float = NOW - 200) -> DeliveryEvent:
    return event(DELIVERED, message, sent_at=sent_at, grant=f"grant-{number}", sender=address(number))


def five_refused(prefix: str = "r", sent_at: float = NOW - 100) -> list[DeliveryEvent]:
    return [refused(n, f"{prefix}{n}", f"company-{n % 3}.example", sent_at=sent_at) for n in range(1, 6)]


async def make_list(one: Daemon) -> None:
    """Let the inventory know the list of stopped domains."""
    await one.pool.execute("INSERT INTO applications (id) VALUES ($1) ON CONFLICT DO NOTHING", APPLICATION)
    await one.pool.execute(
        "INSERT INTO inventory (application, kind, platform_id, made_at) "
        "SELECT application, $1, 'list-3', 0 FROM applications",
        Made.DOMAIN_LIST,
    )


async def circuit(one: Daemon) -> dict[str, Any]:
    row = await one.pool.fetchrow("SELECT * FROM domain_circuits WHERE domain = 'agents.example'")
    return dict(row) if row else {}


async def commands(one: Daemon) -> list[tuple[Any, ...]]:
    rows = await one.pool.fetch("SELECT account, domain, kind, epoch FROM commands WHERE ended_at IS NULL ORDER BY id")
    return [tuple(row) for row in rows]


async def states(one: Daemon) -> set[str]:
    return {row["state"] for row in await one.pool.fetch("SELECT state FROM circuits")}


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a plan that read a table."""
    if "Relation Name" in plan:
        yield plan
    for below in plan.get("Plans", ()):
        yield from nodes_of(below)


async def test_five_accounts_refused_for_one_cause_are_one_stop_of_their_domain(database_url: str) -> None:
    async with guarding(database_url, profile=SIMPLE) as one:
        await make_list(one)
        report = await one.take(*five_refused())

        [given] = report.domains
        assert report.given == []
        assert (given.domain, given.verdict.to, given.verdict.held_by) == (AGENTS, State.STOPPED, None)
        assert (given.verdict.cause, given.verdict.count, given.verdict.of) == ("authentication 5.7.26", 5, 5)
        assert DKIM in given.verdict.why
        assert await commands(one) == [(None, "agents.example", "block_domain", 1)]
        assert await states(one) == {"sending"}
        stored = await one.pool.fetchrow("SELECT * FROM verdicts")
        assert (stored["account"], stored["scope"], stored["to_state"]) == (None, "domain:agents.example", "stopped")
        row = await circuit(one)
        assert (row["state"], row["confirmed"], row["last_verdict"]) == ("stopped", None, given.id)
        [interval] = await one.pool.fetch("SELECT begins_at, ends_at FROM domain_intervals")
        assert tuple(interval) == (NOW - 100, None)


async def test_refusals_come_together_over_batches(database_url: str) -> None:
    async with guarding(database_url) as one:
        await make_list(one)
        reports = [await one.take(two) for two in five_refused()]

        assert [len(report.domains) for report in reports] == [0, 0, 1, 0, 0]


async def test_refusals_of_two_hours_do_not_come_together(database_url: str) -> None:
    async with guarding(database_url) as one:
        await make_list(one)
        await one.take(*five_refused(sent_at=NOW - 4000)[:2])
        report = await one.take(*five_refused()[2:4])

        assert report.domains == []


async def test_a_repeated_notification_is_no_further_refusal(database_url: str) -> None:
    async with guarding(database_url) as one:
        await make_list(one)
        twice = [refused(1, "r1", "a.example"), refused(2, "r2", "b.example")]
        await one.take(*twice)

        assert (await one.take(*twice, *twice)).domains == []


async def test_a_healthy_share_of_refusals_stops_no_domain(database_url: str) -> None:
    async with guarding(database_url) as one:
        await make_list(one)
        await one.take(*(delivered(n % 20, f"d{n}") for n in range(200)))
        report = await one.take(*five_refused()[:3])

        assert report.domains == []


async def test_one_account_or_one_recipient_domain_stops_no_domain(database_url: str) -> None:
    async with guarding(database_url) as one:
        await make_list(one)
        lone = await one.take(*(refused(1, f"a{n}", f"company-{n}.example") for n in range(12)))
        await one.take(*(delivered(n % 4, f"d{n}", sent_at=NOW - 9000) for n in range(30)))
        company = await one.take(*(refused(n, f"b{n}", sent_at=NOW - 9000) for n in range(1, 5)))

        assert (lone.domains, company.domains) == ([], [])


async def test_the_refusals_of_the_domains_interval_say_nothing_against_its_accounts(database_url: str) -> None:
    async with guarding(database_url, profile=SIMPLE) as one:
        await make_list(one)
        await one.take(*five_refused())
        await one.take(*(delivered(1, f"d{n}") for n in range(20)))
        report = await one.take(*(refused(1, f"more-{n}", "a.example") for n in range(10)), unknown(1, "u1"))

        assert report.given == []
        assert (await one.counters(grant="grant-1")).totals.hard_bounces == 12

        [given] = (await one.take(*(unknown(1, f"u{n}") for n in range(2, 12)))).given
        assert (given.account.grant_id, given.verdict.count, given.verdict.of) == ("grant-1", 8, 39)


async def test_an_unrelated_cause_is_named_without_the_domains_refusals(database_url: str) -> None:
    async with guarding(database_url, profile=SIMPLE) as one:
        await make_list(one)
        await one.take(*five_refused())
        await one.take(*(delivered(1, f"d{n}") for n in range(10)))
        report = await one.take(*(unknown(1, f"u{n}") for n in range(12)))

        [given] = report.given
        assert given.verdict.cause == "unknown_user 5.1.1"


async def test_after_the_interval_refusals_count_against_accounts_again(database_url: str) -> None:
    async with guarding(database_url, profile=SIMPLE) as one:
        await make_list(one)
        await one.take(*five_refused())
        await one.pool.execute(
            "UPDATE domain_circuits SET state = 'sending', confirmed = 'sending', restarted_at = $1", NOW - 50
        )
        await one.pool.execute("UPDATE domain_intervals SET ends_at = $1", NOW - 50)
        await one.take(*(delivered(1, f"d{n}") for n in range(20)))
        inside = await one.take(*(refused(1, f"in-{n}", "a.example", sent_at=NOW - 60) for n in range(10)))
        outside = await one.take(*(refused(1, f"out-{n}", "a.example", sent_at=NOW - 40) for n in range(10)))

        assert inside.given == []
        assert [given.verdict.cause for given in outside.given] == ["authentication 5.7.26"]


async def test_a_stop_that_the_platform_never_shows_protects_nobody_from_being_judged(database_url: str) -> None:
    async with guarding(database_url, profile=SIMPLE) as one:
        await make_list(one)
        await one.take(*five_refused())
        await one.take(*(delivered(1, f"d{n}") for n in range(20)))
        more = [refused(1, f"more-{n}", "a.example", sent_at=NOW + 300) for n in range(10)]
        report = await one.take(*more, now=NOW + 400)

        assert [given.verdict.to for given in report.given] == [State.STOPPED]


@pytest.mark.parametrize(
    ("mode", "held_by"), [(Mode.OBSERVE, HeldBy.OBSERVE), (Mode.EXEMPT, HeldBy.EXEMPT)], ids=["observe", "exempt"]
)
async def test_a_held_verdict_of_a_domain_stands_pending_and_its_accounts_are_judged_as_before(
    database_url: str, mode: Mode, held_by: HeldBy
) -> None:
    async with guarding(database_url, mode=mode, profile=SIMPLE) as one:
        await make_list(one)
        first = await one.take(*five_refused())
        again = await one.take(*five_refused("again"))
        await one.take(*(delivered(1, f"d{n}") for n in range(20)))
        account = await one.take(*(refused(1, f"more-{n}", "a.example") for n in range(10)))

        assert [given.verdict.held_by for given in first.domains] == [held_by]
        assert again.domains == []
        row = await circuit(one)
        assert (row["state"], row["pending_to"], row["pending_held_by"]) == ("sending", "stopped", held_by)
        assert await commands(one) == []
        assert [given.verdict.held_by for given in account.given] == [held_by]


async def test_where_domains_cannot_be_blocked_the_domain_is_warned_and_accounts_are_judged(database_url: str) -> None:
    async with guarding(database_url, actuators=(Actuator.BLOCK,)) as one:
        await make_list(one)
        [given] = (await one.take(*five_refused())).domains

        assert (given.verdict.to, given.verdict.applied) == (State.WARNED, True)
        assert (await circuit(one))["state"] == "warned"
        assert await one.pool.fetchval("SELECT count(*) FROM domain_intervals") == 0


async def test_without_the_list_on_the_platform_the_domain_is_only_warned(database_url: str) -> None:
    async with guarding(database_url) as one:
        [given] = (await one.take(*five_refused())).domains

        assert given.verdict.to is State.WARNED
        assert "breaker setup" in given.verdict.why


async def test_a_domains_stop_counts_once_for_the_fleet_guard(database_url: str) -> None:
    limits = Limits(in_window=(2, 0.0), in_all=(2, 0.0), in_group=(3, 0.0))
    async with guarding(database_url, profile=SIMPLE, limits=limits) as one:
        await make_list(one)
        await one.take(*five_refused())
        bad = [
            event(BOUNCED, f"{n}-{m}", grant=f"other-{n}", sender=f"a-{n}@other-{n}.example", sent_at=NOW - 5)
            for n in range(2)
            for m in range(20)
        ]
        report = await one.take(*bad)

        assert [given.verdict.held_by for given in report.given] == [None, HeldBy.GUARD]


async def test_the_fleet_guard_holds_a_domains_stop_too(database_url: str) -> None:
    async with guarding(database_url, limits=Limits(in_window=(0, 0.0))) as one:
        await make_list(one)
        [given] = (await one.take(*five_refused())).domains

        assert given.verdict.held_by is HeldBy.GUARD
        assert await commands(one) == []


async def test_refusals_from_before_a_reset_do_not_stop_the_domain_again(database_url: str) -> None:
    async with guarding(database_url) as one:
        await make_list(one)
        await one.take(*five_refused()[:2])
        await one.pool.execute(
            "INSERT INTO domain_circuits (application, domain, restarted_at) VALUES (1, 'agents.example', $1)", NOW - 50
        )
        report = await one.take(refused(3, "late", "z.example", sent_at=NOW - 40))

        assert report.domains == []


async def test_history_of_another_day_stops_no_domain(database_url: str) -> None:
    async with guarding(database_url) as one:
        await make_list(one)

        assert (await one.take(*five_refused(sent_at=NOW - 3 * DAY))).domains == []


async def test_a_verdict_names_the_cause_that_its_bad_outcomes_share(database_url: str) -> None:
    async with guarding(database_url, profile=SIMPLE) as one:
        await one.take(*(delivered(1, f"d{n}") for n in range(20)))
        report = await one.take(*(unknown(1, f"u{n}") for n in range(6)))

        [given] = report.given
        assert given.verdict.cause == "unknown_user 5.1.1"
        assert (
            "All of the latest 5 went to addresses that do not exist (5.1.1), all at example.org." in given.verdict.why
        )
        assert given.verdict.why.endswith("The account is stopped.")
        assert await one.pool.fetchval("SELECT cause FROM verdicts") == "unknown_user 5.1.1"


async def test_two_daemons_that_see_a_domain_fail_at_once_stop_it_once(database_url: str) -> None:
    async with guarding(database_url) as one, guarding(database_url) as other:
        await make_list(one)
        await one.take(*five_refused()[:2])
        third, fourth = five_refused()[2:4]
        reports = await asyncio.gather(one.take(third), other.take(fourth))

        assert sum(len(report.domains) for report in reports) == 1
        assert len(await commands(one)) == 1
        assert await one.pool.fetchval("SELECT count(*) FROM verdicts") == 1


async def test_several_failing_domains_of_one_batch_are_stopped_each(database_url: str) -> None:
    async with guarding(database_url) as one:
        await make_list(one)
        batch = [
            event(
                BOUNCED,
                f"{domain}-{number}",
                f"r@company-{number}.example",
                grant=f"{domain}-{number}",
                sender=f"a{number}@{domain}.example",
                bounce_class=BounceClass.POLICY,
                diagnostic=DKIM,
            )
            for domain in ("zeta", "alpha")
            for number in range(3)
        ]
        report = await one.take(*batch)

        assert [given.domain.name for given in report.domains] == ["alpha.example", "zeta.example"]


async def test_broken_authentication_of_eighty_accounts_is_one_verdict_after_a_dozen_refusals(
    database_url: str,
) -> None:
    random = Random(11)
    profile = standard_profile(Budget(), WindowSizes(), 0.8)
    async with daemon(
        database_url, mode=Mode.ENFORCE, profile=profile, actuators=ALL, sizes=WindowSizes(), batch_size=256
    ) as one:
        await make_list(one)
        for hour in range(3):
            await one.take(*(delivered(n % 80, f"h{hour}-{n}", NOW - 9000 + 3000 * hour) for n in range(240)))
        refusals_until = 0
        verdicts: list[Any] = []
        for batch in range(60):
            sent_at = NOW + batch
            events = [
                refused(account, f"b{batch}-{account}", f"company-{random.randrange(30)}.example", sent_at=sent_at)
                if random.random() < 0.6
                else delivered(account, f"b{batch}-{account}", sent_at)
                for account in random.sample(range(80), 10)
            ]
            report = await one.take(*events, now=sent_at + 5)
            verdicts += [*report.domains, *report.given]
            if not verdicts:
                refusals_until += sum(each.kind is BOUNCED for each in events)

        assert [one.verdict.to for one in verdicts] == [State.STOPPED]
        assert verdicts[0].domain == AGENTS
        assert refusals_until <= 12
        assert (await states(one)) == {"sending"}


async def test_what_a_look_reads_is_found_by_index(alone: Daemon) -> None:
    await make_list(alone)
    await alone.take(*five_refused(), *(delivered(n, f"d{n}") for n in range(5)))
    await alone.pool.execute(
        "INSERT INTO bad_outcomes (sent_at, received_at, occurred_at, send, account, application, kind, counted, "
        "recipient_domain, sender_domain, message_id) SELECT $1::bigint, $1, $1, gen_random_uuid(), 1000 + n % 400, 1, "
        "CASE n % 50 WHEN 0 THEN 'complaint' ELSE 'bounced' END, true, 'd' || n % 300, 'agents.example', 'm' || n "
        "FROM generate_series(1, 20000) n",
        int(NOW - 100),
    )
    await alone.pool.execute("ANALYZE bad_outcomes")
    scans = set()
    for statement, values in (
        (domains.REFUSALS, (*AGENTS, int(NOW - 3600), int(NOW), 500)),
        (ledger.BAD_OF, (1, 1, "bounced", 50)),
        (ledger.REFUSED_OF, (1, 1, "agents.example", [NOW - 500], [None], int(NOW - 500))),
    ):
        async with alone.pool.acquire() as connection, connection.transaction():
            [plan] = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *values))
            scans |= {(node["Node Type"], node["Relation Name"]) for node in nodes_of(plan["Plan"])}

    assert not {scan for scan in scans if scan[0] == "Seq Scan" and scan[1].startswith("bad_outcomes")}
