"""Quarantine: stopped accounts moved out of their home workspace, and home again.

Home is where the account is at the moment of the move, remembered before it is asked for, so that no crash forgets it;
a quarantine is never taken for a home. Where no workspace is configured for it, the quarantine is a copy of the home
with the same policy and rules and Breaker's own beside them, so that a stop changes nothing else for the account; its
name carries the home's id, so that homes can be told again without the database.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.flows.designs import Made
from breaker.ports import GiveUpError, GoneError, InventoryItem, TryAgainError, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from breaker.flows.fixtures import Fixtures, Names
    from breaker.ports import Account, Clock, Grant, Inventory, Outbox, Platform

HOME_GONE = "its home workspace is gone: it was moved to the default one"
HOME_UNKNOWN = "its home workspace is not known any more: it was moved to the default one"
_NOT_SHOWN = "the move was asked for, and is not shown yet"
_NOT_SET_UP = "Breaker's rule is not known, and without it a quarantine stops nothing: run `breaker setup`"


@dataclass(slots=True, kw_only=True)
class Quarantine:
    """The moves of one pass, over one reading of the workspaces.

    Args:
        platform: The platform.
        outbox: Where placements are remembered.
        inventory: Where copies of workspaces are remembered.
        clock: The time.
        application_id: The application.
        names: What this installation's things are called.
        fixtures: What the inventory knows.
        configured: Returns the workspace that is configured for stopped accounts of a home, or None for a copy of it.
        all_configured: All workspaces that are configured so.
    """

    platform: Platform
    outbox: Outbox
    inventory: Inventory
    clock: Clock
    application_id: str
    names: Names
    fixtures: Fixtures
    configured: Callable[[str], str | None]
    all_configured: Collection[str]
    _homes: dict[str, str] = field(init=False)
    _current: set[str] = field(init=False, default_factory=set)
    _workspaces: Sequence[Workspace] | None = field(init=False, default=None)
    _lock: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._homes = dict(self.fixtures.quarantines)

    async def put(self, account: Account) -> str | None:
        """Move an account into quarantine, and return when it was read back there.

        A grant that is gone sends from nowhere: that is remembered, and there is nothing to move.

        Returns:
            A notice for people, or None.

        Raises:
            PlatformError: It could not be moved, or not yet be read back.
        """
        try:
            await self._put(account)
        except GoneError:
            await self.outbox.note_gone(account.key, self.clock.now())
        return None

    async def _put(self, account: Account) -> None:
        grant = await self._grant(account)
        place = await self._place(grant)
        if self._is_quarantine(place):
            await self.outbox.note_placement(account.key, place, self._home(account, place))
            return
        await self.outbox.note_placement(account.key, place, place)
        target = self.configured(place) or await self._copy_of(place)
        await self._move(grant.id, target)
        await self.outbox.note_placement(account.key, target, place)

    async def take_home(self, account: Account) -> str | None:
        """Move an account home, and return when it was read back there; where it is no longer in quarantine, it stays.

        Returns:
            A notice for people, or None.

        Raises:
            PlatformError: It could not be moved, or not yet be read back.
        """
        try:
            return await self._take_home(account)
        except GoneError:
            await self.outbox.note_gone(account.key, self.clock.now())
            return None

    async def _take_home(self, account: Account) -> str | None:
        grant = await self._grant(account)
        place = await self._place(grant)
        if not self._is_quarantine(place):
            await self.outbox.note_placement(account.key, place, None)
            return None
        home, notice = self._home(account, place), None
        if home is None:
            home, notice = await self._default(), HOME_UNKNOWN
        elif home not in {one.id for one in await self._known_workspaces()}:
            home, notice = await self._default(), HOME_GONE
        await self._move(grant.id, home)
        await self.outbox.note_placement(account.key, home, None)
        return notice

    def _is_quarantine(self, workspace_id: str) -> bool:
        return workspace_id in self._homes or workspace_id in self.all_configured

    def _home(self, account: Account, place: str) -> str | None:
        home = account.home_workspace_id
        return home if home is not None and not self._is_quarantine(home) else self._homes.get(place)

    async def _grant(self, account: Account) -> Grant:
        if account.grant_id is None:
            raise GiveUpError("the account is known by its address alone, and can't be moved")
        return await self.platform.grant(account.grant_id)

    async def _place(self, grant: Grant) -> str:
        return grant.workspace_id or await self._default()

    async def _move(self, grant_id: str, workspace_id: str) -> None:
        await self.platform.move_grant(grant_id, workspace_id)
        if await self._place(await self.platform.grant(grant_id)) != workspace_id:
            raise TryAgainError(_NOT_SHOWN)

    async def _default(self) -> str:
        for workspace in await self._known_workspaces():
            if workspace.default:
                return workspace.id
        raise TryAgainError("the platform shows no default workspace")

    async def _known_workspaces(self) -> Sequence[Workspace]:
        async with self._lock:
            return await self._read_workspaces()

    async def _read_workspaces(self) -> Sequence[Workspace]:
        if self._workspaces is None:
            self._workspaces = await self.platform.workspaces()
        return self._workspaces

    async def _copy_of(self, home_id: str) -> str:
        """Return the copy of a home, made or brought up to date where need be."""
        async with self._lock:
            known = {one.id: one for one in await self._read_workspaces()}
            if home_id not in known:
                self._workspaces = None
                raise TryAgainError("the account's workspace was not among those shown")
            if Made.RULE not in self.fixtures.ids:
                raise TryAgainError(_NOT_SET_UP)
            home, ours = known[home_id], self.fixtures.rule_ids
            rule_ids = (*(one for one in home.rule_ids if one not in ours), *ours)
            name = self.names.quarantine(home_id)
            copy = next((one for one in known.values() if self._homes.get(one.id) == home_id or one.name == name), None)
            if copy is None:
                copy = await self._make(name, home.policy_id, rule_ids)
            elif copy.id not in self._current and (copy.policy_id, set(copy.rule_ids)) != (
                home.policy_id,
                set(rule_ids),
            ):
                await self.platform.change_workspace(
                    Workspace(copy.id, copy.name, policy_id=home.policy_id, rule_ids=rule_ids)
                )
            self._current.add(copy.id)
            if copy.id not in self._homes:
                detail = {"name": name, "home": home_id}
                item = InventoryItem(Made.WORKSPACE, copy.id, detail, self.clock.now())
                await self.inventory.add(self.application_id, item)
                self._homes[copy.id] = home_id
            return copy.id

    async def _make(self, name: str, policy_id: str | None, rule_ids: Sequence[str]) -> Workspace:
        try:
            made = await self.platform.create_workspace(name, policy_id, rule_ids)
        except GiveUpError as error:
            raise GiveUpError(
                f"a quarantine could not be made; name a workspace for it as quarantine_workspace_id: {error}"
            ) from error
        self._workspaces = None
        return made
