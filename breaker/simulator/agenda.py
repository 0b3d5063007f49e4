"""What is to happen later: callbacks in the order of their time, on the simulation's clock."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from typing import TYPE_CHECKING

from breaker.simulator.clock import SimulatedClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from breaker.ports import Clock

_LOGGER = logging.getLogger(__name__)


class Agenda:
    """Runs callbacks when their time has come, those of the same time in the order in which they were added.

    On a clock that is driven they are run by whoever drives it, without a turn of the event loop, and what one raises
    reaches the driver; on another by a sleeper that waits for the earliest.

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
        """Have `what` called at `when` (Unix seconds), or as soon as may be if that is past."""
        entry = (when, next(self._order), what)
        heapq.heappush(self._items, entry)
        if self._items[0] is entry and not self._running:
            self._arm()

    def run_through(self, until: float, stand: Callable[[float], None]) -> None:
        """Run all that is due until a moment, before the clock is watched, each at its own time.

        Args:
            until: The moment, in Unix seconds.
            stand: Makes the clock stand at a time; it is called with the times in their order, `until` last.
        """
        while self._items and self._items[0][0] <= until:
            stand(max(self._items[0][0], self._clock.now()))
            self._run_due()
        stand(until)

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
        """Be called when the earliest is due; to be called too early or twice does no harm."""
        if not (self._started and self._items):
            return
        if isinstance(self._clock, SimulatedClock):
            self._clock.call_at(self._items[0][0], self._run_due_and_arm)
            return
        if self._sleeper is not None:
            self._sleeper.cancel()
        self._sleeper = asyncio.create_task(self._sleep_and_run(), name="simulator agenda")

    def _run_due_and_arm(self) -> None:
        if self._started:
            self._run_due()
            self._arm()

    async def _sleep_and_run(self) -> None:
        while self._items:
            await self._clock.sleep(self._items[0][0] - self._clock.now())
            try:
                self._run_due()
            except Exception:
                # Nobody awaits this task: what failed is told, and what follows happens all the same.
                _LOGGER.exception("something that was to happen in the simulated world failed")

    def _run_due(self) -> None:
        self._running = True
        try:
            while self._items and self._items[0][0] <= self._clock.now():
                heapq.heappop(self._items)[2]()
        finally:
            self._running = False
