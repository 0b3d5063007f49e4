from __future__ import annotations

import asyncio
from collections import Counter
from itertools import count
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from breaker.adapters.postgres.guard import Limits
from breaker.domain.circuits.circuit import Mode
from breaker.domain.detectors.budget import Budget
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.profiles.standard import standard_profile
from tests.counting.daemons import COUNTING, NOW, SIZES, daemon, event, started
from tests.counting.histories import Shape, history, wrong_windows

if TYPE_CHECKING:
    from tests.counting.daemons import Daemon
    from tests.counting.histories import History

few = settings(
    max_examples=25,
    # Every history has an application of its own, so the database may be the same for all.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    # A history is made from a seed, which does not get simpler by being smaller.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
seeds = st.integers(0, 2**32)
applications = count()
STANDARD = standard_profile(Budget(), SIZES, 0.8)
shapes = st.builds(
    lambda accounts, messages_and_batch, span: Shape(accounts, messages_and_batch[0], span, messages_and_batch[1]),
    st.integers(1, 3),
    st.sampled_from([(1, 7), (5, 7), (30, 7), (40, 200), (130, 80), (130, 400)]),
    st.sampled_from([1, 60, 50_000, 20 * 86_400]),
)


async def assert_as_by_brute_force(one: Daemon, happened: History) -> None:
    """Compare what is stored of every account with a recount of the events, and with one of the ledger."""
    for number in range(happened.accounts):
        row = await one.row(grant=happened.grant(number))
        counters = await one.counters(grant=happened.grant(number))
        sends = await one.pool.fetch("SELECT sent_at, outcomes FROM ledger WHERE account = $1", row["account"])
        expected = happened.final[number].values()

        assert row["address"] == happened.address(number)
        assert Counter(tuple(send) for send in sends) == Counter(expected)
        assert counters.totals == happened.expected_totals(number)
        assert counters.by_class == happened.expected_classes(number)
        assert wrong_windows(counters, list(expected)) == []


@given(seeds, shapes)
@few
async def test_any_order_repetition_and_batching_counts_as_a_recount_does(
    alone: Daemon, seed: int, shape: Shape
) -> None:
    happened = history(seed, shape)

    for batch in happened.batches:
        await alone.take(*batch)

    await assert_as_by_brute_force(alone, happened)


@given(seeds, shapes)
@few
async def test_it_does_not_matter_how_events_name_their_account(alone: Daemon, seed: int, shape: Shape) -> None:
    happened = history(seed, shape, "grant", "address", "both")

    for batch in happened.batches:
        await alone.take(*batch)

    await assert_as_by_brute_force(alone, happened)


@given(seeds, shapes)
@few
async def test_an_address_that_is_known_first_becomes_the_grants_own(alone: Daemon, seed: int, shape: Shape) -> None:
    happened = history(seed, shape, "address")

    for batch in happened.batches:
        await alone.take(*batch)

    await assert_as_by_brute_force(alone, happened)


@given(seeds, shapes)
@few
async def test_shared_counters_are_the_sums_over_accounts(alone: Daemon, seed: int, shape: Shape) -> None:
    happened = history(seed, shape)

    for batch in happened.batches:
        await alone.take(*batch)

    rows = await alone.pool.fetch(
        """
        SELECT t.domain, t.hour, sum(sends), sum(hard_bounces), sum(bounces), sum(delivered), sum(complaints),
               sum(rejected)
        FROM tally_additions t JOIN applications p USING (application) WHERE p.id = $1
        GROUP BY t.domain, t.hour
        """,
        happened.application,
    )
    expected: Counter[tuple[str, int, int]] = Counter()
    for sends in happened.final.values():
        for sent_at, outcomes in sends.values():
            for place, value in enumerate(COUNTING.tally(outcomes)[:6]):
                expected[f"{happened.application}.example", sent_at // 3600, place] += value
    stored = Counter({(row[0], row[1], place): row[2 + place] for row in rows for place in range(6)})
    assert +stored == +expected


@given(seeds)
@few
async def test_every_bad_outcome_is_noted_once(alone: Daemon, seed: int) -> None:
    happened = history(seed, Shape(2, 20, 50_000))

    for batch in happened.batches:
        await alone.take(*batch)

    noted = await alone.pool.fetch(
        """
        SELECT b.kind, b.bounce_class, b.sent_at, b.counted
        FROM bad_outcomes b JOIN applications p USING (application) WHERE p.id = $1
        """,
        happened.application,
    )
    expected = Counter(
        (kind, bounce_class, sent_at)
        for kind, bounce_class, sent_at, _, _ in {
            (str(one.kind), recipient.bounce_class, one.sent_at, one.message_id, recipient.address)
            for one in happened.events
            for recipient in one.recipients
            if one.kind in {"bounced", "complaint"}
        }
    )
    assert Counter((row["kind"], row["bounce_class"], row["sent_at"]) for row in noted) == expected
    assert all(row["counted"] for row in noted if row["kind"] == "complaint")


@pytest.mark.parametrize("naming", [("both",), ("grant", "address", "both")])
@pytest.mark.parametrize("seed", range(3))
async def test_two_daemons_on_the_same_accounts_count_exactly(
    database_url: str, seed: int, naming: tuple[str, ...]
) -> None:
    happened = history(seed, Shape(3, 120, 50_000), *naming)
    random = Random(seed)

    async with daemon(database_url, batch_size=16) as first, daemon(database_url, batch_size=50) as second:
        async with started(first), started(second):
            await asyncio.gather(*(random.choice((first, second)).ingest.submit(one) for one in happened.events))

        await assert_as_by_brute_force(first, happened)

        assert first.observed.refusals == second.observed.refusals == []
        assert sum(first.observed.sizes + second.observed.sizes) == len(happened.events)
        totals = [report.outcomes for one in (first, second) for report in one.observed.reports]
        counted = sum((Counter(one) for one in totals), Counter[str]())
        assert set(counted) <= {"counted", "repeated"}
        assert sum(counted.values()) == sum(len(one.recipients) for one in happened.events)


async def test_a_repeat_of_everything_changes_nothing_stored(alone: Daemon) -> None:
    happened = history(5, Shape(3, 60, 50_000))
    for batch in happened.batches:
        await alone.take(*batch)
    stored = await _all_that_counts(alone)

    for batch in happened.batches:
        report = await alone.take(*batch)

        assert report.outcomes.keys() == {"repeated"}

    assert await _all_that_counts(alone) == stored


async def _all_that_counts(one: Daemon) -> list[object]:
    return [
        [tuple(row) for row in await one.pool.fetch(query)]
        for query in (
            "SELECT account, send, sent_at, outcomes FROM ledger ORDER BY 1, 2",
            "SELECT account, counters FROM circuits ORDER BY 1",
            "SELECT send, kind, bounce_class FROM bad_outcomes ORDER BY 1, 2, 3",
            "SELECT * FROM tally_additions ORDER BY id",
        )
    ]


@given(seeds, st.sampled_from([3, 7, 60]), st.sampled_from([Mode.ENFORCE, Mode.OBSERVE]))
@settings(few, max_examples=8)
async def test_how_events_fall_into_batches_changes_no_verdict(
    database_url: str, seed: int, batch: int, mode: Mode
) -> None:
    """Four accounts that send in any order, of which some go bad, judged by the standard profile."""
    random = Random(seed)
    kinds = list(OutcomeKind)
    outcomes = [
        (
            random.choices(kinds, [10, account, 0.3 * account, 0.1])[0],
            f"g{account}",
            f"m{number}",
            NOW - 1000 + random.randrange(900),
        )
        for number in range(110)
        for account in range(4)
    ]
    given_verdicts = []
    for cut in (1_000, batch):
        application = f"app-{next(applications)}"
        events = [
            event(kind, name, grant=grant, sender=f"{grant}@{grant}.example", sent_at=at, application=application)
            for kind, grant, name, at in outcomes
        ]
        limits = Limits(in_window=(10_000, 0.0), in_all=(10_000, 0.0), in_group=(1, 0.0))
        async with daemon(database_url, mode=mode, profile=STANDARD, limits=limits) as one:
            reports = [await one.take(*events[start : start + cut]) for start in range(0, len(events), cut)]
        given_verdicts.append([(given.account.grant_id, given.verdict) for each in reports for given in each.given])

    assert given_verdicts[0]
    assert given_verdicts[0] == given_verdicts[1]
