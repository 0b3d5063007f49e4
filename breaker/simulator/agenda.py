"""What is to happen later: callbacks in the order of their time, on the simulation's clock."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from breaker.ports import Clock


class Agenda:
    """Runs callbacks when their time has come, those of the same time in the order in which they were added.

    One sleeper at a time waits on the clock, for the earliest of them, so that a clock that is advanced needs to give
    the event loop few turns however many there are.

    Args:
        clock: The simulation's time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._items: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._started = False
        self._running = False
        self._sleeper: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Have `what` called at `when` (Unix seconds), or at the next turn if that is past."""
        entry = (when, next(self._order), what)
        heapq.heappush(self._items, entry)
        if self._items[0] is entry and not self._running:
            self._arm()

    def start(self) -> None:
        """Begin to watch the clock; a second start does nothing."""
        if not self._started:
            self._started = True
            self._arm()

    async def stop(self) -> None:
        """Cease to watch the clock; what is not due yet stays on the agenda."""
        self._started = False
        if self._sleeper is not None:
            self._sleeper.cancel()
            await asyncio.gather(self._sleeper, return_exceptions=True)
            self._sleeper = None

    def _arm(self) -> None:
        if self._sleeper is not None:
            self._sleeper.cancel()
            self._sleeper = None
        if self._started and self._items:
            self._sleeper = asyncio.create_task(self._run(), name="simulator agenda")

    async def _run(self) -> None:
        while self._items:
            await self._clock.sleep(self._items[0][0] - self._clock.now())
            self._running = True
            try:
                while self._items and self._items[0][0] <= self._clock.now():
                    heapq.heappop(self._items)[2]()
            finally:
                self._running = False
