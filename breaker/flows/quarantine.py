"""Quarantine: stopped accounts moved out of their home workspace, and home again.

Home is where the account is at the moment of the move, remembered before it is asked for, so that no crash forgets it;
a quarantine is never taken for a home. Where no workspace is configured for it, the quarantine is a copy of the home
(`breaker.flows.copies`). A quarantine that is gone is made anew; one that is configured and gone is somebody else's to
make, so the move is left out, and the block holds the account by itself. A home that is gone is replaced by the default
workspace, unless a person says another. Whatever went elsewhere is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.domain.platform.elsewhere import Elsewhere
from breaker.flows.copies import Copies
from breaker.flows.designs import Made
from breaker.flows.homes import Home
from breaker.ports import GiveUpError, GoneError, TryAgainError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from breaker.flows.fixtures import Fixtures, Names
    from breaker.ports import Account, Clock, Grant, Inventory, Outbox, Platform

HOME_GONE = "its home workspace is gone: it was moved to the default one"
HOME_UNKNOWN = "its home workspace is not known any more: it was moved to the default one"
HOME_GUESSED = "its home workspace is not known any more: it was moved to one with the same policy and rules"
QUARANTINE_GONE = "the workspace that is configured as its quarantine is gone: it was not moved, and the block holds it"
QUARANTINE_GONE_UNBLOCKED = "the workspace that is configured as its quarantine is gone, and nothing else stops it"
COPY_UNBLOCKED = (
    "a copy of its workspace stops nobody without the actuator `block`: switch it on, or name a quarantine_workspace_id"
)
_NOT_SHOWN = "the move was asked for, and is not shown yet"
_TARGET_GONE = "the workspace that it was to be moved to is gone"


_OF_HOMES = {
    Home.GONE: (Elsewhere.HOME_GONE, HOME_GONE),
    Home.UNKNOWN: (Elsewhere.HOME_UNKNOWN, HOME_UNKNOWN),
    Home.GUESSED: (Elsewhere.HOME_GUESSED, HOME_GUESSED),
}


def _blocked(_account: Account) -> bool:
    """Say that the block holds every account."""
    return True


def _untold(_why: Elsewhere) -> None:
    """Tell nobody."""


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
        blocks: Tells whether an account is blocked beside.
        told: Told why an account is elsewhere than it should be.
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
    blocks: Callable[[Account], bool] = field(default=_blocked)
    told: Callable[[Elsewhere], None] = field(default=_untold)
    copies: Copies = field(init=False)

    def __post_init__(self) -> None:
        self.copies = Copies(
            platform=self.platform,
            inventory=self.inventory,
            clock=self.clock,
            application_id=self.application_id,
            names=self.names,
            fixtures=self.fixtures,
        )

    async def put(self, account: Account) -> str | None:
        """Move an account into quarantine, and return when it was read back there.

        A grant that is gone sends from nowhere: that is remembered, and there is nothing to move.

        Returns:
            A notice for people, or None.

        Raises:
            PlatformError: It could not be moved, or not yet be read back.
        """
        try:
            grant = await self.grant(account)
            return await self._put(account, grant)
        except GoneError:
            await self.note_gone(account)
            return None

    async def take_home(self, account: Account) -> str | None:
        """Move an account home, and return when it was read back there; where it is in no copy any more, it stays.

        Returns:
            A notice for people, or None.

        Raises:
            PlatformError: It could not be moved, or not yet be read back.
        """
        try:
            grant = await self.grant(account)
            place = await self.place(grant)
            if self.is_away(place):
                home, how = await self.home(account, place)
            else:
                home, how = await self._strayed_from(account, place) or place, Home.KNOWN
            await self.move(account, home, None, place)
        except GoneError:
            await self.note_gone(account)
            return None
        return self.said_of(how)

    async def _put(self, account: Account, grant: Grant) -> str | None:
        place = await self.place(grant)
        if place in self.all_configured:
            await self.outbox.note_placement(account.key, place, self._remembered(account))
            return None
        if self.is_away(place):
            home, how = await self.home(account, place)
            in_quarantine = self.copies.known[place].made is Made.WORKSPACE
            if in_quarantine and how is not Home.KNOWN:
                # What it is like says where it stays, and where it belongs is a matter of its way home.
                await self.outbox.note_placement(account.key, place, self._remembered(account))
                return None
            remembered = self._remembered(account) or home
        else:
            remembered = home = await self._strayed_from(account, place) or place
            await self.outbox.note_placement(account.key, place, home)
        target = await self._target(account, home)
        if target is None:
            # Where it is a probe's copy, it is not to stay there either.
            await self.move(account, home, None, place)
            return self.say(Elsewhere.QUARANTINE_GONE, QUARANTINE_GONE)
        await self.move(account, target, remembered, place)
        return None

    async def _target(self, account: Account, home: str) -> str | None:
        """Return where a stopped account of a home is to be, or None where that is gone and the block is enough."""
        configured = self.configured(home)
        if configured is None:
            if not self.blocks(account):
                raise GiveUpError(COPY_UNBLOCKED)
            return await self.copies.quarantine_of(home)
        if configured in await self.copies.workspaces() or configured in await self.copies.workspaces(again=True):
            return configured
        if not self.blocks(account):
            raise GiveUpError(QUARANTINE_GONE_UNBLOCKED)
        return None

    def say(self, why: Elsewhere, sentence: str) -> str:
        """Tell why an account is elsewhere than it should be, and return the sentence."""
        self.told(why)
        return sentence

    def said_of(self, how: Home) -> str | None:
        """Tell, and return, what there is to say of how a home was told."""
        return self.say(*_OF_HOMES[how]) if how in _OF_HOMES else None

    async def note_gone(self, account: Account) -> None:
        """Remember that an account's grant is gone: it sends from nowhere, and there is nothing to move."""
        await self.outbox.note_gone(account.key, self.clock.now())

    async def _strayed_from(self, account: Account, place: str) -> str | None:
        """Return the home of an account that the platform moved to the default workspace, or None where it is its home.

        It did so where it was in a quarantine, or probed, in a workspace that was deleted. Whom somebody moved out of
        one that is there has a new home.
        """
        home, was = self._remembered(account), account.workspace_id
        there = await self.copies.workspaces()
        if home is None or home == place or home not in there:
            return None
        fell = was not in there and place == await self.copies.default()
        return home if fell or was == place else None

    def is_away(self, workspace_id: str) -> bool:
        """Tell whether who is in a workspace belongs elsewhere."""
        return workspace_id in self.copies.known or workspace_id in self.all_configured

    async def home(self, account: Account, place: str) -> tuple[str, Home]:
        """Return where an account that is away belongs, and how that was told."""
        return await self.copies.home(place, self._remembered(account), account.domain)

    def _remembered(self, account: Account) -> str | None:
        home = account.home_workspace_id
        return home if home is not None and not self.is_away(home) else None

    async def grant(self, account: Account) -> Grant:
        """Return an account's grant.

        Raises:
            GoneError: It is gone.
            PlatformError: It could not be read.
        """
        if account.grant_id is None:
            raise GiveUpError("the account is known by its address alone, and can't be moved")
        return await self.platform.grant(account.grant_id)

    async def place(self, grant: Grant) -> str:
        """Return the workspace that a grant is in; who is in none is taken for one of the default workspace."""
        await self.copies.workspaces()  # which also tells copies that the inventory has forgotten
        return grant.workspace_id or await self.copies.default()

    async def move(self, account: Account, workspace_id: str, home: str | None, place: str | None = None) -> None:
        """Move an account, have it read back, and remember where it is, and where it belongs if that is elsewhere.

        Raises:
            GoneError: Its grant is gone.
            PlatformError: It could not be moved, or is not shown there yet.
        """
        grant_id = account.grant_id or ""
        if place != workspace_id:
            try:
                await self.platform.move_grant(grant_id, workspace_id)
            except (GoneError, GiveUpError) as error:
                await self.platform.grant(grant_id)  # says itself where the grant is what is gone
                if isinstance(error, GiveUpError) and workspace_id in await self.copies.workspaces(again=True):
                    raise
                raise TryAgainError(_TARGET_GONE) from error
            if await self.place(await self.platform.grant(grant_id)) != workspace_id:
                raise TryAgainError(_NOT_SHOWN)
        await self.outbox.note_placement(account.key, workspace_id, home)
