"""Watch stand-ins: while an account of a stopped domain may send, the others' addresses have to stay in their list.

Somebody else may take them out there. What is missing holds nobody, so it stands in for the domain no longer, and the
prober closes the round when it looks next (`breaker.flows.probe_domains`). The list is read only while one is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from breaker.flows.designs import Made
from breaker.flows.find_lost import JUST_READ_BACK
from breaker.flows.fixtures import known_fixtures
from breaker.ports import GoneError, Urgency

if TYPE_CHECKING:
    from breaker.ports import Clock, DomainProbes, Inventory, Platform

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchStandIns:
    """Looks at the open rounds of one application.

    Args:
        application_id: The application.
        platform: The application on the platform.
        inventory: What Breaker made there.
        probes: The probes of its domains.
        clock: The time.
    """

    application_id: str
    platform: Platform
    inventory: Inventory
    probes: DomainProbes
    clock: Clock

    async def __call__(self) -> int:
        """Look once, and return how many addresses are missing.

        Raises:
            PlatformError: The list could not be read.
            StoreError: The database can't be used now.
        """
        before = self.clock.now() - JUST_READ_BACK
        wanted = await self.probes.standing_in(self.application_id, before)
        # Read again before anything is said of it: a list may answer late.
        missing = wanted - await self._listed() if wanted else frozenset()
        missing = missing - await self._listed() if missing else missing
        if missing:
            await self.probes.stand_down(self.application_id, missing)
            log.error(
                "somebody took addresses out of the list of stopped accounts that hold their domain: its round ends",
                application=self.application_id,
                accounts=len(missing),
            )
        return len(missing)

    async def _listed(self) -> frozenset[str]:
        list_id = (await known_fixtures(self.inventory, self.application_id)).ids.get(Made.LIST)
        if list_id is None:
            return frozenset()
        try:
            return frozenset([one.lower() async for one in self.platform.at(Urgency.SWEEP).values(list_id)])
        except GoneError:
            return frozenset()
