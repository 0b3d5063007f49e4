"""The budget of requests to the platform: so many a second for one application, the urgent ones first."""

from __future__ import annotations

import itertools
from bisect import insort
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from breaker.ports import Urgency

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.ports import Clock

REQUESTS_PER_SECOND = 20.0
"""The platform allows 50 a second for an application (its documentation, "Rate limits"); the rest is its owner's."""

SWEEP_SHARE = 0.25
"""The part of the budget that sweeps may use, so that they never delay what acts."""

_SHORTEST_WAIT = 0.001


class _Bucket:
    """Tokens that come back at a steady rate; a second's worth at most, and never less than one."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate)
        self._tokens = self._most
        self._at = now

    def wait_for(self, tokens: int, now: float) -> float:
        """Return the seconds until there are as many tokens, 0 where there are."""
        if now > self._at:
            self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
            self._at = now
        missing = tokens - self._tokens
        return max(0.0, self._at - now) + max(0.0, missing / self._rate)

    def take(self) -> None:
        self._tokens -= 1.0

    def close_until(self, moment: float) -> None:
        self._tokens = min(self._tokens, 1.0)
        self._at = max(self._at, moment)


class Budget:
    """Gives turns to requests: at most `requests_per_second`, the most urgent first.

    Args:
        clock: The time that the budget is counted in.
        requests_per_second: How many turns a second has; a burst may use a second's worth at once.
    """

    def __init__(self, clock: Clock, requests_per_second: float = REQUESTS_PER_SECOND) -> None:
        self._clock = clock
        self._all = _Bucket(requests_per_second, clock.now())
        self._sweeps = _Bucket(requests_per_second * SWEEP_SHARE, clock.now())
        self._waiting: list[tuple[Urgency, int]] = []
        self._order = itertools.count()

    async def turn(self, urgency: Urgency) -> None:
        """Return when a request of this urgency may be sent."""
        async with self._in_line(urgency):
            self._all.take()
            if urgency is Urgency.SWEEP:
                self._sweeps.take()

    async def ready(self, urgency: Urgency) -> None:
        """Return when a request of this urgency would have its turn at once; none is taken."""
        async with self._in_line(urgency):
            pass

    @asynccontextmanager
    async def _in_line(self, urgency: Urgency) -> AsyncIterator[None]:
        """Wait in line, and leave it when the block ends."""
        place = (urgency, next(self._order))
        insort(self._waiting, place)
        try:
            while (wait := self._wait(place)) > 0.0:
                await self._clock.sleep(max(wait, _SHORTEST_WAIT))
            yield
        finally:
            self._waiting.remove(place)

    def close_for(self, seconds: float) -> None:
        """Give no turn for some time, since the platform said that there were too many."""
        for bucket in (self._all, self._sweeps):
            bucket.close_until(self._clock.now() + seconds)

    def _wait(self, place: tuple[Urgency, int]) -> float:
        now = self._clock.now()
        turns = self._waiting.index(place) + 1
        wait = self._all.wait_for(turns, now)
        if place[0] is Urgency.SWEEP:
            sweeps_before = sum(1 for urgency, _ in self._waiting[:turns] if urgency is Urgency.SWEEP)
            wait = max(wait, self._sweeps.wait_for(sweeps_before, now))
        return wait
