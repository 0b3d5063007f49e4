"""Sweeping: a look at the platform that is made again and again, by one daemon at a time, and says how often it is.

Sweeps get a quarter of the requests that Breaker makes, so of a large fleet they take longer, and so does the time from
one to the next; stops never wait for them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from breaker.flows.lease import Lease
    from breaker.ports import Clock

_REST = 0.25
"""The part of a sweep's time that passes at least before the next, so that others come to their turn."""

_TURN = 10.0
"""Seconds after which a daemon asks again whether it is its turn: the one that swept may have died."""


@dataclass(slots=True)
class Sweeping:
    """One kind of sweep of one application.

    Args:
        name: What it is called.
        work: Makes one.
        lease: Held by the daemon that makes them.
        clock: The time.
        told: Told of each one that was made: its name, and the seconds since the one before began, or None.
    """

    name: str
    work: Callable[[], Awaitable[object]]
    lease: Lease
    clock: Clock
    told: Callable[[str, float | None], None]
    _began_at: float | None = field(init=False, default=None)
    _took: float = field(init=False, default=0.0)

    async def __call__(self) -> bool:
        """Make one, where it is this daemon's turn; tell whether it was.

        Raises:
            PlatformError: As the work does.
            StoreError: The same.
        """
        self._took = 0.0
        if not await self.lease.ensure():
            self._began_at = None
            return False
        before, began_at = self._began_at, self.clock.now()
        self._began_at = began_at
        try:
            await self.work()
        finally:
            self._took = self.clock.now() - began_at
        self.told(self.name, None if before is None else began_at - before)
        return True

    async def rest(self, seconds: float) -> None:
        """Wait until the next one is due, so many seconds after the last one began, and later after a long one."""
        if self._began_at is None:
            await self.clock.sleep(min(seconds, _TURN))
        else:
            await self.clock.sleep(max(seconds - self._took, self._took * _REST))


async def keep(lease: Lease) -> None:
    """Renew a lease for as long as it is held, and give it back when cancelled."""
    async with lease.kept():
        await asyncio.Event().wait()
