from __future__ import annotations

from functools import reduce
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.outcomes.outcomes import (
    BOUNCE_BITS,
    COUNTED_BY_DEFAULT,
    NOTHING,
    BounceClass,
    Counting,
    OutcomeKind,
    OutcomeSet,
    Recipient,
    Tally,
    added,
    outcome_bit,
)
from breaker.domain.windows.counters import Counters, WindowSizes
from tests.domain.recount import newest_first

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNTING = Counting()
DELIVERED, COMPLAINT, REJECTED = OutcomeSet.DELIVERED, OutcomeSet.COMPLAINT, OutcomeSet.REJECTED
UNKNOWN, FULL, SUPPRESSED = OutcomeSet.UNKNOWN_RECIPIENT, OutcomeSet.MAILBOX_FULL, OutcomeSet.SUPPRESSED

OUTCOMES = st.sampled_from(
    [
        *(outcome_bit(kind, None) for kind in OutcomeKind if kind is not OutcomeKind.BOUNCED),
        *(outcome_bit(OutcomeKind.BOUNCED, bounce_class) for bounce_class in BounceClass),
    ]
)
COUNTINGS = st.frozensets(st.sampled_from(BounceClass)).map(Counting)


def tally(**counts: int) -> Tally:
    return NOTHING._replace(**counts)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (OutcomeSet.NONE, NOTHING),
        (DELIVERED, tally(sends=1, delivered=1)),
        (UNKNOWN, tally(sends=1, hard_bounces=1, bounces=1)),
        (DELIVERED | UNKNOWN, tally(sends=1, hard_bounces=1, bounces=1, delivered=1)),
        (COMPLAINT, tally(sends=1, delivered=1, complaints=1)),
        (DELIVERED | COMPLAINT, tally(sends=1, delivered=1, complaints=1)),
        (FULL, tally(sends=1, bounces=1)),
        (FULL | DELIVERED, tally(sends=1, bounces=1, delivered=1)),
        (FULL | UNKNOWN, tally(sends=1, hard_bounces=1, bounces=1)),
        (SUPPRESSED, tally(sends=1, bounces=1)),
        (OutcomeSet.POLICY, tally(sends=1, hard_bounces=1, bounces=1)),
        (OutcomeSet.UNDETERMINED, tally(sends=1, hard_bounces=1, bounces=1)),
        (OutcomeSet.CONTENT_OR_SIZE, tally(sends=1, bounces=1)),
        (OutcomeSet.TRANSIENT, tally(sends=1, bounces=1)),
        (REJECTED, tally(rejected=1)),
        (REJECTED | DELIVERED, tally(sends=1, delivered=1, rejected=1)),
        (DELIVERED | OutcomeSet.FEEDBACK, tally(sends=1, delivered=1, feedback_delivered=1)),
        (
            COMPLAINT | OutcomeSet.FEEDBACK,
            tally(sends=1, delivered=1, complaints=1, feedback_delivered=1, feedback_complaints=1),
        ),
        (UNKNOWN | OutcomeSet.FEEDBACK, tally(sends=1, hard_bounces=1, bounces=1)),
    ],
)
def test_a_set_of_outcomes_is_worth_what_the_table_says(outcomes: OutcomeSet, expected: Tally) -> None:
    assert COUNTING.tally(outcomes) == expected


def test_a_class_can_be_counted_or_left_out() -> None:
    counting = Counting((COUNTED_BY_DEFAULT - {BounceClass.POLICY}) | {BounceClass.MAILBOX_FULL})

    assert counting.tally(OutcomeSet.POLICY) == tally(sends=1, bounces=1)
    assert counting.tally(FULL) == tally(sends=1, hard_bounces=1, bounces=1)


def test_every_set_of_outcomes_fits_a_smallint() -> None:
    assert sum(OutcomeSet) < 2**15


@pytest.mark.parametrize(
    ("address", "domain"),
    [("a@b.example", "b.example"), ('"a@b"@c.example', "c.example"), ("nobody", ""), ("a@", ""), ("", "")],
)
def test_a_recipient_has_the_domain_behind_the_last_at(address: str, domain: str) -> None:
    assert Recipient(address).domain == domain


@given(COUNTINGS, st.sets(OUTCOMES), OUTCOMES, st.booleans())
def test_no_outcome_takes_anything_away_and_none_counts_twice(
    counting: Counting, known: set[int], fresh: int, feedback: bool
) -> None:
    before = sum(known) | (OutcomeSet.FEEDBACK if feedback and known else 0)
    after = before | fresh | (OutcomeSet.FEEDBACK if feedback else 0)

    gained = counting.change(before, after)

    assert min(gained) >= 0
    assert max(counting.tally(after)) <= 1
    assert counting.change(after, after | fresh) == NOTHING


@given(COUNTINGS, st.sets(OUTCOMES))
def test_no_rate_can_exceed_the_whole(counting: Counting, known: set[int]) -> None:
    worth = counting.tally(sum(known))

    assert worth.hard_bounces <= worth.bounces <= worth.sends
    assert worth.complaints <= worth.delivered <= worth.sends
    assert worth.feedback_complaints <= worth.feedback_delivered <= worth.delivered


def _count(arrivals: Sequence[tuple[int, int]], counting: Counting) -> Counters:
    """Count outcomes one by one as they come: `(send, bit)`; every third recipient's domain sends feedback."""
    counters = Counters(WindowSizes((100,), (100,)))
    known: dict[int, int] = {}
    for send, bit in arrivals:
        before = known.get(send, 0)
        after = before | bit | (OutcomeSet.FEEDBACK if not before and send % 3 == 0 else 0)
        known[send] = after
        counters.record(1_000_000 + send, before, after, counting)
        if counters.crowded:
            ledger = [(1_000_000 + number, outcomes) for number, outcomes in known.items()]
            counters.recount(newest_first(ledger), counting)
    return counters


@given(
    st.lists(st.tuples(st.integers(0, 30), OUTCOMES), max_size=120),
    st.lists(st.integers(0, 119), max_size=40),
    st.integers(0, 2**32),
    COUNTINGS,
)
def test_the_order_and_repetition_of_outcomes_change_no_count(
    outcomes: list[tuple[int, int]], repeated: list[int], seed: int, counting: Counting
) -> None:
    shuffled = outcomes + [outcomes[place] for place in repeated if place < len(outcomes)]
    Random(seed).shuffle(shuffled)
    final: dict[int, int] = {}
    for send, bit in outcomes:
        final[send] = final.get(send, 0) | bit | (OutcomeSet.FEEDBACK if send % 3 == 0 else 0)
    worth = [counting.tally(known) for known in final.values()]
    expected = reduce(added, worth, NOTHING)
    classes = {name: sum(1 for known in final.values() if known & bit) for name, bit in BOUNCE_BITS.items()}

    in_order, in_any_order = _count(outcomes, counting), _count(shuffled, counting)

    assert in_order.totals == in_any_order.totals == expected
    assert in_order.by_class == in_any_order.by_class == classes
    # Fewer sends than the window holds: whatever the order, all of them are in it.
    for counters in (in_order, in_any_order):
        assert counters.bounces.windows() == ((100, expected.hard_bounces, expected.sends),)
        assert counters.complaints.windows() == ((100, expected.complaints, expected.delivered),)
        assert counters.feedback.windows() == ((100, expected.feedback_complaints, expected.feedback_delivered),)
