"""Watch the protection: how many accounts a stop would not stop, by why, whoever changed the platform meanwhile."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.flows.guarded_rules import GuardedRules
from breaker.ports import Urgency

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from breaker.domain.platform.commands import Actuator
    from breaker.domain.platform.protection import Unprotected
    from breaker.flows.fixtures import Names
    from breaker.ports import Inventory, Platform


class Placed(Protocol):
    """Where accounts are, as far as it is known here."""

    async def by_workspace(self, application_id: str) -> Mapping[str | None, int]:
        """Return how many Agent Accounts there are by workspace; None where it was not looked up yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchProtection:
    """Looks at one application.

    Args:
        application_id: The application.
        names: What this installation's things are called.
        platform: The application on the platform.
        inventory: What Breaker made there.
        placed: Where accounts are.
        actuators_of: The ways to stop that are on for a workspace.
        told: Told how many accounts are unprotected, by reason.
        repair: Repairs what was changed, and tells whether it did; None where nothing is to be.
    """

    application_id: str
    names: Names
    platform: Platform
    inventory: Inventory
    placed: Placed
    actuators_of: Callable[[str | None], Collection[Actuator]]
    told: Callable[[str, Mapping[Unprotected, int]], None]
    repair: Callable[[GuardedRules], Awaitable[bool]] | None = None

    async def __call__(self) -> Mapping[Unprotected, int]:
        """Look once.

        Raises:
            PlatformError: The platform could not be read, or something could not be repaired.
            StoreError: The database can't be used now.
        """
        read = await self._read()
        counts = await self._count(read)
        if self.repair is not None and await self.repair(read):
            counts = await self._count(await self._read())
        return counts

    async def _read(self) -> GuardedRules:
        platform = self.platform.at(Urgency.SWEEP)
        return await GuardedRules.read(platform, self.inventory, self.application_id, self.names)

    async def _count(self, read: GuardedRules) -> Mapping[Unprotected, int]:
        workspaces = {one.id: one for one in read.workspaces}
        default = next((one for one in read.workspaces if one.default), None)
        counts: Counter[Unprotected] = Counter()
        for number, accounts in (await self.placed.by_workspace(self.application_id)).items():
            workspace = workspaces.get(number or "", default)  # of one that is gone, the platform moves them there
            if workspace is None:
                continue
            reason = read.unprotected(workspace, read.actuators_in(workspace, self.actuators_of))
            if reason is not None:
                counts[reason] += accounts
        self.told(self.application_id, counts)
        return counts
