"""Recipient domains that send complaint feedback: learnt for the whole fleet, and judged on a full window only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.feedback import PostgresFeedback
from breaker.domain.detectors.detectors import Signal, windows_of
from breaker.domain.outcomes.outcomes import Counting, OutcomeKind, OutcomeSet
from breaker.domain.outcomes.sends import Rules
from breaker.domain.windows.counters import Counters, WindowSizes
from breaker.flows.learn_feedback import FeedbackDomains, LearnFeedback
from breaker.ports import LearntDomain
from tests.counting.daemons import COUNTING, FEEDBACK, NOW, SIMULATOR, daemon, event

if TYPE_CHECKING:
    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from tests.counting.daemons import Daemon

COMPLAINT, DELIVERED = OutcomeKind.COMPLAINT, OutcomeKind.DELIVERED


def complaint(number: int, message: str, at: str = "corp.example") -> DeliveryEvent:
    return event(
        COMPLAINT, message, f"{message}@{at}", grant=f"grant-{number}", sender=f"agent-{number}@agents.example"
    )


def flow(one: Daemon, known: FeedbackDomains) -> LearnFeedback:
    return LearnFeedback(PostgresFeedback(one.pool), known, one.clock)


async def test_three_complaints_of_two_accounts_make_a_feedback_domain(alone: Daemon) -> None:
    known = FeedbackDomains({FEEDBACK})
    await alone.take(complaint(1, "a"), complaint(1, "b"), complaint(2, "c"))

    assert await flow(alone, known)() == ["corp.example"]
    assert "corp.example" in known
    assert FEEDBACK in known
    assert await PostgresFeedback(alone.pool).all() == [LearntDomain("corp.example", 3, 2, NOW)]


async def test_fewer_complaints_or_one_account_make_none(alone: Daemon) -> None:
    known = FeedbackDomains(())
    one_account = [complaint(1, f"o{n}", "one.example") for n in range(9)]
    two_complaints = [complaint(n, f"t{n}", "two.example") for n in range(2)]
    await alone.take(*one_account, *two_complaints)

    assert await flow(alone, known)() == []


async def test_what_was_learnt_is_known_at_the_next_start_and_not_forgotten_with_the_ledger(alone: Daemon) -> None:
    await alone.take(complaint(1, "a"), complaint(1, "b"), complaint(2, "c"))
    await flow(alone, FeedbackDomains(()))()
    await alone.pool.execute("DELETE FROM bad_outcomes")
    known = FeedbackDomains(())

    await flow(alone, known)()

    assert "corp.example" in known


async def test_sends_count_among_those_with_feedback_from_then_on_for_every_account(database_url: str) -> None:
    known = FeedbackDomains({FEEDBACK})
    async with daemon(database_url, rules=Rules(COUNTING, known, frozenset({SIMULATOR}), b"k" * 32)) as one:
        await one.take(complaint(1, "a"), complaint(1, "b"), complaint(2, "c"))
        before = event(DELIVERED, "before", "x@corp.example", grant="grant-3", sender="agent-3@agents.example")
        await one.take(before)
        await flow(one, known)()
        after = event(DELIVERED, "after", "x@corp.example", grant="grant-3", sender="agent-3@agents.example")
        await one.take(after)

        totals = (await one.counters(grant="grant-3")).totals
        assert (totals.delivered, totals.feedback_delivered) == (2, 1)


def test_a_rate_over_such_deliveries_is_judged_on_a_full_window_only() -> None:
    counters, counting = Counters(WindowSizes((100,), (100,))), Counting()
    with_feedback = int(OutcomeSet.DELIVERED | OutcomeSet.FEEDBACK)
    for second in range(98):
        counters.record(1_000 + second, 0, with_feedback, counting)
    assert [window.total for window in windows_of(counters, Signal.COMPLAINT)] == [98]

    for second in range(98, 100):
        counters.record(1_000 + second, 0, with_feedback, counting)
    assert [window.total for window in windows_of(counters, Signal.COMPLAINT)] == [100, 100]
