"""An event loop whose time can be moved on, so that leases and time limits follow a simulated clock."""

from __future__ import annotations

import asyncio


class MovableLoop(asyncio.SelectorEventLoop):
    """The wall's time, and what it was moved on by."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = 0.0

    def time(self) -> float:
        """Return the loop's time, in seconds."""
        return super().time() + self._ahead

    def move_on(self, seconds: float) -> None:
        """Let so many seconds have passed."""
        self._ahead += seconds
