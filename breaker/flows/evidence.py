"""What an account is judged by: its counters, without what is not to be held against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind
from breaker.flows.judge import Evidence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from breaker.domain.circuits.domain_circuit import Interval
    from breaker.domain.outcomes.causes import Bad
    from breaker.domain.windows.counters import Counters
    from breaker.ports import LedgerTransaction


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is left out when an account is judged.

    Args:
        domain: Its sending domain.
        intervals: Those of the domain: refusals of sends from within them are the domain's.
        gaps: Those of the feed: bounces of sends from within them may lack the deliveries beside them.
    """

    domain: str
    intervals: tuple[Interval, ...] = ()
    gaps: tuple[Interval, ...] = ()


async def evidence_of(
    transaction: LedgerTransaction,
    account: int,
    counters: Counters,
    left_out: LeftOut,
    first: Callable[[], Awaitable[None]],
) -> Evidence:
    """Return what an account is judged by.

    Args:
        transaction: In which it is locked.
        account: Breaker's number of it.
        counters: Its counters.
        left_out: What is left out.
        first: Awaited before anything is read: it writes down what the transaction has not yet.
    """
    intervals, gaps = left_out.intervals, left_out.gaps
    if intervals or gaps:
        await first()
        times = list(await transaction.bounced_of(account, gaps)) if gaps else []
        if intervals:
            refused = await transaction.refused_of(account, left_out.domain, intervals)
            times += [sent_at for sent_at in refused if not any(gap.covers(sent_at) for gap in gaps)]
        counters = counters.without(times) if times else counters

    async def latest(signal: Signal, limit: int) -> Sequence[Bad]:
        await first()
        kind = OutcomeKind.BOUNCED if signal is Signal.BOUNCE else OutcomeKind.COMPLAINT
        found = await transaction.bad_outcomes_of(account, kind, limit)
        return [
            bad
            for sent_at, bad in found
            if bad.bounce_class != BounceClass.POLICY or not any(one.covers(sent_at) for one in intervals)
        ]

    return Evidence(counters, latest)
