"""What may happen to a notification between the platform and its first delivery: lost, repeated, late, out of order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random


@dataclass(slots=True)
class Feed:
    """The state of the feed; it can be changed while a simulation runs. Shares are fractions.

    Attributes:
        lost: The share that never arrives, by trigger; `*` stands for all others. A dead feed is `{"*": 1.0}`, one
            half dead for instance `{"message.delivered": 1.0}`.
        repeated: The share that arrives twice.
        repeated_within: Seconds within which a repetition comes.
        late: The share that comes late.
        late_by: The least and the most seconds by which it is late. A spread beyond the distance between events
            is what puts them out of order.
    """

    lost: dict[str, float] = field(default_factory=dict)
    repeated: float = 0.0
    repeated_within: float = 600.0
    late: float = 0.0
    late_by: tuple[float, float] = (1.0, 3600.0)

    def departures(self, trigger: str, now: float, source: random.Random) -> list[float]:
        """Return when a notification leaves (Unix seconds): nothing if it is lost, twice if it is repeated."""
        lost = self.lost.get(trigger, self.lost.get("*", 0.0))
        if lost and source.random() < lost:
            return []
        first = now
        if self.late and source.random() < self.late:
            first += source.uniform(*self.late_by)
        if self.repeated and source.random() < self.repeated:
            return [first, first + source.uniform(0.0, self.repeated_within)]
        return [first]
