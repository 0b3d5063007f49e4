"""Carry out: what is wanted on the platform is made so there, read back, and settled.

One daemon at a time sends for an application, by a lease. It works in short passes: it claims what is due, stops first,
puts all addresses of a pass into a list with one request, reads the list once for all of them, then moves accounts, and
gives back what it has not come to after a second, so that a stop never waits behind a long row of resets. What
fails is put off, longer each time, and never forgotten; only what can't succeed is given up.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from breaker.domain.commands import HOLDS, CommandKind
from breaker.flows.fixtures import known_fixtures
from breaker.flows.lease import Lease
from breaker.flows.listings import LISTED, Listings
from breaker.flows.quarantine import Quarantine
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
    from collections.abc import Callable, Collection, Iterator, Sequence

    from breaker.flows.fixtures import Fixtures, Names
    from breaker.ports import Clock, Command, Inventory, Leases, Outbox, Platform

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a sender works; all times in seconds.

    Args:
        poll: Real time between two looks into the outbox when nobody wakes the sender: another daemon's judge can't.
        batch: Commands claimed at once.
        slice: Real time after which a pass begins nothing new.
        moves: Accounts moved at the same time, so that a far platform is not waited for one by one.
        lease: How long the right to send lasts; a dead daemon's work is taken over after it.
        claim: How long a claim lasts.
        first_delay: The wait after a first failure; doubled from then on.
        longest_delay: No wait is longer, but for one that the platform asks for.
    """

    poll: float = 0.25
    batch: int = 500
    slice: float = 1.0
    moves: int = 8
    lease: float = 10.0
    claim: float = 15.0
    first_delay: float = 0.5
    longest_delay: float = 60.0


def _unobserved(_command: Command, _seconds: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a sender works with.

    Args:
        application_id: The application that it sends for.
        holder: This process's name among those that hold leases.
        platform: The application on the platform.
        outbox: What is wanted.
        leases: Who may send.
        inventory: What Breaker has made on the platform.
        names: What this installation's things are called.
        clock: The time.
        random: Returns a number from 0 to 1, for delays that differ.
        quarantine_for: Returns the workspace that is configured for stopped accounts of a home; None for a copy of it.
        quarantines: All workspaces that are configured so.
        confirmed: Told of each command that was read back, and the seconds since it was wanted.
    """

    application_id: str
    holder: str
    platform: Platform
    outbox: Outbox
    leases: Leases
    inventory: Inventory
    names: Names
    clock: Clock
    random: Callable[[], float]
    quarantine_for: Callable[[str], str | None] = lambda _home: None
    quarantines: Collection[str] = ()
    confirmed: Callable[[Command, float], None] = _unobserved


@dataclass(slots=True)
class Sender:
    """Carries out the commands of one application.

    Args:
        at: What it works with.
        woken: Set by whoever has committed new commands.
        pace: How it works.
    """

    at: Surroundings
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    pace: Pace = field(default_factory=Pace)
    _lease: Lease = field(init=False)
    _claimed: dict[int, Command] = field(init=False, default_factory=dict)
    _unreadable: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        name = f"sender:{self.at.application_id}"
        self._lease = Lease(self.at.leases, name, self.at.holder, self.pace.lease)

    async def run(self) -> None:
        """Work until cancelled; what was claimed and not begun is given back then, and so is the lease."""
        async with self._lease.kept():
            while True:
                await self._once_or_later()

    async def once(self) -> int:
        """Make one pass, and return how many commands it ended or put off.

        Raises:
            StoreError: The database can't be used now.
        """
        if not await self._lease.ensure():
            return 0
        try:
            commands = await self.at.outbox.claim(
                self.at.application_id, self.at.clock.now(), self.pace.batch, self.pace.claim
            )
            self._claimed = {command.id: command for command in commands}
            if commands:
                await self._carry_out(commands)
            return len(commands) - len(self._claimed)
        finally:
            # Not begun for want of time or of the lease, or cut short.
            if self._claimed:
                with suppress(StoreError):
                    await self.at.outbox.release(tuple(self._claimed.values()))
                self._claimed = {}

    async def _once_or_later(self) -> None:
        self.woken.clear()
        try:
            busy = await self.once()
        except StoreError as error:
            if not self._unreadable:  # once for an outage, not at each of its many passes
                self._unreadable = True
                log.warning("the outbox can't be read now", application=self.at.application_id, error=str(error))
        except Exception:
            # A fault of ours in one pass must not be the end of all stops.
            log.exception("a pass of the sender failed unexpectedly", application=self.at.application_id)
        else:
            if self._unreadable:
                self._unreadable = False
                log.info("the outbox can be read again", application=self.at.application_id)
            if busy:
                return
        with suppress(TimeoutError):
            async with asyncio.timeout(self.pace.poll):
                await self.woken.wait()

    # One pass

    async def _carry_out(self, commands: Sequence[Command]) -> None:
        begun_at = asyncio.get_running_loop().time()
        urgency = Urgency.STOP if any(command.kind in HOLDS for command in commands) else Urgency.RESET
        platform = self.at.platform.at(urgency)
        fixtures = await known_fixtures(self.at.inventory, self.at.application_id)
        listed = [command for command in commands if command.kind in LISTED]
        if listed:
            fixtures = await self._change_lists(platform, fixtures, listed)
        moves = [command for command in commands if command.kind not in LISTED]
        if moves:
            await self._move(platform, fixtures, moves, begun_at + self.pace.slice)

    async def _change_lists(self, platform: Platform, fixtures: Fixtures, commands: Sequence[Command]) -> Fixtures:
        listings = Listings(
            platform=platform,
            outbox=self.at.outbox,
            inventory=self.at.inventory,
            clock=self.at.clock,
            application_id=self.at.application_id,
            names=self.at.names,
            fixtures=fixtures,
            may_go_on=lambda: self._lease.held,
        )
        outcomes = await listings.carry_out(commands)
        await self._settle([one for one in commands if one.id in outcomes and outcomes[one.id] is None], None)
        failed: dict[PlatformError, list[Command]] = defaultdict(list)
        for command in commands:
            if (error := outcomes.get(command.id)) is not None:
                failed[error].append(command)
        for error, some in failed.items():
            await self._fail(some, error)
        return listings.fixtures

    # Moves

    async def _move(
        self, platform: Platform, fixtures: Fixtures, commands: Sequence[Command], begin_until: float
    ) -> None:
        quarantine = Quarantine(
            platform=platform,
            outbox=self.at.outbox,
            inventory=self.at.inventory,
            clock=self.at.clock,
            application_id=self.at.application_id,
            names=self.at.names,
            fixtures=fixtures,
            configured=self.at.quarantine_for,
            all_configured=self.at.quarantines,
        )
        waiting = iter(commands)
        movers = [self._move_some(quarantine, waiting, begin_until) for _ in range(self.pace.moves)]
        for outcome in await asyncio.gather(*movers, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _move_some(self, quarantine: Quarantine, waiting: Iterator[Command], begin_until: float) -> None:
        loop = asyncio.get_running_loop()
        for command in waiting:
            move = quarantine.put if command.kind is CommandKind.QUARANTINE else quarantine.take_home
            try:
                notice = await move(command.account)
            except PlatformError as error:
                await self._fail([command], error)
            else:
                await self._settle([command], notice)
            if loop.time() >= begin_until or not self._lease.held:
                return

    # What became of commands

    async def _settle(self, commands: Sequence[Command], notice: str | None) -> None:
        if not commands:
            return
        now = self.at.clock.now()
        await self.at.outbox.settle(commands, now, notice)
        for command in commands:
            self._claimed.pop(command.id, None)
            self.at.confirmed(command, now - command.created_at)
            if notice is not None:
                log.error("a reset went elsewhere", account=command.about.id, notice=notice)

    async def _fail(self, commands: Sequence[Command], error: PlatformError) -> None:
        if not commands:
            return
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
        for command in commands:
            self._claimed.pop(command.id, None)

    def _delay(self, attempts: int, error: PlatformError) -> float:
        """Return how long to wait: doubled with each attempt, differing by half, and as long as the platform asked."""
        doubled = self.pace.first_delay * 2.0 ** min(attempts - 1, 30)
        delay = min(doubled, self.pace.longest_delay) * (0.5 + self.at.random() / 2)
        asked = error.after if isinstance(error, TryAgainError) and error.after is not None else 0.0
        return max(delay, asked)
