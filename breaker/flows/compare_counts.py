"""Compare counts: ours beside the platform's, so that a notification that never came does not go unseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.domain.windows.comparison import OTHERS, Comparison, compared

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from breaker.domain.windows.comparison import Counts

_DAY = 86_400


class SendMetrics(Protocol):
    """What the platform counted."""

    async def by_account(self, first_day: int, last_day: int) -> Mapping[str, Counts]:
        """Return it by address, with `(others)` for the rest; raises `PlatformError`."""
        ...


class CountsKept(Protocol):
    """What Breaker counted."""

    async def of_accounts(
        self, application_id: str, addresses: Collection[str], since: int, until: int
    ) -> Mapping[str, Counts]:
        """Return it by address, of sends from one moment to before another, Unix seconds."""
        ...

    async def of_application(self, application_id: str, since: int, until: int) -> Counts:
        """Return the same of all accounts together; both moments are full hours."""
        ...


@dataclass(frozen=True, slots=True)
class CompareCounts:
    """The flow: one call compares once.

    Args:
        application_id: The application.
        metrics: What the platform counted.
        kept: What Breaker counted.
    """

    application_id: str
    metrics: SendMetrics
    kept: CountsKept

    async def __call__(self, since: float, now: float) -> Comparison:
        """Compare the sends of whole days in UTC, today included.

        Args:
            since: The first day is the one that begins at this moment or after it, today at the latest; Unix seconds.
            now: Unix seconds.

        Raises:
            PlatformError: The platform can't be asked now.
            StoreError: The same of the database.
        """
        last_day = int(now // _DAY)
        first_day = min(last_day, -int(-since // _DAY))
        platform = await self.metrics.by_account(first_day, last_day)
        begins_at, ends_at = first_day * _DAY, (last_day + 1) * _DAY
        named = [name for name in platform if name != OTHERS]
        ours = await self.kept.of_accounts(self.application_id, named, begins_at, ends_at)
        total = await self.kept.of_application(self.application_id, begins_at, ends_at)
        return Comparison(self.application_id, first_day, last_day, compared(ours, total, platform))
