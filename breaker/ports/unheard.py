"""Times in which not all that happened was heard, until they were read from the platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Unheard:
    """A time, now over, in which notifications were lost.

    Args:
        begins_at: Its beginning, Unix seconds.
        ends_at: Its end, Unix seconds.
        found_at: When it was found, Unix seconds.
        of_webhook: Whether the webhook's status told of it; else the feed itself did.
    """

    begins_at: float
    ends_at: float
    found_at: float
    of_webhook: bool


class UnheardTimes(Protocol):
    """Such times, of all daemons."""

    async def begin(self, application_id: str, begins_at: float, now: float) -> None:
        """Note that the webhook is not what it should be; what is known already may so reach back further."""
        ...

    async def end(self, application_id: str, now: float) -> bool:
        """Note that the webhook is as it should be again; False where it was."""
        ...

    async def to_fill(self, application_id: str, before: float) -> Sequence[Unheard]:
        """Return those that ended before a moment and were not read yet, the feed's own gaps among them."""
        ...

    async def filled(self, application_id: str, unheard: Unheard, now: float) -> None:
        """Note that one was read, or can't be."""
        ...
