"""Suppress: the recipients that are kept, brought into the platform's List and taken out of it again.

What counts outcomes keeps who bounced or complained, in its own transaction; here the List follows. New addresses are
put in a thousand at a time. What was put in is read back, and what stands in the List and is kept no longer (erased,
expired, or pushed out by later ones) is taken out: the whole List is compared with what is kept, so an erased address
need not be remembered to be removed. Readings are spaced by the List's size, to a request in six seconds on average.

Everything is asked for with the urgency of a sweep, after all stops and resets. During a hold nobody is added; who was
erased is taken out all the same, since a person asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from breaker.flows.designs import Made
from breaker.flows.fixtures import known_fixtures
from breaker.ports import GiveUpError, GoneError, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from breaker.flows.lease import Lease
    from breaker.ports import Clock, Inventory, Platform, SuppressionCounts, Suppressions

LARGEST_CHANGE = 1_000
"""Addresses that the platform takes in one request."""

_BATCHES = 20
"""Requests that add, in one look: whatever else has to be swept gets its turn between looks."""

_PAGE = 200
_SECONDS_A_PAGE = 6.0
_SOONEST = 15.0
_LATEST = 3_600.0
"""Seconds after which the List is looked through though nothing is known to have changed: people change it too."""

_WHILE_OFF = 60.0
"""Seconds between two looks while it is off: what was kept expires all the same, and its List is emptied."""

_REFUSED_IN_A_ROW = 20
"""Addresses refused one by one, with none taken in between, after which the List is taken to be full."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept.

    Args:
        most: Addresses in the List at most.
        retention: Seconds that an address is kept after its last bounce or complaint.
    """

    most: int
    retention: float


class Told(Protocol):
    """Who is told of it."""

    def counted(self, application_id: str, counts: SuppressionCounts) -> None:
        """So many recipients are kept, listed, and without room."""
        ...

    def synchronised(self, application_id: str, now: float) -> None:
        """The List was read back and is as it should be."""
        ...

    def full(self, application_id: str, room: int, beyond: int) -> None:
        """There is room for so many addresses, and so many more have none: those that are oldest. A page."""
        ...

    def not_set_up(self, application_id: str) -> None:
        """Suppression is on, and there is no List or rule for it."""
        ...


@dataclass(slots=True, kw_only=True)
class Suppress:
    """The flow: each call is one look at one application.

    Args:
        application_id: The application.
        platform: The application on the platform.
        inventory: What Breaker has made on the platform.
        suppressions: The recipients that are kept.
        enabled: Tells whether recipients are suppressed; where not, the List is emptied.
        limits: Returns how much is kept.
        may_act: Tells whether this daemon changes anything on the platform at all.
        on_hold: Tells whether a person holds automatic changes back.
        lease: Held by the daemon that does it.
        clock: The time.
        told: Who is told.
    """

    application_id: str
    platform: Platform
    inventory: Inventory
    suppressions: Suppressions
    enabled: Callable[[], bool]
    limits: Callable[[], Limits]
    may_act: Callable[[], bool]
    on_hold: Callable[[], bool]
    lease: Lease
    clock: Clock
    told: Told
    _list_id: str | None = field(init=False, default=None)
    _size: int = field(init=False, default=0)
    _read_at: float | None = field(init=False, default=None)
    _erased: int = field(init=False, default=-1)
    _most: int = field(init=False, default=-1)
    _looked_at: float = field(init=False, default=0.0)
    _unsure: bool = field(init=False, default=True)
    _room: int | None = field(init=False, default=None)
    _said: tuple[int, int] | None = field(init=False, default=None)
    _missed: bool = field(init=False, default=False)

    async def __call__(self) -> None:
        """Look.

        Raises:
            PlatformError: The platform did not do all that was asked; the next look goes on.
            StoreError: The database can't be used now.
        """
        limits, enabled, now = self.limits(), self.enabled(), self.clock.now()
        if not enabled and now - self._looked_at < _WHILE_OFF:
            return
        if not self.may_act() or not await self.lease.ensure():
            return
        self._looked_at = now
        if await self.suppressions.expire(self.application_id, now - limits.retention):
            self._unsure = True
        made = (await known_fixtures(self.inventory, self.application_id)).ids
        list_id = made.get(Made.SUPPRESSION_LIST)
        if list_id is None or Made.SUPPRESSION_RULE not in made:
            self._tell_missing(enabled=enabled)
            return
        self._missed = False
        if list_id != self._list_id:
            self._list_id, self._room, self._read_at = list_id, None, None
        most = min(limits.most, self._room if self._room is not None else limits.most) if enabled else 0
        try:
            if self._is_due(now, await self.suppressions.erased(self.application_id), most):
                await self._compare(list_id, most)
            if most and not self.on_hold():
                await self._add(list_id, most)
        except GoneError:
            await self.inventory.remove(self.application_id, Made.SUPPRESSION_LIST, list_id)
            raise
        await self._tell(most)

    def _tell_missing(self, *, enabled: bool) -> None:
        if enabled and not self._missed:
            self.told.not_set_up(self.application_id)
        self._missed = enabled

    def _is_due(self, now: float, erased: int, most: int) -> bool:
        """Tell whether the List is to be looked through now."""
        if self._read_at is None or (erased, most) != (self._erased, self._most):
            self._erased, self._most = erased, most
            return True
        spacing = max(_SOONEST, _SECONDS_A_PAGE * (self._size // _PAGE + 1)) if self._unsure else _LATEST
        return now - self._read_at >= spacing

    async def _compare(self, list_id: str, most: int) -> None:
        """Take out who is not wanted, and note who is there."""
        platform = self.platform.at(Urgency.SWEEP)
        there = {value async for value in platform.values(list_id)}
        wanted = set(await self.suppressions.wanted(self.application_id, most)) if most else set()
        extra = sorted(there - wanted)
        for begin in range(0, len(extra), LARGEST_CHANGE):
            await platform.remove_values(list_id, extra[begin : begin + LARGEST_CHANGE])
        await self.suppressions.note_listed(self.application_id, sorted(there & wanted))
        self._size, self._read_at = len(there) - len(extra), self.clock.now()
        self._unsure = bool(extra)  # until they are seen to be gone
        if not extra and wanted <= there:
            self.told.synchronised(self.application_id, self._read_at)

    async def _add(self, list_id: str, most: int) -> None:
        for _ in range(_BATCHES):
            batch = await self.suppressions.unwritten(self.application_id, most, LARGEST_CHANGE)
            if not batch or not self.lease.held:
                return
            self._unsure = True
            if not await self._add_batch(list_id, batch):
                return

    async def _add_batch(self, list_id: str, batch: Sequence[str]) -> bool:
        """Put a batch in; tell whether there was room for it.

        The platform refuses a request for one bad value in it: halving finds that. Where one after the other is
        refused, it is not the addresses.
        """
        platform = self.platform.at(Urgency.SWEEP)
        waiting: list[Sequence[str]] = [batch]
        refused: list[str] = []
        in_a_row = 0
        while waiting:
            some = waiting.pop()
            try:
                await platform.add_values(list_id, some)
            except GiveUpError:
                if len(some) > 1:
                    middle = len(some) // 2
                    waiting += [some[middle:], some[:middle]]
                    continue
                refused.append(some[0])
                in_a_row += 1
                if in_a_row >= _REFUSED_IN_A_ROW:
                    self._room = await self._size_of(platform, list_id)
                    self._read_at = None  # the oldest make room for these
                    return False
                continue
            in_a_row = 0
            self._size += len(some)
            await self._note(some, refused)
            refused = []
        await self._note((), refused)
        return True

    async def _note(self, added: Collection[str], refused: Collection[str]) -> None:
        if added:
            await self.suppressions.note_written(self.application_id, added)
        if refused:
            await self.suppressions.note_written(self.application_id, refused, refused=True)

    async def _size_of(self, platform: Platform, list_id: str) -> int:
        return next((one.size for one in await platform.lists() if one.id == list_id), self._size)

    async def _tell(self, most: int) -> None:
        counts = await self.suppressions.counts(self.application_id, most)
        self.told.counted(self.application_id, counts)
        said = (most, counts.beyond)
        if most and counts.beyond and (self._said is None or self._said[0] != most):
            self.told.full(self.application_id, most, counts.beyond)
        self._said = said if counts.beyond else None
