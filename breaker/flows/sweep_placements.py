"""Sweep placements: all grants with their workspaces, compared with where their accounts were known to be.

Made every few minutes, since no event tells of a move. New grants become known, those that are there no more are asked
for one by one, since a page may have slipped while others were deleted, and are remembered as deleted once the platform
says so; their addresses are looked up, for they may have another grant by now. Only Agent Accounts are placed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from breaker.domain.circuits.states import Wanted
from breaker.domain.platform.commands import Actuator
from breaker.domain.platform.placement import Move, Place, Workspaces, moved
from breaker.flows.fixtures import known_fixtures
from breaker.ports import AGENT_PROVIDER, Account, GoneError, Lost, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from breaker.flows.fixtures import Names
    from breaker.flows.put_back import PutBack
    from breaker.ports import Clock, Grant, Inventory, Misplaced, Placements, Platform

_AT_ONCE = 500
_ASKED = 200
"""Grants that are asked for one by one in one sweep; the next one goes on."""


class Told(Protocol):
    """Who is told."""

    def moved(self, application_id: str, account: Account, place: Place, move: Move) -> None:
        """An account was found elsewhere; it is, and belongs, there."""
        ...

    def deleted(self, application_id: str, grant_id: str) -> None:
        """A grant is gone, and no event had told of it."""
        ...


class _Numbers:
    """Numbers of accounts, a bit each: a fleet may be large."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, numbers: Sequence[int]) -> None:
        self._bits.extend(bytes(max(0, max(numbers, default=0) // 8 + 1 - len(self._bits))))
        for number in numbers:
            self._bits[number // 8] |= 1 << number % 8

    def __contains__(self, number: int) -> bool:
        return number // 8 < len(self._bits) and bool(self._bits[number // 8] & 1 << number % 8)


@dataclass(slots=True, kw_only=True)
class SweepPlacements:
    """Sweeps one application.

    Args:
        application_id: The application.
        names: What this installation's things are called.
        platform: The application on the platform.
        inventory: What Breaker made there.
        placements: Where accounts are known to be.
        put_back: Sees to accounts that only a quarantine held, and that are out of it.
        actuators_of: The ways to stop that are on for an account.
        clock: The time.
        told: Who is told.
        quarantines: The workspaces that are configured for stopped accounts.
    """

    application_id: str
    names: Names
    platform: Platform
    inventory: Inventory
    placements: Placements
    put_back: PutBack
    actuators_of: Callable[[Account], Collection[Actuator]]
    clock: Clock
    told: Told
    quarantines: Collection[str] = ()
    _workspaces: Workspaces = field(init=False, default_factory=lambda: Workspaces(frozenset(), ()))

    async def __call__(self) -> int:
        """Make one sweep; return how many grants there are.

        Raises:
            PlatformError: The platform could not be read to the end; what it told is known.
            StoreError: The database can't be used now.
        """
        platform = self.platform.at(Urgency.SWEEP)
        began_at = self.clock.now()
        self._workspaces = await self._read_workspaces(platform)
        seen, count = _Numbers(), 0
        page: list[Grant] = []
        async for grant in platform.grants():
            page.append(grant)
            count += 1
            if len(page) == _AT_ONCE:
                seen.add(await self._take(page, began_at))
                page = []
        if page:
            seen.add(await self._take(page, began_at))
        await self._look_again()
        await self._look_for_missing(platform, seen, began_at)
        return count

    async def _read_workspaces(self, platform: Platform) -> Workspaces:
        fixtures = await known_fixtures(self.inventory, self.application_id)
        there = await platform.workspaces()
        copies = {one.id for one in there if self.names.home_of(one.name) is not None}
        quarantines = frozenset({*fixtures.copies, *self.quarantines, *copies})
        return Workspaces(frozenset(one.id for one in there), quarantines)

    async def _take(self, grants: Sequence[Grant], began_at: float) -> Sequence[int]:
        numbers = await self.placements.know(self.application_id, grants, began_at, self.clock.now())
        agents = [
            (number, grant)
            for number, grant in zip(numbers, grants, strict=True)
            if grant.provider == AGENT_PROVIDER and grant.workspace_id is not None
        ]
        found = await self.placements.misplaced(
            self.application_id, [number for number, _ in agents], [grant for _, grant in agents], began_at
        )
        if found:
            await self._place(found)
        return numbers

    async def _place(self, found: Sequence[Misplaced]) -> None:
        placed = [(one, *self._moved(one)) for one in found]
        await self.placements.place([(one, place) for one, place, _ in placed])
        for one, place, move in placed:
            if move is not None:
                self.told.moved(self.application_id, one.account, place, move)
        if lost := [self._lost(one) for one, place, _ in placed if self._is_free(one, place)]:
            await self.put_back(lost)

    def _moved(self, one: Misplaced) -> tuple[Place, Move | None]:
        before = Place(one.account.workspace_id, one.account.home_workspace_id)
        return moved(before, one.found_in, self._workspaces, held=one.wanted is not Wanted.SENDING)

    def _is_free(self, one: Misplaced, place: Place) -> bool:
        """Tell whether a quarantine alone held an account that is out of it."""
        quarantines = self._workspaces.quarantines
        out = one.account.workspace_id in quarantines and place.workspace_id not in quarantines
        return out and one.confirmed is Wanted.STOPPED and Actuator.BLOCK not in self.actuators_of(one.account)

    def _lost(self, one: Misplaced) -> Lost:
        return Lost(
            one.account, Wanted.STOPPED, one.wanted, one.epoch, put_back_at=one.put_back_at, left_at=one.left_at
        )

    async def _look_for_missing(self, platform: Platform, seen: _Numbers, began_at: float) -> None:
        after, asked = 0, 0
        while asked < _ASKED and (known := await self.placements.known(self.application_id, began_at, after)):
            after = known[-1][0]
            for number, grant_id, address in known:
                if number in seen or asked == _ASKED:
                    continue
                asked += 1
                if await self._is_gone(platform, grant_id):
                    await self._delete(platform, grant_id, address, began_at)

    async def _delete(self, platform: Platform, grant_id: str, address: str | None, began_at: float) -> None:
        """Remember that a grant is gone, and find the one that has its address by now."""
        await self.placements.deleted(self.application_id, grant_id, self.clock.now())
        self.told.deleted(self.application_id, grant_id)
        if address is not None:
            others = [grant async for grant in platform.grants(address=address)]
            await self._take(others, began_at)

    async def _look_again(self) -> None:
        """See again to those that a quarantine alone held: Breaker may act by now, or they are in one again."""
        known = await self.put_back.holds.accounts(self.application_id, {}, 0.0)
        await self.put_back(
            [
                replace(one, listed=one.about.workspace_id in self._workspaces.quarantines)
                for one in known
                if isinstance(one.about, Account) and Actuator.BLOCK not in self.actuators_of(one.about)
            ]
        )

    async def _is_gone(self, platform: Platform, grant_id: str) -> bool:
        try:
            await platform.grant(grant_id)
        except GoneError:
            return True
        return False
