"""Judge once: all accounts that history was read of, when it is counted, and only as if they were observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.detectors.detectors import Signal
from breaker.flows.judge_again import judge_again
from breaker.ports import TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from breaker.domain.windows.counters import Counters
    from breaker.flows.count import Count
    from breaker.flows.judge import Given
    from breaker.ports import ActiveAccounts, Clock

_PAGE = 500
_TRIES = 8


@dataclass(frozen=True, slots=True)
class JudgeOnce:
    """The flow: one call judges every account of an application that had something bad of late.

    Args:
        accounts: The accounts that send.
        count: What judges. Its modes let nothing be done, so what is found stands as pending beside the state, and
            nobody is stopped for what was seen before.
        clock: The time.
        first: Awaited before anybody is judged: reads what the accounts of a group say about each other.
    """

    accounts: ActiveAccounts
    count: Count
    clock: Clock
    first: Callable[[], Awaitable[object]]

    async def __call__(self, application_id: str, since: float) -> list[Given]:
        """Judge, and return the verdicts.

        Args:
            application_id: The application.
            since: Accounts that were not heard of since this moment are left out, Unix seconds.

        Raises:
            StoreError: The database can't be used now; verdicts that were given stay.
        """
        await self.first()
        given: list[Given] = []
        async for page in self.accounts.pages(since, _PAGE):
            for account, _, counters in page:
                if account.application_id == application_id and (signals := _signals(counters)):
                    given += await self._judge_trying_again(account.key, signals)
        return given

    async def _judge_trying_again(self, key: int, signals: list[Signal]) -> list[Given]:
        for _ in range(_TRIES - 1):
            try:
                return await self._judge(key, signals)
            except TryTransactionAgainError:
                continue
        return await self._judge(key, signals)

    async def _judge(self, key: int, signals: list[Signal]) -> list[Given]:
        given: list[Given] = []
        judge = self.count.judge(given)
        async with self.count.ledger.transaction() as transaction:
            loaded = await transaction.load([key])
            if key in loaded:
                account, circuit, counters = loaded[key]
                for signal in signals:
                    circuit = await judge_again(
                        transaction, judge, account, circuit, counters, signal, self.clock.now()
                    )
        return given


def _signals(counters: Counters) -> list[Signal]:
    """Return the signals that say anything bad of an account."""
    bad = {Signal.BOUNCE: counters.totals.hard_bounces, Signal.COMPLAINT: counters.totals.complaints}
    return [signal for signal, number in bad.items() if number]
