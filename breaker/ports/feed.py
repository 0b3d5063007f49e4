"""What was heard of each application, and the gaps in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from breaker.domain.circuits.feed import BlindCause, Blindness


class HeardOf(NamedTuple):
    """What one daemon heard since it last told the others.

    Args:
        events: How many events.
        last_at: When the last of them came, Unix seconds.
    """

    events: int
    last_at: float


class HeardKey(NamedTuple):
    """What heard events are counted by: application, trigger without suffix, and the hour of hearing (Unix / 3,600)."""

    application_id: str
    trigger: str
    hour: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which the feed was not to be trusted: what was sent then may not be fully heard of.

    Args:
        begins_at: Since when, Unix seconds.
        cause: What was wrong.
        why: A sentence.
        found_at: When that was found, Unix seconds.
        seen_at: When it was last seen, Unix seconds.
        confirmed_at: When the platform's own send events confirmed it, Unix seconds, or None.
        ends_at: When events flowed again, Unix seconds, or None while they do not.
    """

    begins_at: float
    cause: BlindCause
    why: str
    found_at: float
    seen_at: float
    confirmed_at: float | None = None
    ends_at: float | None = None


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """What all daemons together know of the feed of one application.

    Args:
        last_at: When each trigger was last heard, Unix seconds.
        hours: Events by trigger and hour.
        known_since: The first hour that was listened to.
        listening_since: Since when it was listened to without a break, Unix seconds.
        quiet_at: When the platform was last read and had delivered nothing either, Unix seconds, or None.
        gaps: The latest gaps, the one that goes on included.
    """

    last_at: Mapping[str, float]
    hours: Mapping[tuple[str, int], int]
    known_since: int
    listening_since: float
    quiet_at: float | None
    gaps: Sequence[Gap] = ()

    @property
    def gap(self) -> Gap | None:
        """The gap that goes on, or None."""
        return next((one for one in self.gaps if one.ends_at is None), None)


class FeedRecords(Protocol):
    """What daemons heard, shared through the database; no row of it is written more than every few seconds."""

    async def share(self, heard: Mapping[HeardKey, HeardOf], listening: Collection[str], now: float) -> None:
        """Add what was heard, and note that these applications are listened to."""
        ...

    async def read(self, now: float) -> Mapping[str, FeedRecord]:
        """Return what is known of every application that was ever listened to."""
        ...

    async def begin_gap(self, application_id: str, found: Blindness, now: float) -> bool:
        """Begin a gap; False where one goes on already, which is then seen once more."""
        ...

    async def note_read(self, application_id: str, now: float, *, delivered: bool) -> None:
        """Note what one read of the platform said: that mail was delivered all the while, or that it was quiet."""
        ...

    async def end_gap(self, application_id: str, now: float) -> bool:
        """End the gap that goes on; False where there is none by now."""
        ...
