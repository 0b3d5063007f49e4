"""Our counts beside the platform's, and by how much they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OTHERS = "(others)"
"""What the platform calls the accounts that have no row of their own."""

WORTH_A_LOOK = 0.01
"""The difference ratio from which on counts are not taken to agree: outcomes under way are fewer than that."""


class Counts(NamedTuple):
    """What became of sends, in words that both sides count alike.

    Attributes:
        delivered: Sends that were delivered.
        bounced: Sends that bounced, whatever for.
        complaints: Sends that were complained about.
    """

    delivered: int = 0
    bounced: int = 0
    complaints: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """One account's counts, or those of several together.

    Args:
        name: Its address, or `(others)`.
        ours: What Breaker counted.
        platform: What the platform counted.
    """

    name: str
    ours: Counts
    platform: Counts

    @property
    def difference(self) -> int:
        """How many outcomes one side has and the other has not."""
        return sum(abs(one - other) for one, other in zip(self.ours, self.platform, strict=True))

    @property
    def difference_ratio(self) -> float | None:
        """The same over what the platform counted, a fraction; None where both counted nothing."""
        total = sum(self.platform)
        if total:
            return self.difference / total
        return 1.0 if self.difference else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All accounts of an application.

    Args:
        application_id: The application.
        first_day: The first day, counted from 1970-01-01, in UTC.
        last_day: The last day.
        rows: The accounts that send most, and the others together; the largest difference first.
    """

    application_id: str
    first_day: int
    last_day: int
    rows: Sequence[Compared]

    @property
    def difference_ratio(self) -> float | None:
        """The differences of all rows over what the platform counted, a fraction; None where there is nothing."""
        total, difference = sum(sum(row.platform) for row in self.rows), sum(row.difference for row in self.rows)
        if total:
            return difference / total
        return 1.0 if difference else None

    @property
    def agrees(self) -> bool:
        """Whether both sides count the same, apart from what is under way."""
        return (self.difference_ratio or 0.0) < WORTH_A_LOOK


def compared(ours: Mapping[str, Counts], all_of_ours: Counts, platform: Mapping[str, Counts]) -> Sequence[Compared]:
    """Put counts beside each other.

    Args:
        ours: What Breaker counted of each account that the platform names.
        all_of_ours: What Breaker counted of all accounts together.
        platform: What the platform counted by address, `(others)` among them where it has more accounts.
    """
    rows = [Compared(name, ours.get(name, Counts()), counts) for name, counts in platform.items() if name != OTHERS]
    named = Counts(*map(sum, zip(*(row.ours for row in rows), strict=True))) if rows else Counts()
    rest = Counts(*(max(0, total - part) for total, part in zip(all_of_ours, named, strict=True)))
    others = Compared(OTHERS, rest, platform.get(OTHERS, Counts()))
    if any(others.ours) or any(others.platform):
        rows.append(others)
    return sorted(rows, key=lambda row: (-row.difference, row.name))
