"""Release what the fleet guard holds: judge it again when there is room, the account nearest to the line first.

A held stop is judged by the account's counters as they are by now, at its latest bad outcome, exactly as if that had
just come: what is still justified is applied with a verdict of its own while the guard has room, and what is not stays
pending until it is given anew or a person looks at it. A domain's stop is judged again at its next refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.domain.circuits.circuit import HeldBy
from breaker.flows.judge_again import judge_again
from breaker.ports import TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breaker.domain.circuits.guard import HeldStop, Usage
    from breaker.domain.detectors.detectors import Signal
    from breaker.flows.count import Count
    from breaker.flows.judge import Given, Judge
    from breaker.flows.lease import Lease
    from breaker.ports import Clock, LedgerTransaction

_AT_ONCE = 100
"""Accounts that one look judges at most."""


class HeldStops(Protocol):
    """What the guard holds."""

    async def stops(self) -> Sequence[HeldStop]:
        """Return what is held, the most urgent first."""
        ...

    async def usage(self, now: float) -> Sequence[Usage]:
        """Return how much of every limit is used."""
        ...


@dataclass(frozen=True, slots=True)
class ReleaseHeld:
    """The flow: each call judges again what there may be room for.

    Args:
        held: What the guard holds.
        count: Returns what counts and judges now.
        lease: Held by the daemon that does it.
        clock: The time.
        told: Told of the verdicts once they are committed.
    """

    held: HeldStops
    count: Callable[[], Count]
    lease: Lease
    clock: Clock
    told: Callable[[Sequence[Given]], None]

    async def __call__(self) -> None:
        """Judge again.

        Raises:
            StoreError: The database can't be used now.
        """
        waiting = [one for one in await self.held.stops() if one.key is not None][:_AT_ONCE]
        if not waiting or not await self.lease.ensure():
            return
        for one in waiting:
            usage = await self.held.usage(self.clock.now())
            if not all(limit.has_room for limit in usage if limit.scope == "fleet"):
                return
            try:
                given = await self._judge(one)
            except TryTransactionAgainError:
                continue  # its next turn comes soon
            if given:
                self.told(given)

    async def _judge(self, one: HeldStop) -> Sequence[Given]:
        given: list[Given] = []
        count = self.count()
        judge = count.judge(given)
        async with count.ledger.transaction() as transaction:
            await self._judge_in(transaction, judge, one.key or 0, one.signal)
        return given

    async def _judge_in(self, transaction: LedgerTransaction, judge: Judge, key: int, signal: Signal) -> None:
        loaded = await transaction.load([key])
        if key not in loaded:
            return
        account, circuit, counters = loaded[key]
        if circuit.pending is None or circuit.pending.held_by is not HeldBy.GUARD:
            return
        await judge_again(transaction, judge, account, circuit, counters, signal, self.clock.now())
