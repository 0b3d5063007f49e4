"""Where accounts are, as the platform shows it and as it is known here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.circuits.states import Wanted
    from breaker.domain.platform.placement import Place
    from breaker.ports.accounts import Account
    from breaker.ports.platform import Grant


@dataclass(frozen=True, slots=True)
class Misplaced:
    """An Agent Account that the platform shows elsewhere than it was known to be.

    Args:
        account: The account, where it was known to be.
        found_in: The workspace that the platform shows it in.
        wanted: What is wanted of it.
        confirmed: What the platform was read back for, or None.
        epoch: The epoch in force.
        put_back_at: When it was put back within this epoch, Unix seconds, or None.
        left_at: Since when it is left to people, Unix seconds, or None.
    """

    account: Account
    found_in: str
    wanted: Wanted
    confirmed: Wanted | None
    epoch: int
    put_back_at: float | None = None
    left_at: float | None = None


class Placements(Protocol):
    """Who there is on the platform and where, as far as it is known here."""

    async def know(self, application_id: str, grants: Sequence[Grant], began_at: float, now: float) -> Sequence[int]:
        """Make grants known, with address and provider, and a first place; return their accounts' numbers.

        One that was taken for deleted before `began_at`, when the reading began, is there after all.
        """
        ...

    async def misplaced(
        self, application_id: str, numbers: Sequence[int], grants: Sequence[Grant], began_at: float
    ) -> Sequence[Misplaced]:
        """Return those that are elsewhere than they were known to be, and that Breaker itself is not moving.

        Who was moved by Breaker since `began_at` may be shown as it was before, and is left out.
        """
        ...

    async def place(self, places: Sequence[tuple[Misplaced, Place]]) -> None:
        """Remember where accounts are and belong, unless they were placed elsewhere meanwhile."""
        ...

    async def known(self, application_id: str, began_at: float, after: int) -> Sequence[tuple[int, str, str | None]]:
        """Return `(number, grant, address)` of accounts known before `began_at` and not deleted.

        Some thousand at most, in the order of their numbers, all beyond `after`; none at the end.
        """
        ...

    async def deleted(self, application_id: str, grant_id: str, at: float) -> None:
        """Remember that a grant was deleted."""
        ...
