"""Pool evidence: what the accounts of a domain, a workspace or an application say about each other, kept at hand.

It is read beside the hot path, each minute or so, and is a value that decisions are given: none of them waits for it,
and no row of the database gets hot by it. Where the database takes long to tell, it is asked less often.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.domain.detectors.pooled import Group, GroupKind, Membership, Pooled, pool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breaker.domain.detectors.budget import Budget
    from breaker.ports import Account, Clock, GroupCounts


@dataclass(slots=True)
class PoolEvidence:
    """The flow: each call reads anew what the groups did.

    Args:
        counts: Where that is known.
        budget: Returns the false alarms that the fleet may have.
        clock: The time.

    Attributes:
        current: What was known at the last call; nothing before the first.
    """

    counts: GroupCounts
    budget: Callable[[], Budget]
    clock: Clock
    current: Pooled = field(default_factory=Pooled)

    async def __call__(self) -> None:
        """Read it.

        Raises:
            StoreError: It can't be read now; what was known stays.
        """
        now = self.clock.now()
        self.current = pool(await self.counts.of_groups(now), self.budget(), now)


def memberships(account: Account) -> Sequence[Membership]:
    """Return the groups of an account, the closest first."""
    domain, workspace = account.domain, account.home
    found = []
    if domain:
        found.append(Membership(Group(account.application_id, GroupKind.DOMAIN, domain), str(account.key)))
    if workspace:
        found.append(Membership(Group(account.application_id, GroupKind.WORKSPACE, workspace), domain))
    found.append(Membership(Group(account.application_id, GroupKind.APPLICATION, account.application_id), domain))
    return found
