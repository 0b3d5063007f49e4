"""Fill gaps: what happened while notifications were lost is read from the platform's send events, once that is over.

It enters the same ledger exactly once, and is judged as history is: as if everybody was observed, so that nobody is
stopped for what was seen before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.domain.outcomes.spans import Span
from breaker.flows.backfill import KEPT, SETTLED, BusyError
from breaker.ports import GiveUpError, GoneError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from breaker.flows.backfill import Progress
    from breaker.ports import Clock, PlatformError, UnheardTimes


class Told(Protocol):
    """Who is told."""

    def filled(self, application_id: str, progress: Progress) -> None:
        """A gap was read."""
        ...

    def unfillable(self, application_id: str, span: Span, error: PlatformError) -> None:
        """A gap can't be read, and stays one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FillGaps:
    """Fills the gaps of one application.

    Args:
        application_id: The application.
        unheard: The gaps.
        backfill: Reads a span of the platform's send events into the ledger.
        reach: Returns how many seconds back sends are counted at all.
        clock: The time.
        told: Who is told.
    """

    application_id: str
    unheard: UnheardTimes
    backfill: Callable[[Span], Awaitable[Progress]]
    reach: Callable[[], float]
    clock: Clock
    told: Told

    async def __call__(self) -> None:
        """Fill what is over, and has come to rest on the platform.

        Raises:
            PlatformError: The platform could not be read now; the next call goes on.
            StoreError: The same of the database.
        """
        now = self.clock.now()
        for one in await self.unheard.to_fill(self.application_id, now - SETTLED):
            span = Span(int(max(one.begins_at, now - min(self.reach(), KEPT))), int(one.ends_at) + 1)
            try:
                progress = await self.backfill(span)
            except BusyError:
                return  # a person is at it, and may well read the same
            except (GiveUpError, GoneError) as error:
                self.told.unfillable(self.application_id, span, error)
            else:
                self.told.filled(self.application_id, progress)
            await self.unheard.filled(self.application_id, one, self.clock.now())
