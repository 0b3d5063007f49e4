"""One pass of a sender: what is due is claimed and carried out, and the stops that come meanwhile with it.

Lists are written first; then they are read back, while accounts are moved, as many together as there are. Before each
page of a reading, and all the time while accounts are moved, it looks for new stops and writes them at once. What
came meanwhile goes with the next request, before what waits already. Nothing older is done after a newer stop: once
reading or moving has begun, only what holds is claimed, and it takes the place of all that is in hand for its account;
its move waits for those that are under way.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import structlog

from breaker.domain.platform.commands import HOLDS, CommandKind
from breaker.flows.block_list import LARGEST_CHANGE
from breaker.flows.fixtures import known_fixtures
from breaker.flows.listings import LISTED, Listings
from breaker.flows.quarantine import Quarantine
from breaker.flows.quota import Quota
from breaker.flows.together import Together
from breaker.ports import (
    CredentialsRejectedError,
    GiveUpError,
    GoneError,
    PlatformError,
    StoreError,
    TryAgainError,
    Urgency,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence

    from breaker.flows.carry_out import Pace, Surroundings
    from breaker.flows.lease import Lease
    from breaker.flows.read_back import Place
    from breaker.ports import Command

_SETTLED_TOGETHER = 500
"""Commands ended in one transaction: few enough that nobody waits long for their accounts' locks."""

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class SenderPass:
    """One pass.

    Args:
        at: What the sender works with.
        pace: How it works.
        lease: Its right to send.
        woken: Set by whoever has committed new commands.
        bookmarks: Where the last reading of each list ended.
    """

    at: Surroundings
    pace: Pace
    lease: Lease
    woken: asyncio.Event
    bookmarks: MutableMapping[str, Place]
    _claimed: dict[int, Command] = field(init=False, default_factory=dict)
    _unwritten: deque[Command] = field(init=False, default_factory=deque)
    _moves: deque[Command] = field(init=False, default_factory=deque)
    _listings: Listings = field(init=False)
    _looked_at: float = field(init=False, default=0.0)
    _more: bool = field(init=False, default=False)
    _ended: int = field(init=False, default=0)

    async def run(self) -> int:
        """Make the pass, and return how many commands it ended or put off.

        Raises:
            StoreError: The database can't be used now.
        """
        try:
            if commands := await self._claim():
                await self._carry_out(commands)
            return self._ended
        finally:
            # Not begun for want of time or of the lease, or cut short.
            with suppress(StoreError):
                await self._give_back(self._claimed.values())

    async def _carry_out(self, commands: Sequence[Command]) -> None:
        loop = asyncio.get_running_loop()
        move_until = loop.time() + self.pace.slice
        self._listings = Listings(
            platform=self.at.platform,
            outbox=self.at.outbox,
            inventory=self.at.inventory,
            clock=self.at.clock,
            application_id=self.at.application_id,
            names=self.at.names,
            fixtures=await known_fixtures(self.at.inventory, self.at.application_id),
            may_go_on=lambda: self.lease.held,
            bookmarks=self.bookmarks,
        )
        fresh, only_holds, moved = commands, False, False
        moving: asyncio.Task[None] | None = None
        try:
            while self.lease.held:
                self._sort_in(fresh)
                if self._unwritten:
                    await self._write()
                    fresh = await self._look()
                    continue
                fresh = await self._claim(only_holds=only_holds) if self._more else ()
                if fresh:
                    continue
                if moving is None and self._moves and (not moved or loop.time() < move_until):
                    moving, moved = asyncio.create_task(self._move()), True
                if moving is None and not self._listings.reading:
                    return
                only_holds = True
                if self._listings.reading:
                    await self._end(await self._listings.read_on())
                elif moving is not None:
                    await self._wait_for(moving)
                if moving is not None and moving.done():
                    await moving
                    moving = None
                fresh = await self._look()
        finally:
            if moving is not None:
                moving.cancel()
                await asyncio.gather(moving, return_exceptions=True)

    async def _wait_for(self, moving: asyncio.Task[None]) -> None:
        """Return when all were moved, or it is time to look for stops."""
        woken = asyncio.create_task(self.woken.wait())
        try:
            await asyncio.wait({moving, woken}, timeout=self.pace.poll, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()

    # Claims

    async def _look(self) -> Sequence[Command]:
        """Claim the stops that came meanwhile, if somebody says so, or none could since the last look."""
        return await self._claim(only_holds=True) if self._may_look else ()

    @property
    def _may_look(self) -> bool:
        return self.woken.is_set() or asyncio.get_running_loop().time() >= self._looked_at + self.pace.poll

    async def _claim(self, *, only_holds: bool = False) -> Sequence[Command]:
        """Claim what is due, and return what was not in hand; a claim that has run out meanwhile is only renewed."""
        self.woken.clear()
        self._looked_at = asyncio.get_running_loop().time()
        claimed = await self.at.outbox.claim(
            self.at.application_id, self.at.clock.now(), self.pace.batch, self.pace.claim, only_holds=only_holds
        )
        fresh = [command for command in claimed if command.id not in self._claimed]
        if early := self._early(fresh):
            await self._give_back(early)
            fresh = [command for command in fresh if command not in early]
        self._more = bool(fresh) and len(claimed) >= self.pace.batch
        epochs = {command.about.id: command.epoch for command in fresh}
        older = [one for one in self._claimed.values() if one.epoch < epochs.get(one.about.id, one.epoch)]
        if older:
            self._listings.forget(one.id for one in older)
            await self._give_back(older)
            self._moves = deque(one for one in self._moves if one.id in self._claimed)
            self._unwritten = deque(one for one in self._unwritten if one.id in self._claimed)
        self._claimed |= {command.id: command for command in fresh}
        return fresh

    def _early(self, commands: Sequence[Command]) -> Collection[Command]:
        """Return what lets accounts go that are still to be moved home: that comes after, also where many are moved."""
        away = {(one.about.id, one.epoch) for one in self._claimed.values() if one.kind not in LISTED}
        return {one for one in commands if one.kind in LISTED.keys() - HOLDS and (one.about.id, one.epoch) in away}

    async def _give_back(self, commands: Iterable[Command]) -> None:
        some = tuple(commands)
        for command in some:
            self._claimed.pop(command.id, None)
        if some:
            await self.at.outbox.release(some)

    # Lists

    def _sort_in(self, commands: Sequence[Command]) -> None:
        """Put what was claimed where it waits; a stop that came meanwhile goes with the next request."""
        self._moves += [command for command in commands if command.kind not in LISTED]
        listed = [command for command in commands if command.kind in LISTED]
        self._unwritten.extendleft(command for command in reversed(listed) if command.kind in HOLDS)
        self._unwritten += [command for command in listed if command.kind not in HOLDS]

    async def _write(self) -> None:
        """Write what waits, as much as goes into one request."""
        some = [self._unwritten.popleft() for _ in range(min(len(self._unwritten), LARGEST_CHANGE))]
        await self._end(await self._listings.write(some))

    # Moves

    async def _move(self) -> None:
        """Move accounts, as many together as there are, and end their commands."""
        row = [self._moves.popleft() for _ in range(min(len(self._moves), self.pace.together))]
        holding = any(command.kind in HOLDS for command in row)
        together = Together(
            platform=self.at.platform.at(Urgency.STOP if holding else Urgency.RESET),
            outbox=self.at.outbox,
            expected={
                one.account.grant_id: one.account.workspace_id
                for one in row
                if one.account.grant_id is not None and one.account.workspace_id is not None
            },
            at_once=self.pace.moves,
        )
        quarantine = Quarantine(
            platform=together.as_platform,
            outbox=together.as_outbox,
            inventory=self.at.inventory,
            clock=self.at.clock,
            application_id=self.at.application_id,
            names=self.at.names,
            fixtures=self._listings.fixtures,
            configured=self.at.quarantine_for,
            all_configured=self.at.quarantines,
            blocks=self.at.blocks,
            told=self.at.elsewhere,
        )
        movers = {
            CommandKind.QUARANTINE: quarantine.put,
            CommandKind.QUOTA: Quota(quarantine, self.at.quota()).put,
            CommandKind.RETURN_HOME: quarantine.take_home,
        }
        moves = [partial(movers[one.kind], one.account) for one in row]
        noticed: dict[str, list[Command]] = defaultdict(list)
        ended: dict[int, PlatformError | None] = {}
        alike: dict[tuple[type, str], PlatformError] = {}
        for command, outcome in zip(row, await together.all(moves), strict=True):
            if isinstance(outcome, str):
                noticed[outcome].append(command)
            elif outcome is None:
                ended[command.id] = None
            else:
                ended[command.id] = alike.setdefault((type(outcome), str(outcome)), outcome)
        await self._end(ended)
        for notice, some in noticed.items():
            await self._settle([one for one in some if one.id in self._claimed], notice)

    # What became of commands

    async def _end(self, outcomes: Mapping[int, PlatformError | None]) -> None:
        """Settle what was read back, and put off or give up what failed."""
        failed: dict[PlatformError, list[Command]] = defaultdict(list)
        settled: list[Command] = []
        for number, error in outcomes.items():
            if (command := self._claimed.get(number)) is not None:
                (settled if error is None else failed[error]).append(command)
        await self._settle(settled, None)
        for error, some in failed.items():
            await self._fail(some, error)

    async def _settle(self, commands: Sequence[Command], notice: str | None) -> None:
        if not commands:
            return
        now = self.at.clock.now()
        for start in range(0, len(commands), _SETTLED_TOGETHER):
            await self.at.outbox.settle(commands[start : start + _SETTLED_TOGETHER], now, notice)
        self._forget(commands)
        for command in commands:
            self.at.confirmed(command, now - command.created_at)
            if notice is not None:
                log.error("an account is elsewhere than it should be", account=command.about.id, notice=notice)

    async def _fail(self, commands: Sequence[Command], error: PlatformError) -> None:
        now = self.at.clock.now()
        about = {
            "application": self.at.application_id,
            "commands": len(commands),
            "account": commands[0].about.id,
            "error": str(error),
        }
        if isinstance(error, GiveUpError | GoneError):
            log.error("the platform refuses what is wanted, and trying again would not help", **about)
            await self.at.outbox.give_up(commands, now, str(error))
        else:
            rejected = isinstance(error, CredentialsRejectedError)
            level = "error" if rejected or commands[0].attempts > 1 else "info"
            getattr(log, level)("the platform could not be told what is wanted; it is tried again", **about)
            by_attempts: dict[int, list[Command]] = defaultdict(list)
            for command in commands:
                by_attempts[command.attempts].append(command)
            for attempts, alike in by_attempts.items():
                await self.at.outbox.postpone(alike, now + self._delay(attempts, error), str(error))
        self._forget(commands)

    def _forget(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self._claimed.pop(command.id, None)
            self._ended += 1

    def _delay(self, attempts: int, error: PlatformError) -> float:
        """Return how long to wait: doubled with each attempt, differing by half, and as long as the platform asked."""
        doubled = self.pace.first_delay * 2.0 ** min(attempts - 1, 30)
        delay = min(doubled, self.pace.longest_delay) * (0.5 + self.at.random() / 2)
        asked = error.after if isinstance(error, TryAgainError) and error.after is not None else 0.0
        return max(delay, asked)
