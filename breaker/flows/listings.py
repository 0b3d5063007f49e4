"""Listings: addresses and domains put into Breaker's lists and taken out, for many commands at once, and read back.

All that goes into a list in one pass goes with one request, and one reading of the list confirms it all. What holds an
account goes before what lets one go, over all lists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.domain.commands import HOLDS, CommandKind
from breaker.flows.block_list import BlockList
from breaker.flows.designs import LISTS, RULES, Made
from breaker.flows.fixtures import rediscover
from breaker.ports import GiveUpError, GoneError, PlatformError, SendingDomain, TryAgainError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from breaker.flows.fixtures import Fixtures, Names
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
}
"""The commands that put an account's address, or a domain, into a list or take it out, and which list that is."""

_RULE_OF = {made: rule.made for rule in RULES.values() for made in rule.lists}


def missing(made: Made) -> str:
    """Return what is said where a list or a rule is not on the platform."""
    what = f"list of {LISTS[made].purpose}" if made in LISTS else f"rule to {RULES[made].purpose}"
    return f"there is no {what} on the platform: run `breaker setup`"


@dataclass(slots=True, kw_only=True)
class Listings:
    """The lists, in one pass.

    Args:
        platform: The platform.
        outbox: Where addresses that are found out are remembered.
        inventory: What Breaker has made on the platform.
        clock: The time.
        application_id: The application.
        names: What this installation's things are called.
        fixtures: What the inventory knows; what it has forgotten is looked for.
        may_go_on: Whether this process may still send.
    """

    platform: Platform
    outbox: Outbox
    inventory: Inventory
    clock: Clock
    application_id: str
    names: Names
    fixtures: Fixtures
    may_go_on: Callable[[], bool]
    _outcomes: dict[int, PlatformError | None] = field(init=False, default_factory=dict)
    _addresses: dict[int, str] = field(init=False, default_factory=dict)

    async def carry_out(self, commands: Sequence[Command]) -> dict[int, PlatformError | None]:
        """Change the lists and read them back.

        Returns:
            What became of each command, by its id: None where it was read back. One that is missing was not begun.
        """
        await self._look_for_lists(commands)
        await self._learn_addresses(self._open(commands))
        for adding in (True, False):
            for made in LISTS:
                some = self._open(one for one in commands if LISTED[one.kind] is made and (one.kind in HOLDS) is adding)
                if some and self.may_go_on():
                    await self._change(made, some, adding=adding)
        for made in LISTS:
            written = [one for one in self._open(commands) if LISTED[one.kind] is made]
            if written and self.may_go_on():
                await self._read_back(made, written)
        return self._outcomes

    def _open(self, commands: Iterable[Command]) -> list[Command]:
        return [one for one in commands if one.id not in self._outcomes]

    async def _look_for_lists(self, commands: Sequence[Command]) -> None:
        """End what there is no list for: who is not in one need not be taken out of it."""
        if all(self._missing_for(command) is None for command in commands):
            return
        try:
            self.fixtures = await rediscover(
                self.platform, self.inventory, self.application_id, self.names, self.clock.now()
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

    async def _learn_addresses(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if isinstance(command.about, SendingDomain):
                self._addresses[command.id] = command.about.name
                continue
            account = command.about
            if account.address is not None:
                self._addresses[command.id] = account.address
                continue
            try:
                grant = await self.platform.grant(account.grant_id or "")
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
                    self._addresses[command.id] = grant.address

    async def _change(self, made: Made, commands: Sequence[Command], *, adding: bool) -> None:
        on_platform = BlockList(self.platform, self.fixtures.ids[made])
        addresses = {self._addresses[one.id] for one in commands}
        failed = await (on_platform.add(addresses) if adding else on_platform.remove(addresses))
        if any(isinstance(error, GoneError) for error in failed.values()):
            await self.inventory.remove(self.application_id, made, self.fixtures.ids[made])
        for command in commands:
            error = failed.get(self._addresses[command.id])
            if error is not None:
                gone = isinstance(error, GoneError)
                self._outcomes[command.id] = TryAgainError(missing(made)) if gone else error

    async def _read_back(self, made: Made, commands: Sequence[Command]) -> None:
        on_platform = BlockList(self.platform, self.fixtures.ids[made])
        whole = any(command.kind not in HOLDS for command in commands)
        try:
            listed = await on_platform.holding({self._addresses[command.id] for command in commands}, whole=whole)
        except PlatformError as error:
            self._outcomes |= dict.fromkeys((one.id for one in commands), error)
            return
        for command in commands:
            shown = (self._addresses[command.id] in listed) is (command.kind in HOLDS)
            self._outcomes[command.id] = None if shown else TryAgainError(NOT_SHOWN)
