"""The time, as flows ask for it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The one time that every part of a process is given; a simulation's runs faster than the wall."""

    def now(self) -> float:
        """Return the time in Unix seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once this clock, not the wall's, has advanced by `seconds`."""
        ...
