"""What is to happen later: callbacks in the order of their time, on the simulation's clock."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from breaker.ports import Clock


class Agenda:
    """Runs callbacks when their time has come, those of the same time in the order in which they were added.

    Args:
        clock: The simulation's time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._items: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Have `what` called at `when` (Unix seconds), or at the next turn if that is past."""
        heapq.heappush(self._items, (when, next(self._order), what))
        if self._items[0][0] == when:
            self._changed.set()

    def run_due(self) -> None:
        """Call all whose time has come, without waiting for the runner: for drivers without an event loop's turn."""
        while self._items and self._items[0][0] <= self._clock.now():
            heapq.heappop(self._items)[2]()

    def start(self) -> None:
        """Begin to watch the clock; a second start does nothing."""
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name="simulator agenda")

    async def stop(self) -> None:
        """Cease to watch the clock; what is not due yet stays on the agenda."""
        if self._runner is not None:
            self._runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._runner
            self._runner = None

    async def _run(self) -> None:
        while True:
            self.run_due()
            self._changed.clear()
            waits: set[asyncio.Task[object]] = {asyncio.create_task(self._changed.wait())}
            if self._items:
                waits.add(asyncio.create_task(self._clock.sleep(self._items[0][0] - self._clock.now())))
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
                await asyncio.gather(*waits, return_exceptions=True)
