"""Watch lines: whoever goes on sending because people said so, and reached the platform's line meanwhile, is a page.

`exempt` and a protected pattern keep Breaker from acting; neither keeps the platform from it. So the accounts that a
held verdict stands of are looked at again and again, and told of once they reach the line, while a person can still do
something about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breaker.domain.profiles.protected import Protected, ProtectedAccounts
    from breaker.flows.lease import Lease
    from breaker.ports import Exempted, ExemptedAccounts


class Told(Protocol):
    """Who is told of it."""

    def over_line(self, over: Sequence[tuple[Exempted, Protected | None]]) -> None:
        """These are over the platform's line now, each with what protects it, or None where its mode is exempt."""
        ...

    def crossed(self, one: Exempted, protected: Protected | None) -> None:
        """This one is so since the last look: a page."""
        ...


@dataclass(slots=True)
class WatchLines:
    """The flow: each call looks once.

    Args:
        accounts: Who is kept from being acted upon.
        protected: Returns whom no more than so much may happen to.
        lease: Held by the daemon that pages.
        told: Who is told.
    """

    accounts: ExemptedAccounts
    protected: Callable[[], ProtectedAccounts]
    lease: Lease
    told: Told
    _known: frozenset[int] = field(init=False, default=frozenset())

    async def __call__(self) -> None:
        """Look.

        Raises:
            StoreError: The database can't be used now.
        """
        protected = self.protected()
        over = [(one, protected.bars(one.account, one.to)) for one in await self.accounts.exempted() if one.over_line]
        self.told.over_line(over)
        if await self.lease.ensure():
            for one, by in over:
                if one.account.key not in self._known:
                    self.told.crossed(one, by)
        self._known = frozenset(one.account.key for one, _ in over)
