"""Recipients that are not written to any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from breaker.domain.platform.suppression import Reason


class SuppressedRow(NamedTuple):
    """A recipient that is kept.

    Attributes:
        application_id: The application that wrote to it.
        address: Its address.
        reason: Why: a complaint outweighs bounces.
        first_at: When it first bounced or complained, Unix seconds.
        last_at: When last.
        times: How often.
        listed: Whether the platform's List was read back and has it.
    """

    application_id: str
    address: str
    reason: Reason
    first_at: float
    last_at: float
    times: int
    listed: bool


@dataclass(frozen=True, slots=True)
class SuppressionCounts:
    """How many recipients of an application are kept.

    Args:
        kept: All.
        listed: Those that the platform's List was read back to have.
        beyond: Those that there is no room for in it.
    """

    kept: int
    listed: int
    beyond: int


class Suppressions(Protocol):
    """The recipients that are kept, of all applications."""

    async def expire(self, application_id: str, before: float) -> int:
        """Forget those that last bounced or complained before a moment; return how many."""
        ...

    async def wanted(self, application_id: str, most: int) -> Sequence[str]:
        """Return the addresses that belong into the List: the latest ones, so many at most."""
        ...

    async def unwritten(self, application_id: str, most: int, limit: int) -> Sequence[str]:
        """Return those of them that were not put into the List yet, the latest first."""
        ...

    async def note_written(self, application_id: str, addresses: Collection[str], *, refused: bool = False) -> None:
        """Remember that these were put into the List; or that the platform refuses them, so that no one asks again."""
        ...

    async def note_listed(self, application_id: str, addresses: Collection[str]) -> None:
        """Remember that the List has these of the kept addresses and no other; the others are written anew."""
        ...

    async def counts(self, application_id: str, most: int) -> SuppressionCounts:
        """Return how many there are."""
        ...

    async def erased(self, application_id: str) -> int:
        """Return a number that grows with every erasure, so that the List is looked through after one."""
        ...
