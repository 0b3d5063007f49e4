"""The wall's clock, for a daemon that guards real mailboxes; simulations bring one of their own."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """`breaker.ports.Clock` on the machine's own time."""

    def now(self) -> float:
        """Return the wall's time in Unix seconds; it may step when the machine's clock is set."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time, so that setting the machine's clock stretches no wait."""
        await asyncio.sleep(seconds)
