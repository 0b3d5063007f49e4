"""Leases: which one daemon does a piece of work."""

from __future__ import annotations

from typing import Protocol


class Leases(Protocol):
    """Work that one daemon at a time may do."""

    async def take(self, name: str, holder: str, lasts: float) -> bool:
        """Take or renew a lease for `lasts` seconds of the database's clock; False where another holds it."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back, so that another daemon need not wait for its end."""
        ...
