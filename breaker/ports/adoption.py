"""What is stopped on the platform and unknown to the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.domain.circuits.states import Wanted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from breaker.ports.accounts import Account


@dataclass(frozen=True, slots=True)
class FoundBlocked:
    """An account that the platform blocks or limits in Breaker's name, though the database does not know why.

    Args:
        address: The address in the list.
        wanted: What it is held to there: `stopped` or `limited`.
        grant_id: The grant that has it, or None where there is none any more.
        workspace_id: The workspace it is in, or None where there is no grant.
        home_workspace_id: Where it belongs, if it is in quarantine and that can be told.
        confirmed: Whether it can't send as it was found; in quarantine alone it may be able to.
    """

    address: str
    wanted: Wanted = Wanted.STOPPED
    grant_id: str | None = None
    workspace_id: str | None = None
    home_workspace_id: str | None = None
    confirmed: bool = True


class Adoption(Protocol):
    """What was found blocked on the platform."""

    async def unknown_among(
        self, application_id: str, addresses: Collection[str], wanted: Wanted, now: float
    ) -> Sequence[str]:
        """Return those whose account is wanted freer than this, and is neither on its way there nor just arrived."""
        ...

    async def probed_among(self, application_id: str, addresses: Collection[str]) -> Collection[str]:
        """Return those whose account is in a probe, and may be where accounts are probed."""
        ...

    async def adopt(self, application_id: str, found: FoundBlocked, now: float) -> bool:
        """Make the account known if need be and stopped, or limited, with a verdict of the detector `platform`.

        Returns False, with nothing changed, where the account is held as strictly or changing by now.
        """
        ...

    async def away(self, application_id: str) -> Sequence[Account]:
        """Return the accounts that Breaker has put elsewhere than where they belong."""
        ...

    async def unconfirm(self, application_id: str, wanted: Wanted) -> None:
        """Forget what was read back of the application's accounts wanted so: what held them is taken away."""
        ...

    async def unconfirm_domains(self, application_id: str) -> None:
        """Forget what was read back of the application's stopped domains: their list is taken away."""
        ...
