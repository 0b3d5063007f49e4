"""Holding a lease: taken before the work, renewed while it lasts, and known to be lost without asking.

How long it is held is measured here, in real time from before it was asked for, so that a process that was stopped for
a while knows by itself that another may have taken over.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.ports import Leases


@dataclass(slots=True)
class Lease:
    """The right to do some work that one daemon at a time may do.

    Args:
        leases: Where it is taken.
        name: What it is for.
        holder: This process's name.
        lasts: Seconds it lasts; a dead holder's work is taken over after them.
    """

    leases: Leases
    name: str
    holder: str
    lasts: float
    _held_until: float = field(init=False, default=0.0)
    _refused_until: float = field(init=False, default=0.0)

    @property
    def held(self) -> bool:
        """Whether it is certainly still ours."""
        return asyncio.get_running_loop().time() < self._held_until

    async def ensure(self) -> bool:
        """Take it, or renew it where a third has passed; where another holds it, ask once in a while.

        Raises:
            StoreError: The database can't be asked.
        """
        now = asyncio.get_running_loop().time()
        if not self.held and now < self._refused_until:
            return False
        if self._held_until - now < self.lasts * 2 / 3:
            await self._take()
        return self.held

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renew it for as long as the block lasts, however long single steps take, and give it back in the end."""
        keeper = asyncio.create_task(self._keep(), name=f"lease {self.name}")
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await self.give_back()

    async def give_back(self) -> None:
        """Let another daemon take it at once."""
        self._held_until = 0.0
        with suppress(StoreError):
            await self.leases.release(self.name, self.holder)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self.lasts / 3)
            if self.held:
                with suppress(StoreError):
                    await self._take()

    async def _take(self) -> None:
        asked_at = asyncio.get_running_loop().time()
        if await self.leases.take(self.name, self.holder, self.lasts):
            self._held_until = asked_at + self.lasts
        else:
            self._held_until = 0.0
            self._refused_until = asked_at + self.lasts / 10
