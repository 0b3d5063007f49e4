"""What keeps Breaker from changing anything by itself: a person's hold, or a feed that is not to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.domain.circuits.circuit import HeldBy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.acts.fleet_acts import Hold
    from breaker.domain.circuits.domain_circuit import Interval
    from breaker.flows.watch_feed import WatchFeed


class PeoplesHold(Protocol):
    """Whether a person put automatic changes on hold."""

    def hold(self, now: float) -> Hold | None:
        """Return the hold that has not expired, or None; known to within a second or two."""
        ...


@dataclass(frozen=True, slots=True)
class Holding:
    """`breaker.ports.Holds`.

    Args:
        people: The hold that people set.
        feed: The watch over the feed.
    """

    people: PeoplesHold
    feed: WatchFeed

    def held_by(self, application_id: str, leaving_out: str | None, now: float) -> HeldBy | None:
        """Return what holds, or None."""
        if self.people.hold(now):
            return HeldBy.HOLD
        return self.feed.held_by(application_id, leaving_out, now)

    def gaps(self, application_id: str) -> Sequence[Interval]:
        """Return the times, now over, in which sends were not fully heard of."""
        return self.feed.gaps(application_id)
