"""The clocks of a simulation: one that a driver moves, and one that follows the wall at a chosen pace.

Everything simulated is given one of these and never looks at the wall. What is not simulated (how long a real socket
may take to answer) stays in real seconds: a fast clock would turn every honest answer into a late one.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: 2026-01-05 00:00:00 UTC, a Monday: simulations that are told no other start begin here, so that two runs agree.
DEFAULT_START = 1_767_571_200.0

#: Turns of the event loop that woken tasks get before time goes on: one to wake, the others for tasks that wait on the
#: woken one. Work that needs sockets takes longer; a driver waits for it by other means (`SimulatedPlatform.settled`).
TURNS_BETWEEN_WAKES = 3


class SimulatedClock:
    """A clock that stands still until a driver advances it; implements `breaker.ports.Clock`.

    Args:
        start: The first time, in Unix seconds.
    """

    def __init__(self, start: float = DEFAULT_START) -> None:
        self._now = start
        self._waiting: list[tuple[float, int, asyncio.Future[None] | Callable[[], None]]] = []
        self._order = itertools.count()
        self._advancing = False

    def now(self) -> float:
        """Return the simulated time in Unix seconds."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return once a driver has advanced the clock by `seconds`; at once (after one turn) if not positive."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self._now + seconds, next(self._order), woken))
        await woken

    def call_at(self, when: float, callback: Callable[[], None]) -> None:
        """Have `callback` called when the clock is advanced to `when` (Unix seconds) or beyond.

        Unlike a sleeper, it needs no turn of the event loop; what it raises, `advance` raises.
        """
        heapq.heappush(self._waiting, (when, next(self._order), callback))

    def next_wake(self) -> float | None:
        """Return when somebody wakes or is called next, or None if nobody is: a driver may skip what lies between."""
        while self._waiting and isinstance(first := self._waiting[0][2], asyncio.Future) and first.done():
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    @property
    def advancing(self) -> bool:
        """Whether a driver is advancing the clock at this moment, so that nobody else may."""
        return self._advancing

    async def advance(self, seconds: float) -> None:
        """Move time on, waking sleepers in the order of their time and letting them run in between.

        A sleeper that goes to sleep again within the span wakes again within it.

        Args:
            seconds: How far; not negative.

        Raises:
            ValueError: If `seconds` is negative.
            RuntimeError: If another driver is advancing the clock at this moment.
        """
        if seconds < 0:
            raise ValueError(f"a clock cannot be advanced by {seconds} seconds: time does not run backwards")
        if self._advancing:
            raise RuntimeError("the clock is being advanced already: one simulation has one driver")
        self._advancing = True
        try:
            await self._let_run()
            target = self._now + seconds
            while (wakes_at := self.next_wake()) is not None and wakes_at <= target:
                self._now = max(self._now, wakes_at)
                if self._wake_due():
                    await self._let_run()
            self._now = target
            await self._let_run()
        finally:
            self._advancing = False

    def _wake_due(self) -> bool:
        """Call and wake all that are due, and tell whether any of them was a sleeper."""
        woke = False
        while self._waiting and self._waiting[0][0] <= self._now:
            due = heapq.heappop(self._waiting)[2]
            if not isinstance(due, asyncio.Future):
                due()
            elif not due.done():
                due.set_result(None)
                woke = True
        return woke

    async def _let_run(self) -> None:
        for _ in range(TURNS_BETWEEN_WAKES):
            await asyncio.sleep(0)


class PacedClock:
    """A clock that follows the wall, `speed` times as fast; for `breaker simulate`, where nobody drives.

    Args:
        speed: Simulated seconds in one real second; positive.
        start: The first time in Unix seconds; the present if None.
    """

    def __init__(self, speed: float = 1.0, start: float | None = None) -> None:
        self._speed = _positive(speed)
        self._origin = time.time() if start is None else start
        self._origin_on_wall = time.monotonic()
        self._stands_at: float | None = None
        self._speed_changed = asyncio.Event()

    @property
    def speed(self) -> float:
        """Simulated seconds in one real second."""
        return self._speed

    def now(self) -> float:
        """Return the time in Unix seconds."""
        if self._stands_at is not None:
            return self._stands_at
        return self._origin + (time.monotonic() - self._origin_on_wall) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Return once this clock has moved on by `seconds`, whatever its speed becomes meanwhile."""
        wakes_at = self.now() + seconds
        while (remaining := wakes_at - self.now()) > 0:
            try:
                async with asyncio.timeout(remaining / self._speed):
                    await self._speed_changed.wait()
            except TimeoutError:
                return
        await asyncio.sleep(0)

    def stand(self, at: float) -> None:
        """Stand still at a time, for a history that is made before anybody looks; `go_on` ends it."""
        self._stands_at = at

    def go_on(self) -> None:
        """Follow the wall again, from the present that the clock was made with."""
        self._stands_at = None

    def set_speed(self, speed: float) -> None:
        """Go on from the present moment at another pace.

        Raises:
            ValueError: If `speed` is not positive.
        """
        self._origin, self._origin_on_wall = self.now(), time.monotonic()
        self._speed = _positive(speed)
        self._speed_changed.set()
        self._speed_changed = asyncio.Event()


def _positive(speed: float) -> float:
    if speed <= 0:
        raise ValueError(f"a clock's speed must be above 0, not {speed}")
    return speed
