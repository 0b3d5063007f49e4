"""What held somebody on the platform, was read back there, and is there no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from breaker.domain.circuits.states import Wanted
    from breaker.domain.platform.lost import Response
    from breaker.ports.accounts import Account, SendingDomain


@dataclass(frozen=True, slots=True)
class Lost:
    """An account or a sending domain that was held on the platform, and what is known of how it was lost.

    Args:
        about: Whom it concerns.
        held: What the platform was read back for: `stopped` or `limited`.
        wanted: What is wanted of it now.
        epoch: The epoch in force; what was done about an older one says nothing.
        listed: Whether it stands in its list after all.
        ordered: Whether Breaker itself put it there within this epoch; who was adopted may be held elsewhere.
        told: Whether it is shown as unconfirmed already.
        put_back_at: When it was put back within this epoch, Unix seconds, or None.
        left_at: Since when it is left to people, Unix seconds, or None.
    """

    about: Account | SendingDomain
    held: Wanted
    wanted: Wanted
    epoch: int
    listed: bool = False
    ordered: bool = True
    told: bool = False
    put_back_at: float | None = None
    left_at: float | None = None


class LostHolds(Protocol):
    """Who was held and is no more, remembered so that a restart does not take a second time for the first."""

    async def accounts(
        self, application_id: str, listed: Mapping[Wanted, Collection[str]], before: float
    ) -> Sequence[Lost]:
        """Return the accounts read back before a moment that stand in no list they are held by, and all known as lost.

        Accounts that something is under way for are left out.
        """
        ...

    async def domains(self, application_id: str, listed: Collection[str], before: float) -> Sequence[Lost]:
        """Return the same of sending domains."""
        ...

    async def note(self, application_id: str, lost: Sequence[Lost], response: Response, now: float) -> Sequence[Lost]:
        """Show them as unconfirmed from now on, remember what is done about it, and return those that it concerns.

        Those that changed meanwhile are left as they are.
        """
        ...

    async def forget(self, application_id: str, lost: Sequence[Lost], now: float) -> Sequence[Lost]:
        """Show them as unconfirmed and remember nothing: what held them all is gone, and nobody meant these."""
        ...

    async def found(self, application_id: str, lost: Sequence[Lost], now: float) -> Sequence[Lost]:
        """Note that they are held again as it is wanted, and return those that it concerns."""
        ...
