from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.circuits.states import State
from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.detectors.pooled import Group, GroupCount, GroupKind, Membership, Pooled, pool
from breaker.domain.statistics.beta_binomial import Belief, estimate

BUDGET = Budget()
NOW = 1_700_000_000.0
OURS = Group("app", GroupKind.DOMAIN, "ours.example")


def group(number: int) -> Group:
    return Group("app", GroupKind.DOMAIN, f"d{number}.example")


def fleet(**complaints: int) -> Pooled:
    """Pool a hundred healthy domains, and one of ours whose accounts have complaints."""
    counts = {
        group(n): [GroupCount(days, 2_000 * days, {"x": 1} if n < 8 * days else {}) for days in (1, 3)]
        for n in range(100)
    }
    counts[OURS] = [GroupCount(days, 2_000 * days, complaints) for days in (1, 3)]
    return pool(counts, BUDGET, NOW)


def test_the_third_complaint_of_a_domain_counts_for_the_mailbox_that_adds_the_next() -> None:
    found = fleet(a=2, b=2, c=2, d=1).suspect([Membership(OURS, "e")])

    assert found is not None
    suspicion, by = found
    assert by == OURS
    assert suspicion == Suspicion(
        "pooled", Signal.COMPLAINT, State.LIMITED, None, 8, 2_000, 7 / 2_000, "domain ours.example within 1 day"
    )


def test_one_member_alone_is_no_evidence_against_another() -> None:
    alone, with_a_second, many = fleet(a=40), fleet(a=40, b=1), fleet(a=40, b=2, c=2, d=2)

    assert alone.suspect([Membership(OURS, "e")]) is None
    assert with_a_second.suspect([Membership(OURS, "e")]) is None
    assert many.suspect([Membership(OURS, "e")]) is not None


def test_an_account_is_not_suspected_for_its_own_complaints_twice() -> None:
    pooled = fleet(a=2, b=2, c=2, d=1)

    [theirs, own] = [pooled.suspect([Membership(OURS, member)]) for member in "ea"]

    assert theirs is not None
    assert own is not None
    assert (theirs[0].count, own[0].count) == (8, 7)


def test_what_is_known_of_no_group_says_nothing() -> None:
    assert Pooled().suspect([Membership(OURS, "a")]) is None
    assert fleet(a=2, b=2, c=2, d=1).suspect([Membership(group(99), "a")]) is None


def test_a_group_is_described_by_what_its_verdict_follows_from() -> None:
    pooled = fleet(a=2, b=1)

    assert pooled.describe(OURS) == {
        "at": NOW,
        "prior": [pooled.prior.a, pooled.prior.b],
        "group": "domain:ours.example",
        "spans": [
            {"days": 1, "delivered": 2_000, "members": 2, "needed": 7},
            {"days": 3, "delivered": 6_000, "members": 2, "needed": 10},
        ],
    }


@pytest.mark.parametrize("daily", [200, 2_000, 20_000])
def test_a_healthy_fleets_groups_are_suspected_no_more_than_the_budget_allows(daily: int) -> None:
    pooled = pool({group(n): [GroupCount(1, daily, {"x": 1})] for n in range(100)}, BUDGET, NOW)
    [(_, needed)] = pooled.groups[group(0)]
    source = Random(f"pooled {daily}")
    days = 3_000

    alarms = sum(poisson(source, daily * 0.0003) >= needed for _ in range(days))

    # Days that are whole: a window that slides meets it more often, which the number needed allows for.
    assert 7 * 100 * alarms / days <= 0.03 * 8 + 3 * (7 * 100 / days)


def poisson(source: Random, mean: float) -> int:
    count, at = 0, source.expovariate(1)
    while at < mean:
        count += 1
        at += source.expovariate(1)
    return count


def test_a_prior_is_that_of_the_fleet_its_rates_were_drawn_from() -> None:
    source = Random("prior")
    drawn = [source.betavariate(1.0, 999.0) for _ in range(300)]
    counts = [(sum(source.random() < rate for _ in range(5_000)), 5_000) for rate in drawn]

    found = estimate(counts, 0.0003)

    assert found.mean == pytest.approx(0.001, rel=0.2)
    assert found.a == pytest.approx(1.0, rel=0.3)


def test_where_hardly_anything_is_known_the_usual_is_believed() -> None:
    assert estimate([(1, 10_000), (0, 10_000)], 0.0003) == Belief(1.0, 1 / 0.0003 - 1)
    assert estimate([], 0.0003).mean == pytest.approx(0.0003)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 100_000)).map(lambda one: (min(one), one[1]))))
def test_a_prior_is_always_one(counts: list[tuple[int, int]]) -> None:
    found = estimate(counts, 0.0003)

    assert found.a > 0
    assert found.b > 0
    assert 0 < found.mean < 1
