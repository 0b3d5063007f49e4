"""Copies of workspaces: made on first need, shared by all homes that are alike, kept equal to them, found again.

A copy has the policy and the rules of its homes, and Breaker's own beside them, so that a stop changes nothing else for
an account: its inbound rules, its retention and its settings against spam stay. Homes with an equal policy and equal
rules share one. Where a home has become different, its copy follows it if it is the only one, and otherwise the home is
given another copy, whose accounts follow (`breaker.flows.keep_copies`).

A workspace without a policy runs at the plan's maxima, so none is left without: the copy of a home that has none is
given a policy of Breaker's own, which says what the plan says, as what holds for the home does. A daily limit would be
stricter, and is no part of it: the platform may look at that before rules, and answer a stopped account's sends with
a 429, which its agent tries again, where it is to obey the rule's 403. Whoever wants one, sets it in that policy.
Nothing is moved into a copy that was not read back as it should be.

What the inventory has forgotten is known by its name; whose accounts are in it then, says `breaker.flows.homes`. The
platform sets no limit to workspaces (its documentation, "Workspaces"), so there is no room to be counted for them.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import structlog

from breaker.flows.designs import Made
from breaker.flows.fixtures import Copy, found_copy
from breaker.flows.homes import Home, home_of
from breaker.ports import GiveUpError, GoneError, InventoryItem, PolicyContent, TryAgainError, Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.flows.fixtures import Fixtures, Names
    from breaker.ports import Clock, Inventory, Platform

log = structlog.get_logger(__name__)

NOT_SET_UP = "Breaker's rule is not known, and without it a quarantine stops nothing: run `breaker setup`"
NOT_AMONG = "the account's workspace was not among those shown"
COPY_GONE = "a copy of a workspace is gone, and is made anew"
NOT_AS_WRITTEN = "a copy of a workspace does not stay as it was written: somebody else writes it too"


class Content(NamedTuple):
    """What a copy has to be like."""

    policy_id: str | None
    rule_ids: tuple[str, ...]

    def is_of(self, workspace: Workspace) -> bool:
        """Tell whether a workspace is like it; the order of rules says nothing, since each has its own priority."""
        return (workspace.policy_id, set(workspace.rule_ids)) == (self.policy_id, set(self.rule_ids))


@dataclass(slots=True, kw_only=True)
class Copies:
    """The copies, over one reading of the workspaces.

    Args:
        platform: The platform.
        inventory: Where they are remembered.
        clock: The time.
        application_id: The application.
        names: What this installation's things are called.
        fixtures: What the inventory knows.
    """

    platform: Platform
    inventory: Inventory
    clock: Clock
    application_id: str
    names: Names
    fixtures: Fixtures
    _copies: dict[str, Copy] = field(init=False)
    _policies: dict[str, str] = field(init=False)
    _workspaces: dict[str, Workspace] | None = field(init=False, default=None)
    _current: dict[str, str] = field(init=False, default_factory=dict)
    _lock: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._copies = dict(self.fixtures.copies)
        self._policies = dict(self.fixtures.policies)

    @property
    def known(self) -> Mapping[str, Copy]:
        """Those that are remembered."""
        return self._copies

    @property
    def policies(self) -> Mapping[str, str]:
        """The policies of Breaker's own that are remembered, by their names."""
        return self._policies

    async def workspaces(self, *, again: bool = False) -> Mapping[str, Workspace]:
        """Return all workspaces by their ids; `again`: as they are now."""
        async with self._lock:
            return await self.read(again=again)

    async def default(self) -> str:
        """Return the default workspace, where the grants of a deleted one fall to."""
        for workspace in (await self.workspaces()).values():
            if workspace.default:
                return workspace.id
        raise TryAgainError("the platform shows no default workspace")

    async def home(self, workspace_id: str, remembered: str | None, domain: str) -> tuple[str, Home]:
        """Return where an account that is in a copy, or in a configured quarantine, belongs.

        Args:
            workspace_id: Where it is.
            remembered: The home that the database has, or None; a copy is never one.
            domain: The account's domain.
        """
        known = None if remembered in self._copies else remembered
        there = await self.workspaces()
        if known is not None and known not in there:
            there = await self.workspaces(again=True)  # before it is said to be gone
        home, how = home_of(self._copies.get(workspace_id), known, domain, there)
        return home or await self.default(), how

    async def quarantine_of(self, home_id: str) -> str:
        """Return the quarantine of a home, made or brought up to date where need be.

        Raises:
            PlatformError: It could not be made, or not be read back as it should be.
        """
        async with self._lock:
            if home_id in self._current:
                return self._current[home_id]
            home = await self.workspace(home_id)
            content = self.content(home, home.policy_id or await self.own_policy())
            there = await self.read()
            copies = [there[one.id] for one in self._copies.values() if one.made is Made.WORKSPACE and one.id in there]
            alike = next((one for one in copies if content.is_of(one)), None)
            try:
                self._current[home_id] = await self.put_right(Made.WORKSPACE, home, content, alike)
            except GoneError as error:
                raise TryAgainError(COPY_GONE) from error  # it is not the account that is gone
            return self._current[home_id]

    async def put_right(
        self, made: Made, home: Workspace, content: Content, alike: Workspace | None, source: str | None = None
    ) -> str:
        """Return the copy that is alike, else the home's own one changed, else a new one.

        For those who hold `lock`.

        Args:
            made: The kind of copy.
            home: The home.
            content: What the copy has to be like.
            alike: One that can be shared, or None.
            source: Of a probe's: the policy that its own is a copy of.

        Raises:
            PlatformError: It could not be made, or not be read back as it should be.
        """
        copy = alike or await self._own(made, home) or await self._make(made, home, content, source)
        if not content.is_of(copy):
            copy = await self.change(replace(copy, name=self.names.copy(made, home.id)), content)
        await self._part(made, home.id, copy.id)
        known = self._copies[copy.id]
        if home.id not in known.homes or known.source != source:
            homes = tuple(dict.fromkeys((*known.homes, home.id)))
            await self._remember(replace(known, homes=homes, source=source), copy.name)
        return copy.id

    async def change(self, copy: Workspace, content: Content) -> Workspace:
        """Give a copy its name and what it should be like, and read it back.

        Raises:
            PlatformError: It could not be, or is not shown so.
        """
        wanted = Workspace(copy.id, copy.name, policy_id=content.policy_id, rule_ids=content.rule_ids)
        await self.platform.change_workspace(wanted)
        shown = (await self.read(again=True)).get(copy.id)
        if shown is None or not content.is_of(shown):
            raise TryAgainError(NOT_AS_WRITTEN)
        return shown

    def content(self, home: Workspace, policy_id: str | None) -> Content:
        """Return what a copy of a home has to be like: its rules, with Breaker's own behind them.

        Raises:
            TryAgainError: Breaker's rule is not known.
        """
        ours = self.fixtures.rule_ids
        if Made.RULE not in self.fixtures.ids:
            raise TryAgainError(NOT_SET_UP)
        return Content(policy_id, (*(one for one in home.rule_ids if one not in ours), *ours))

    @property
    def lock(self) -> asyncio.Lock:
        """Held by whoever changes copies."""
        return self._lock

    async def policy(self, name: str, content: PolicyContent) -> str:
        """Return a policy of Breaker's own by its name, made where there is none; its content may be another."""
        policies = self.platform.policies()
        if name in self._policies:
            with suppress(GoneError):
                return (await policies.read(self._policies[name])).id
        there = {one.name: one.id for one in await policies.all()}
        number = there.get(name) or await policies.create(name, content)
        item = InventoryItem(Made.POLICY, number, {"name": name}, self.clock.now())
        await self.inventory.add(self.application_id, item)
        self._policies[name] = number
        return number

    async def forget_policy(self, name: str) -> None:
        """Forget a policy that is not on the platform any more."""
        number = self._policies.pop(name, None)
        if number is not None:
            await self.inventory.remove(self.application_id, Made.POLICY, number)

    async def forget(self, copy_id: str) -> None:
        """Forget a copy that is not on the platform any more."""
        copy = self._copies.pop(copy_id, None)
        if copy is not None:
            await self.inventory.remove(self.application_id, copy.made, copy_id)

    async def workspace(self, home_id: str) -> Workspace:
        """Return a home; for those who hold `lock`.

        Raises:
            TryAgainError: It was not among those shown.
        """
        there = await self.read()
        if home_id not in there:
            there = await self.read(again=True)
        if home_id not in there:
            raise TryAgainError(NOT_AMONG)
        return there[home_id]

    async def probe_of(self, home: Workspace) -> Workspace | None:
        """Return the copy in which accounts of a home are probed, or None; for those who hold `lock`."""
        there = await self.read()
        rules = set(self.content(home, None).rule_ids)
        for copy in self._copies.values():
            shown = there.get(copy.id)
            if shown is None or copy.made is not Made.PROBE_WORKSPACE:
                continue
            known = copy.source == home.policy_id and copy.homes and set(shown.rule_ids) == rules
            if known or (copy.source == "" and shown.name == self.names.probe(home.id)):
                return shown
        return await self._own(Made.PROBE_WORKSPACE, home)

    def policy_name(self, policy_id: str | None) -> str | None:
        """Return what a policy of Breaker's own is called, or None of any other."""
        return next((name for name, number in self._policies.items() if number == policy_id), None)

    async def is_used(self, policy_id: str) -> bool:
        """Tell whether any workspace has a policy; for those who hold `lock`."""
        return any(one.policy_id == policy_id for one in (await self.read()).values())

    async def own_policy(self) -> str:
        """Return the policy of quarantines whose homes have none, made where it is not there."""
        return await self.policy(self.names.quarantine_policy, PolicyContent())

    async def _own(self, made: Made, home: Workspace) -> Workspace | None:
        """Return a copy that is for this home alone, or for nobody."""
        there = await self.read()
        for copy in list(self._copies.values()):
            if copy.id not in there:
                continue
            if copy.made is made and set(copy.homes) <= {home.id}:
                return there[copy.id]
        return None

    async def read(self, *, again: bool = False) -> dict[str, Workspace]:
        """Return all workspaces by their ids; for those who hold `lock`."""
        if self._workspaces is None or again:
            found = list(await self.platform.workspaces())
            self._workspaces = {one.id: one for one in found}
            for one in found:
                if one.id not in self._copies and self.names.copied(one.name):
                    await self._remember(found_copy(one, found, self.names), one.name)
            for copy in list(self._copies.values()):
                if copy.id not in self._workspaces:
                    log.warning("a copy of a workspace is gone from the platform", workspace=copy.id, kind=copy.made)
                    await self.forget(copy.id)
        return self._workspaces

    async def _make(self, made: Made, home: Workspace, content: Content, source: str | None) -> Workspace:
        await self._part(made, home.id, None)
        name = self.names.copy(made, home.id)
        try:
            copy = await self.platform.create_workspace(name, content.policy_id, content.rule_ids)
        except GiveUpError as error:
            instead = "; name a workspace for it as quarantine_workspace_id" if made is Made.WORKSPACE else ""
            raise GiveUpError(f"a copy of a workspace could not be made{instead}: {error}") from error
        await self._remember(Copy(copy.id, made, (home.id,), source), name)
        if self._workspaces is not None:
            self._workspaces[copy.id] = copy
        return copy

    async def _part(self, made: Made, home_id: str, copy_id: str | None) -> None:
        """Remember that no other copy of a kind is for a home; one that has its name is called after another home."""
        there = await self.read()
        for other in list(self._copies.values()):
            if other.id == copy_id or other.made is not made or home_id not in other.homes or other.id not in there:
                continue
            homes = tuple(one for one in other.homes if one != home_id)
            shown = there[other.id]
            if homes and shown.name == self.names.copy(made, home_id):
                shown = replace(shown, name=self.names.copy(made, homes[0]))
                await self.platform.change_workspace(shown)
                there[other.id] = shown
            await self._remember(replace(other, homes=homes), shown.name)

    async def _remember(self, copy: Copy, name: str) -> None:
        item = InventoryItem(copy.made, copy.id, copy.detail(name), self.clock.now())
        await self.inventory.add(self.application_id, item)
        self._copies[copy.id] = copy
