"""Adopt: what is blocked on the platform and unknown to the database becomes a stopped account, never a released one.

A sweep reads the list of stopped accounts and the quarantines. It runs when a daemon starts, so that a lost database
releases nobody, and again and again from then on, for what people put there by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from breaker.flows.designs import Made
from breaker.flows.fixtures import known_fixtures, rediscover
from breaker.ports import FoundBlocked, TryTransactionAgainError, Urgency

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from breaker.flows.fixtures import Fixtures, Names
    from breaker.ports import Adoption, Clock, Grant, Inventory, Platform

log = structlog.get_logger(__name__)

_FEW = 20
"""Unknown addresses that are looked up one by one; for more, all grants are read, 200 a request."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found.

    Args:
        listed: Addresses in the list.
        quarantined: Grants in quarantine.
        adopted: Addresses of accounts that were adopted.
    """

    listed: int
    quarantined: int
    adopted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Looks at one application.

    Args:
        application_id: The application.
        names: What this installation's things are called.
        platform: The application on the platform.
        inventory: What Breaker made there; what it has forgotten is found by name and written in again.
        adoption: Makes accounts stopped.
        clock: The time.
        quarantines: The workspaces that are configured for stopped accounts.
    """

    application_id: str
    names: Names
    platform: Platform
    inventory: Inventory
    adoption: Adoption
    clock: Clock
    quarantines: Collection[str] = ()

    async def __call__(self) -> Swept:
        """Make one sweep.

        Raises:
            PlatformError: The platform could not be read; nothing was adopted that is not blocked.
            StoreError: The database can't be used now.
        """
        platform = self.platform.at(Urgency.SWEEP)
        fixtures = await known_fixtures(self.inventory, self.application_id)
        if not fixtures.complete:
            now = self.clock.now()
            fixtures = await rediscover(platform, self.inventory, self.application_id, self.names, now)
        listed = await self._listed(platform, fixtures)
        quarantined = await self._quarantined(platform, fixtures)
        suspects = await self._unknown(listed | quarantined.keys())
        if suspects:
            # Read again, now that the database was asked: what was released in between is not in the list any more.
            listed = await self._listed(platform, fixtures)
            quarantined = await self._quarantined(platform, fixtures)
            suspects = [one for one in suspects if one in listed or one in quarantined]
        grants = await self._grants(platform, [one for one in suspects if one not in quarantined])
        adopted = [
            address
            for address in suspects
            if await self._adopt(address, quarantined.get(address) or grants.get(address), fixtures, address in listed)
        ]
        return Swept(len(listed), len(quarantined), tuple(adopted))

    async def _listed(self, platform: Platform, fixtures: Fixtures) -> frozenset[str]:
        if Made.LIST not in fixtures.ids:
            return frozenset()
        return frozenset([value.lower() async for value in platform.values(fixtures.ids[Made.LIST])])

    async def _quarantined(self, platform: Platform, fixtures: Fixtures) -> dict[str, Grant]:
        found: dict[str, Grant] = {}
        for workspace_id in sorted(fixtures.quarantines.keys() | set(self.quarantines)):
            async for grant in platform.grants(workspace_id=workspace_id):
                if grant.address is not None:
                    found[grant.address] = grant
        return found

    async def _unknown(self, addresses: Collection[str]) -> list[str]:
        if not addresses:
            return []
        return list(await self.adoption.unknown_among(self.application_id, addresses, self.clock.now()))

    async def _grants(self, platform: Platform, addresses: Collection[str]) -> Mapping[str, Grant]:
        """Return the grants of addresses; an address may have none any more."""
        wanted = frozenset(addresses)
        found: dict[str, Grant] = {}
        if len(wanted) > _FEW:
            async for grant in platform.grants():
                if grant.address in wanted:
                    found[str(grant.address)] = grant
        else:
            for address in sorted(wanted):
                async for grant in platform.grants(address=address):
                    found[address] = grant
        return found

    async def _adopt(self, address: str, grant: Grant | None, fixtures: Fixtures, listed: bool) -> bool:
        place = grant.workspace_id if grant else None
        home = fixtures.quarantines.get(place) if place else None
        found = FoundBlocked(
            address=address,
            grant_id=grant.id if grant else None,
            workspace_id=place,
            home_workspace_id=home,
            # A copy of its home lets an account send that is not in the list.
            confirmed=listed or place in self.quarantines,
        )
        try:
            adopted = await self.adoption.adopt(self.application_id, found, self.clock.now())
        except TryTransactionAgainError:
            adopted = await self.adoption.adopt(self.application_id, found, self.clock.now())
        if adopted:
            log.warning(
                "an account was found blocked on the platform, and is adopted as stopped",
                application=self.application_id,
                account_address=address,
                listed=listed,
                quarantined=place in fixtures.quarantines or place in self.quarantines,
            )
        return adopted
