"""Adopt: what is blocked or limited on the platform and unknown here becomes so here too, never a released account.

A sweep reads the lists of stopped and of limited accounts, and the quarantines. It runs when a daemon starts, so that a
lost database releases nobody, and again and again from then on, for what people put there by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from breaker.domain.circuits.states import Wanted
from breaker.flows.designs import Made
from breaker.flows.fixtures import known_fixtures, rediscover
from breaker.ports import AGENT_PROVIDER, FoundBlocked, GoneError, TryTransactionAgainError, Urgency

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from breaker.flows.find_lost import FindLost
    from breaker.flows.fixtures import Fixtures, Names
    from breaker.ports import Adoption, Clock, Grant, Inventory, Platform

log = structlog.get_logger(__name__)

_HELD = (Wanted.STOPPED, Wanted.LIMITED)
_LISTS = {Wanted.STOPPED: Made.LIST, Wanted.LIMITED: Made.LIMIT_LIST}
_FEW = 20
"""Unknown addresses that are looked up one by one; for more, all grants are read, 200 a request."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found.

    Args:
        listed: Addresses in the list of stopped accounts.
        quarantined: Grants in quarantine.
        adopted: Addresses of accounts that were adopted as stopped.
        limited: Addresses in the list of limited accounts.
        adopted_limited: Addresses of accounts that were adopted as limited.
    """

    listed: int
    quarantined: int
    adopted: tuple[str, ...]
    limited: int = 0
    adopted_limited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Held:
    """What is held on the platform, as it was read at one time."""

    stopped: frozenset[str]
    limited: frozenset[str]
    quarantined: Mapping[str, Grant]
    gone: frozenset[Wanted] = frozenset()
    """What is held by lists that are not there."""

    def to(self, wanted: Wanted) -> frozenset[str]:
        """Return the addresses that are held to something; of one that is held twice, the stricter counts."""
        stopped = self.stopped | self.quarantined.keys()
        return stopped if wanted is Wanted.STOPPED else self.limited - stopped

    def lists(self) -> Mapping[Wanted, frozenset[str] | None]:
        """Return who stands in each list; None for one that is not there."""
        listed = {Wanted.STOPPED: self.stopped, Wanted.LIMITED: self.limited}
        return {wanted: None if wanted in self.gone else some for wanted, some in listed.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Looks at one application.

    Args:
        application_id: The application.
        names: What this installation's things are called.
        platform: The application on the platform.
        inventory: What Breaker made there; what it has forgotten is found by name and written in again.
        adoption: Makes accounts stopped or limited.
        clock: The time.
        quarantines: The workspaces that are configured for stopped accounts.
        find_lost: Sees to who is held here and no more there; None where nobody does.
    """

    application_id: str
    names: Names
    platform: Platform
    inventory: Inventory
    adoption: Adoption
    clock: Clock
    quarantines: Collection[str] = ()
    find_lost: FindLost | None = None

    async def __call__(self) -> Swept:
        """Make one sweep.

        Raises:
            PlatformError: The platform could not be read; nothing was adopted that is not held there.
            StoreError: The database can't be used now.
        """
        platform = self.platform.at(Urgency.SWEEP)
        fixtures = await known_fixtures(self.inventory, self.application_id)
        if not fixtures.complete:
            now = self.clock.now()
            fixtures = await rediscover(platform, self.inventory, self.application_id, self.names, now)
        held = await self._held(platform, fixtures)
        suspects = {wanted: await self._unknown(held.to(wanted), wanted) for wanted in _HELD}
        if any(suspects.values()):
            # Read again, now that the database was asked: what was released in between is not in the list any more.
            held = await self._held(platform, fixtures)
            suspects = {wanted: [one for one in some if one in held.to(wanted)] for wanted, some in suspects.items()}
        grants = await self._grants(platform, [one for some in suspects.values() for one in some], held.quarantined)
        adopted = {
            wanted: tuple([one for one in some if await self._adopt(one, wanted, grants.get(one), fixtures, held)])
            for wanted, some in suspects.items()
        }
        if self.find_lost is not None:
            await self.find_lost(held.lists(), lambda: self._lists(platform, fixtures))
        return Swept(
            listed=len(held.stopped),
            quarantined=len(held.quarantined),
            adopted=adopted[Wanted.STOPPED],
            limited=len(held.limited),
            adopted_limited=adopted[Wanted.LIMITED],
        )

    async def _held(self, platform: Platform, fixtures: Fixtures) -> _Held:
        lists = await self._lists(platform, fixtures)
        quarantined = await self._quarantined(platform, fixtures)
        nobody = frozenset[str]()
        gone = frozenset(wanted for wanted, listed in lists.items() if listed is None)
        return _Held(lists[Wanted.STOPPED] or nobody, lists[Wanted.LIMITED] or nobody, quarantined, gone)

    async def _lists(self, platform: Platform, fixtures: Fixtures) -> Mapping[Wanted, frozenset[str] | None]:
        """Return who stands in each list; None for one that is not there."""
        return {wanted: await self._listed(platform, fixtures, made) for wanted, made in _LISTS.items()}

    async def _listed(self, platform: Platform, fixtures: Fixtures, made: Made) -> frozenset[str] | None:
        if made not in fixtures.ids:
            return None
        try:
            return frozenset([value.lower() async for value in platform.values(fixtures.ids[made])])
        except GoneError:
            # The next sweep looks for it by its name.
            await self.inventory.remove(self.application_id, made, fixtures.ids[made])
            return None

    async def _quarantined(self, platform: Platform, fixtures: Fixtures) -> dict[str, Grant]:
        found: dict[str, Grant] = {}
        for workspace_id in sorted(fixtures.quarantines.keys() | set(self.quarantines)):
            async for grant in platform.grants(workspace_id=workspace_id):
                if grant.address is not None and grant.provider == AGENT_PROVIDER:
                    found[grant.address] = grant
        return found | await self._left_in_probes(platform, fixtures)

    async def _left_in_probes(self, platform: Platform, fixtures: Fixtures) -> dict[str, Grant]:
        """Return who is where accounts are probed, and is in no probe here: nobody knows of its round."""
        found: dict[str, Grant] = {}
        for copy in fixtures.copies.values():
            if copy.made is Made.PROBE_WORKSPACE:
                async for grant in platform.grants(workspace_id=copy.id):
                    if grant.address is not None:
                        found[grant.address] = grant
        probed = await self.adoption.probed_among(self.application_id, found.keys()) if found else ()
        return {address: grant for address, grant in found.items() if address not in probed}

    async def _unknown(self, addresses: Collection[str], wanted: Wanted) -> list[str]:
        if not addresses:
            return []
        return list(await self.adoption.unknown_among(self.application_id, addresses, wanted, self.clock.now()))

    async def _grants(
        self, platform: Platform, addresses: Collection[str], known: Mapping[str, Grant]
    ) -> Mapping[str, Grant]:
        """Return the grants of addresses; an address may have none any more."""
        wanted = frozenset(addresses) - known.keys()
        found = dict(known)
        if len(wanted) > _FEW:
            async for grant in platform.grants():
                if grant.address in wanted:
                    found[str(grant.address)] = grant
        else:
            for address in sorted(wanted):
                async for grant in platform.grants(address=address):
                    found[address] = grant
        return found

    async def _adopt(self, address: str, wanted: Wanted, grant: Grant | None, fixtures: Fixtures, held: _Held) -> bool:
        if grant is not None and grant.provider != AGENT_PROVIDER:
            return False  # the platform's rules do not hold for it, whatever stands in a list
        place = grant.workspace_id if grant else None
        found = FoundBlocked(
            address=address,
            wanted=wanted,
            grant_id=grant.id if grant else None,
            workspace_id=place,
            home_workspace_id=fixtures.sole_home(place) if place else None,
            # A copy of its home lets an account send that is not in the list.
            confirmed=wanted is Wanted.LIMITED or address in held.stopped or place in self.quarantines,
        )
        try:
            adopted = await self.adoption.adopt(self.application_id, found, self.clock.now())
        except TryTransactionAgainError:
            adopted = await self.adoption.adopt(self.application_id, found, self.clock.now())
        if adopted:
            log.warning(
                "an account was found blocked on the platform, and is adopted",
                application=self.application_id,
                account_address=address,
                adopted_as=wanted,
                listed=address in held.stopped or address in held.limited,
                quarantined=address in held.quarantined,
            )
        return adopted
