"""The list of stopped accounts: addresses put in and taken out, many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.ports import GiveUpError, PlatformError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from breaker.ports import Platform

LARGEST_CHANGE = 1_000
"""Addresses that the platform takes in one request."""


@dataclass(frozen=True, slots=True)
class BlockList:
    """The list on the platform.

    Args:
        platform: The platform.
        list_id: The list's id.
    """

    platform: Platform
    list_id: str

    async def add(self, addresses: Collection[str]) -> Mapping[str, PlatformError]:
        """Put addresses in, and return those that could not be, each with the reason."""
        return await _changed(self.platform.add_values, self.list_id, sorted(addresses))

    async def remove(self, addresses: Collection[str]) -> Mapping[str, PlatformError]:
        """Take addresses out, and return those that could not be, each with the reason."""
        return await _changed(self.platform.remove_values, self.list_id, sorted(addresses))


async def _changed(
    change: Callable[[str, Sequence[str]], Awaitable[None]], list_id: str, addresses: Sequence[str]
) -> Mapping[str, PlatformError]:
    failed: dict[str, PlatformError] = {}
    waiting = [addresses[start : start + LARGEST_CHANGE] for start in range(0, len(addresses), LARGEST_CHANGE)]
    while waiting:
        batch = waiting.pop(0)
        try:
            await change(list_id, batch)
        except GiveUpError as error:
            # The platform refuses a request for one bad value in it: halving finds it, and the others go through.
            if len(batch) == 1:
                failed[batch[0]] = error
            else:
                middle = len(batch) // 2
                waiting += [batch[:middle], batch[middle:]]
        except PlatformError as error:
            failed.update(dict.fromkeys(batch, error))
    return failed
