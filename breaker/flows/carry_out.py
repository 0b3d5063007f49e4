"""Carry out: what is wanted on the platform is made so there, read back, and settled.

One daemon at a time sends for an application, by a lease. It works in passes: it claims what is due, stops first, puts
all addresses into a list, a thousand with a request, reads the list once for all of them, then moves accounts, and
gives back what it has not come to after a second. In between it looks for new stops and writes them at once, so that a
stop waits for one request, and never behind thousands of others. What fails is put off, longer each time, and never
forgotten; only what can't succeed is given up.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from breaker.flows.lease import Lease
from breaker.flows.sender_pass import SenderPass
from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from breaker.domain.platform.elsewhere import Elsewhere
    from breaker.flows.fixtures import Names
    from breaker.flows.read_back import Place
    from breaker.ports import Account, Clock, Command, Inventory, Leases, Outbox, Platform

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a sender works; all times in seconds.

    Args:
        poll: Real time between two looks into the outbox when nobody wakes the sender: another daemon's judge can't.
        batch: Commands claimed at once: some requests' worth, since looking for them takes longer than taking them.
        slice: Real time after which a pass begins no further moves.
        together: Accounts moved together: a batch to each of some workspaces.
        moves: Grants asked for, or moved, one by one at the same time, so that a far platform is not waited for.
        lease: How long the right to send lasts; a dead daemon's work is taken over after it.
        claim: How long a claim lasts.
        first_delay: The wait after a first failure; doubled from then on.
        longest_delay: No wait is longer, but for one that the platform asks for.
    """

    poll: float = 0.25
    batch: int = 5_000
    slice: float = 1.0
    together: int = 5_000
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
        blocks: Tells whether `block` is on for an account.
        quota: Returns the messages a UTC day that a probed account may send; None without a quota.
        elsewhere: Told why an account is elsewhere than it should be.
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
    blocks: Callable[[Account], bool] = lambda _account: True
    quota: Callable[[], int | None] = lambda: None
    elsewhere: Callable[[Elsewhere], None] = lambda _why: None
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
    _bookmarks: dict[str, Place] = field(init=False, default_factory=dict)
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
        one = SenderPass(at=self.at, pace=self.pace, lease=self._lease, woken=self.woken, bookmarks=self._bookmarks)
        return await one.run()

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
