"""Listings: addresses and domains put into Breaker's lists and taken out, for many commands at once, and read back.

A thousand go into a list with one request, and one reading of the list confirms all that was written before it. What
holds an account goes before what lets one go, over all lists. Writing and reading are steps of their own, a page at a
time, so that what comes in between is written before the reading goes on. An address that stands in for its sending
domain is not taken out by what lets its account go: it is the domain's meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.domain.platform.commands import HOLDS, CommandKind
from breaker.flows.block_list import BlockList
from breaker.flows.designs import LISTS, RULES, Made
from breaker.flows.fixtures import rediscover
from breaker.flows.read_back import ReadBack
from breaker.ports import GiveUpError, GoneError, PlatformError, SendingDomain, TryAgainError, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence

    from breaker.flows.fixtures import Fixtures, Names
    from breaker.flows.read_back import Place
    from breaker.ports import Clock, Command, Inventory, Outbox, Platform

NOT_SHOWN = "it was asked for, and is not shown yet"
NO_ADDRESS = "its grant is gone, and its address was never known"
NO_ADDRESS_NAMED = "the platform names no address of its grant"

LISTED = {
    CommandKind.BLOCK: Made.LIST,
    CommandKind.UNBLOCK: Made.LIST,
    CommandKind.LIMIT: Made.LIMIT_LIST,
    CommandKind.UNLIMIT: Made.LIMIT_LIST,
    CommandKind.BLOCK_DOMAIN: Made.DOMAIN_LIST,
    CommandKind.UNBLOCK_DOMAIN: Made.DOMAIN_LIST,
    CommandKind.BLOCK_OTHERS: Made.LIST,
    CommandKind.UNBLOCK_OTHERS: Made.LIST,
}
"""The commands that put an account's address, or a domain, into a list or take it out, and which list that is."""

_OF_STAND_INS = frozenset({CommandKind.BLOCK_OTHERS, CommandKind.UNBLOCK_OTHERS})
_RULE_OF = {made: rule.made for rule in RULES.values() for made in rule.lists}


def missing(made: Made) -> str:
    """Return what is said where a list or a rule is not on the platform."""
    what = f"list of {LISTS[made].purpose}" if made in LISTS else f"rule to {RULES[made].purpose}"
    return f"there is no {what} on the platform: run `breaker setup`"


@dataclass(slots=True, kw_only=True)
class Listings:
    """The lists, in one pass of the sender.

    Args:
        platform: The platform.
        outbox: Where addresses that are found out are remembered.
        inventory: What Breaker has made on the platform.
        clock: The time.
        application_id: The application.
        names: What this installation's things are called.
        fixtures: What the inventory knows; what it has forgotten is looked for.
        may_go_on: Whether this process may still send.
        bookmarks: Where the last reading of each list ended; kept beyond the pass.
    """

    platform: Platform
    outbox: Outbox
    inventory: Inventory
    clock: Clock
    application_id: str
    names: Names
    fixtures: Fixtures
    may_go_on: Callable[[], bool]
    bookmarks: MutableMapping[str, Place]
    _outcomes: dict[int, PlatformError | None] = field(init=False, default_factory=dict)
    _addresses: dict[int, frozenset[str]] = field(init=False, default_factory=dict)
    _readings: dict[Made, ReadBack] = field(init=False, default_factory=dict)
    _holds: set[int] = field(init=False, default_factory=set)

    async def write(self, commands: Sequence[Command]) -> Mapping[int, PlatformError | None]:
        """Change the lists; what was written is to be read back then.

        Returns:
            What became of commands that need no reading, by their ids: the error, or None where there was nothing to
            do. Those that are neither here nor to be read back were not begun.
        """
        self._outcomes = {}
        holding = any(command.kind in HOLDS for command in commands)
        asked = self.platform.at(Urgency.STOP if holding else Urgency.RESET)
        await self._look_for_lists(asked, commands)
        await self._learn_addresses(asked, self._open(commands))
        await self._spare_stand_ins(self._open(commands))
        for adding in (True, False):
            for made in LISTS:
                some = self._open(one for one in commands if LISTED[one.kind] is made and (one.kind in HOLDS) is adding)
                if some and not adding:
                    some = await self._still_wanted(some)
                if some and self.may_go_on():
                    await self._change(made, some, adding=adding)
        return self._outcomes

    @property
    def reading(self) -> bool:
        """Whether anything that was written is to be read back yet."""
        return any(one.waiting for one in self._readings.values())

    async def read_on(self) -> Mapping[int, PlatformError | None]:
        """Read one page, of a list with stops in it before others.

        Returns:
            What is certain now, by the ids of commands: None where it was read back.
        """
        waiting = [one for one in self._readings.values() if one.waiting]
        stops = [one for one in waiting if not self._holds.isdisjoint(one.waiting)]
        if not waiting:
            return {}
        reading = (stops or waiting)[0]
        try:
            shown = await reading.read_on(self.platform.at(Urgency.STOP if stops else Urgency.RESET))
        except PlatformError as error:
            outcomes: dict[int, PlatformError | None] = dict.fromkeys(reading.waiting, error)
        else:
            outcomes = {one: None if seen else TryAgainError(NOT_SHOWN) for one, seen in shown.items()}
        self.forget(outcomes)
        return outcomes

    def forget(self, commands: Iterable[int]) -> None:
        """Read back for these commands no longer."""
        for command in list(commands):
            self._holds.discard(command)
            self._addresses.pop(command, None)
            for reading in self._readings.values():
                reading.forget(command)

    def _open(self, commands: Iterable[Command]) -> list[Command]:
        return [one for one in commands if one.id not in self._outcomes]

    async def _look_for_lists(self, platform: Platform, commands: Sequence[Command]) -> None:
        """End what there is no list for: who is not in one need not be taken out of it."""
        if all(self._missing_for(command) is None for command in commands):
            return
        try:
            self.fixtures = await rediscover(
                platform, self.inventory, self.application_id, self.names, self.clock.now()
            )
        except PlatformError as error:
            self._outcomes |= {one.id: error for one in commands if self._missing_for(one)}
            return
        for command in commands:
            if made := self._missing_for(command):
                self._outcomes[command.id] = TryAgainError(missing(made)) if command.kind in HOLDS else None

    def _missing_for(self, command: Command) -> Made | None:
        """Return what has to be on the platform for a command, and is not known to be; a list alone holds nobody."""
        made = LISTED[command.kind]
        needed = (made, _RULE_OF[made]) if command.kind in HOLDS else (made,)
        return next((one for one in needed if one not in self.fixtures.ids), None)

    async def _learn_addresses(self, platform: Platform, commands: Sequence[Command]) -> None:
        for command in commands:
            if command.kind in _OF_STAND_INS:
                self._addresses[command.id] = stand_ins = await self.outbox.addresses_of(command)
                if not stand_ins:
                    self._outcomes[command.id] = None
                continue
            if isinstance(command.about, SendingDomain):
                self._addresses[command.id] = frozenset({command.about.name})
                continue
            account = command.about
            if account.address is not None:
                self._addresses[command.id] = frozenset({account.address})
                continue
            try:
                grant = await platform.grant(account.grant_id or "")
            except GoneError:
                await self.outbox.note_gone(account.key, self.clock.now())
                self._outcomes[command.id] = GiveUpError(NO_ADDRESS)
            except PlatformError as error:
                self._outcomes[command.id] = error
            else:
                if grant.address is None:
                    self._outcomes[command.id] = GiveUpError(NO_ADDRESS_NAMED)
                else:
                    await self.outbox.note_address(account.key, grant.address)
                    self._addresses[command.id] = frozenset({grant.address})

    async def _spare_stand_ins(self, commands: Sequence[Command]) -> None:
        """Leave in the list who is let go, and stands in for its domain: nothing has to be done for it."""
        by_address: dict[str, list[Command]] = defaultdict(list)
        for command in commands:
            if command.kind is CommandKind.UNBLOCK:
                for address in self._addresses[command.id]:
                    by_address[address].append(command)
        if not by_address:
            return
        for address in await self.outbox.standing_in(self.application_id, by_address):
            self._outcomes |= {command.id: None for command in by_address[address]}

    async def _still_wanted(self, commands: Sequence[Command]) -> list[Command]:
        """Return what lifts and was not superseded since it was claimed; the rest is not begun, and superseded soon.

        It is asked once requests have their turn again: to wait for it may take a minute, and who is stopped meanwhile
        is not to be let go for the moment until his stop is carried out.
        """
        await self.platform.at(Urgency.RESET).ready()
        current = await self.outbox.current(commands)
        return [command for command in commands if command.id in current]

    async def _change(self, made: Made, commands: Sequence[Command], *, adding: bool) -> None:
        list_id = self.fixtures.ids[made]
        on_platform = BlockList(self.platform.at(Urgency.STOP if adding else Urgency.RESET), list_id)
        addresses = frozenset[str]().union(*(self._addresses[one.id] for one in commands))
        failed = await (on_platform.add(addresses) if adding else on_platform.remove(addresses))
        if any(isinstance(error, GoneError) for error in failed.values()):
            await self.inventory.remove(self.application_id, made, list_id)
        reading = self._readings.get(made)
        if reading is None or reading.list_id != list_id:
            reading = self._readings[made] = ReadBack(list_id, self.bookmarks)
        for command in commands:
            error = next((failed[one] for one in sorted(self._addresses[command.id]) if one in failed), None)
            if error is not None:
                gone = isinstance(error, GoneError)
                self._outcomes[command.id] = TryAgainError(missing(made)) if gone else error
                continue
            reading.expect(command.id, self._addresses[command.id], present=adding)
            if adding:
                self._holds.add(command.id)
