"""Watch stops: say so when an account that is stopped, and read back as stopped, goes on sending all the same.

While outcomes are counted it is only noted which sends are of stopped accounts and later than the platform's queue
explains; whether the platform had been read back by then is asked beside the hot path, for all of them at once.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, Protocol

from breaker.domain.platform.stop_evidence import has_leaked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breaker.ports import Account, ConfirmedStops

_MOST_SENDS = 100_000
"""Sends that may wait to be looked at; what is beyond says nothing that these don't."""

_REMEMBERED = 10_000
"""Stops of which is remembered that they were told of."""


class Told(Protocol):
    """Who is told."""

    def sent_after_stop(self, account: Account, sends: int, last_sent_at: float, *, first: bool) -> None:
        """Some sends of a stopped account left; `first`: none of this stop was told of before."""
        ...


class WatchStops:
    """The flow.

    Args:
        stops: Which accounts are stopped.
        told: Who is told.
    """

    def __init__(self, stops: ConfirmedStops, told: Told) -> None:
        """Wait for what is noted."""
        self._stops = stops
        self._told = told
        self._sends: defaultdict[int, list[int]] = defaultdict(list)
        self._accounts: dict[int, Account] = {}
        self._waiting = 0
        self._told_of: OrderedDict[tuple[int, int], None] = OrderedDict()

    def note(self, sends: Iterable[tuple[Account, int]]) -> None:
        """Take in sends that were just counted, each with its time of sending."""
        for account, sent_at in sends:
            if self._waiting < _MOST_SENDS:
                self._waiting += 1
                self._accounts[account.key] = account
                self._sends[account.key].append(sent_at)

    async def __call__(self) -> int:
        """Look at what was noted; return how many sends left that should not have.

        Raises:
            StoreError: The database can't be used; what was noted is looked at later.
        """
        if not self._sends:
            return 0
        confirmed = await self._stops.confirmed_at(list(self._sends))
        sends, self._sends = self._sends, defaultdict(list)
        accounts, self._accounts = self._accounts, {}
        self._waiting = 0
        leaked = 0
        for number, times in sends.items():
            if number not in confirmed:
                continue
            epoch, confirmed_at = confirmed[number]
            late = [sent_at for sent_at in times if has_leaked(sent_at, confirmed_at)]
            if late:
                leaked += len(late)
                first = self._is_first(number, epoch)
                self._told.sent_after_stop(accounts[number], len(late), max(late), first=first)
        return leaked

    def _is_first(self, number: int, epoch: int) -> bool:
        if (number, epoch) in self._told_of:
            return False
        self._told_of[number, epoch] = None
        if len(self._told_of) > _REMEMBERED:
            self._told_of.popitem(last=False)
        return True
