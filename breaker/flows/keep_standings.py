"""Keep what the platform did: end it when it is over, find its scope, and tell people of it once.

What concerns a whole application is told of once and not for each of its accounts, so what is new waits some seconds
for the others.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from breaker.domain.platform.platform_standing import Scope, SendRefusal, infer_scopes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.flows.lease import Lease
    from breaker.ports import Announced, Clock, PlatformStandings

WAIT = 10.0
"""Seconds from a refusal's being noted to its being told of: time for the next accounts to be refused too."""


class Told(Protocol):
    """Who is told of it."""

    def platform_acted(self, application_id: str, scope: Scope | None, accounts: Sequence[Announced]) -> None:
        """The platform did one thing to some accounts; a person has to look at it."""
        ...

    def platform_relented(self, ended: Announced) -> None:
        """What the platform did to an account is over."""
        ...


class KeepStandings:
    """The flow: each call is one look at everything that the platform did.

    Args:
        standings: What it did.
        lease: The right to look; one daemon at a time needs it.
        clock: The time.
        told: Who is told.
    """

    def __init__(self, standings: PlatformStandings, lease: Lease, clock: Clock, told: Told) -> None:
        """Wire the parts."""
        self._standings = standings
        self._lease = lease
        self._clock = clock
        self._told = told

    async def __call__(self) -> None:
        """Look once.

        Raises:
            StoreError: The database can't be used.
        """
        if not await self._lease.ensure():
            return
        now = self._clock.now()
        for ended in await self._standings.end(now):
            self._told.platform_relented(ended)
        for restricted in (await self._standings.restrictions()).values():
            await self._standings.set_scopes(infer_scopes(restricted))
        shared: dict[tuple[str, SendRefusal, str], list[Announced]] = defaultdict(list)
        for one in await self._standings.announce(now - WAIT, now):
            shared[one.account.application_id, one.standing.what, _group(one)].append(one)
        for (application_id, _, _), accounts in shared.items():
            self._told.platform_acted(application_id, accounts[0].standing.scope, accounts)


def _group(one: Announced) -> str:
    """Return what those have in common that are told of together."""
    match one.standing.scope:
        case Scope.APPLICATION | Scope.ORGANISATION:
            return ""
        case Scope.DOMAIN:
            return one.account.domain
        case _:
            # Rules that can't be evaluated are no account's own affair.
            return "" if one.standing.what is SendRefusal.EVALUATION_FAILED else one.account.id
