"""Find who is lost: held here by what the platform was read back for, and no more in the list that holds them there.

A list that was read is compared with what is known afterwards, and read again where somebody is missing: whoever was
let go in between is not missed, and neither is one that an old answer left out just after it was put in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from breaker.domain.circuits.states import Wanted
from breaker.domain.platform.commands import Actuator
from breaker.ports import Account

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from breaker.flows.put_back import PutBack
    from breaker.ports import Lost

    Lists = Mapping[Wanted, frozenset[str] | None]

log = structlog.get_logger(__name__)

JUST_READ_BACK = 120.0
"""Seconds after which somebody who was read back is looked for: before, a list without them may be an old answer."""

_HOLDING = {Wanted.STOPPED: Actuator.BLOCK, Wanted.LIMITED: Actuator.LIMIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class FindLost:
    """Looks for accounts of one application.

    Args:
        put_back: Sees to who is found missing.
        actuators_of: The ways to stop that are on for an account: who is held otherwise need stand in no list.
        quarantines: The workspaces that are configured for stopped accounts; who was adopted there need not either.
    """

    put_back: PutBack
    actuators_of: Callable[[Account], Collection[Actuator]]
    quarantines: Collection[str] = ()

    async def __call__(self, lists: Lists, read_again: Callable[[], Awaitable[Lists]]) -> None:
        """Compare once.

        Args:
            lists: Who stands in each list, as it was read; None for one that is not there.
            read_again: Reads them again.

        Raises:
            PlatformError: They could not be read again; nothing was changed.
            StoreError: The database can't be used now.
        """
        lost = await self._lost(lists)
        if any(not one.told for one in lost):
            known = {one.about for one in lost}
            lists = await read_again()
            lost = [one for one in await self._lost(lists) if one.about in known]
        without_list = [one for one in lost if lists[one.held] is None]
        if without_list:
            await self._forget([one for one in without_list if not one.told])
        await self.put_back([one for one in lost if one not in without_list])

    async def _lost(self, lists: Lists) -> list[Lost]:
        before = self.put_back.clock.now() - JUST_READ_BACK
        listed = {wanted: some or frozenset() for wanted, some in lists.items()}
        lost = await self.put_back.holds.accounts(self.put_back.application_id, listed, before)
        return [
            one
            for one in lost
            if isinstance(one.about, Account)
            and _HOLDING[one.held] in self.actuators_of(one.about)
            and (one.ordered or one.about.workspace_id not in self.quarantines)
        ]

    async def _forget(self, lost: list[Lost]) -> None:
        """Show those as unconfirmed whose list is gone: they are stopped again once there is one."""
        now = self.put_back.clock.now()
        free = await self.put_back.holds.forget(self.put_back.application_id, lost, now) if lost else ()
        if free:
            log.error(
                "the list that holds accounts is gone from the platform, so they can send: run `breaker setup`",
                application=self.put_back.application_id,
                accounts=len(free),
            )
