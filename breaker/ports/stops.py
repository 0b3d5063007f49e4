"""Stops that the platform was read back for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class ConfirmedStops(Protocol):
    """Which accounts are stopped, as the platform was read back."""

    async def confirmed_at(self, accounts: Collection[int]) -> Mapping[int, tuple[int, float]]:
        """Return epoch and moment of the confirmation of those of some accounts that are stopped and confirmed so."""
        ...
