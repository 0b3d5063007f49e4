"""Backfill: read what the platform kept of past sends into the same ledger, and judge once at the end.

A span of time is read part by part, the earliest first, and what was read is remembered after each part; whoever is cut
off goes on from there, and what was read before is not read again. Within a part all events are read before any is
counted: the newest come first, and a send's time is that of its `accepted` event, which is the oldest.

Sends that webhooks brought are found again by the same key, application, message and recipient, and nothing is counted
twice, whoever comes first: the first known time of sending stays.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog

from breaker.domain.outcomes.history import SendTimes
from breaker.domain.outcomes.spans import FIRST, SHORTEST, Span, cut, missing, next_length
from breaker.ports import StoreError, StoreUnavailableError, TryAgainError, TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from breaker.domain.outcomes.history import SendEvent
    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from breaker.flows.count import Count, Report
    from breaker.flows.judge import Given
    from breaker.flows.judge_once import JudgeOnce
    from breaker.flows.lease import Lease
    from breaker.ports import Clock

log = structlog.get_logger(__name__)

T = TypeVar("T")

KEPT = 90 * 86_400
"""Seconds that the platform keeps send events
(https://developer.nylas.com/docs/reference/api/send-events/list-send-events/)."""

SETTLED = 600
"""Seconds after which the platform is taken to show all that happened: a span is done up to so long ago."""

_BATCH = 500
_TRIES = 8
_FIRST_DELAY, _LONGEST_DELAY = 1.0, 60.0
_TOO_MANY = 200_000
"""Events beyond which a part is put back and read in halves: they are held in memory together."""


class SendHistory(Protocol):
    """The send events that the platform kept."""

    def within(self, span: Span) -> AsyncIterator[Sequence[SendEvent]]:
        """Give those of a span, page by page; raises `PlatformError`."""
        ...

    async def of_message(self, message_id: str, span: Span) -> Sequence[SendEvent]:
        """Return those of one message within a span; raises `PlatformError`."""
        ...


class Backfilled(Protocol):
    """Which spans were read; kept in the database."""

    async def spans(self, application_id: str) -> Sequence[Span]:
        """Return them, in any order; none overlap."""
        ...

    async def add(self, application_id: str, span: Span) -> None:
        """Remember that a span was read and counted, and is not judged yet."""
        ...

    async def forget(self, application_id: str, span: Span) -> None:
        """Have a span read anew."""
        ...

    async def unjudged(self, application_id: str) -> bool:
        """Tell whether something was counted that is not judged."""
        ...

    async def judged(self, application_id: str) -> None:
        """Remember that everything is judged."""
        ...


class BusyError(Exception):
    """Another process reads the same application's history."""


@dataclass(slots=True)
class Backfill:
    """The flow: one call reads what is missing of one span of one application.

    Args:
        application_id: The application.
        history: What is read.
        backfilled: What was read.
        count: Counts, and judges nothing.
        judge: Judges in the end.
        lease: Held by whoever reads the application's history.
        clock: The time.
    """

    application_id: str
    history: SendHistory
    backfilled: Backfilled
    count: Count
    judge: JudgeOnce
    lease: Lease
    clock: Clock

    async def __call__(self, wanted: Span, told: Callable[[Progress], None], *, again: bool = False) -> Progress:
        """Read, count and judge.

        Args:
            wanted: The span.
            told: Told after each page and each part how far it is.
            again: Whether what was read before is read again; it is counted once all the same.

        Raises:
            BusyError: Another process is at it.
            StoreError: The database can't be used now; what was counted stays, and the next call goes on.
            PlatformError: The same of the platform.
        """
        if not await self.lease.ensure():
            raise BusyError(f"the history of {self.application_id} is being read by another process")
        async with self.lease.kept():
            if again:
                await self.backfilled.forget(self.application_id, wanted)
            spans = missing(wanted, await self.backfilled.spans(self.application_id))
            progress = Progress(self.application_id, wanted, sum(span.seconds for span in spans))
            for span in spans:
                await self._read(span, progress, told)
            if await self.backfilled.unjudged(self.application_id):
                progress.given = await self.judge(self.application_id, wanted.begins_at)
                await self.backfilled.judged(self.application_id)
            progress.note_time()
            return progress

    async def _read(self, span: Span, progress: Progress, told: Callable[[Progress], None]) -> None:
        times = SendTimes()
        length = FIRST
        while span.seconds:
            part = next(cut(span, length))
            now = int(self.clock.now())
            events = await self._events(part, progress, told)
            if events is None:
                length = max(SHORTEST, part.seconds // 2)
                continue
            times.turn()
            times.learn_accepted(events)
            for message_id in times.unknown(events):
                kept = Span(now - KEPT, part.ends_at)
                known = await self._trying_again(partial(self.history.of_message, message_id, kept))
                progress.looked_up += 1
                times.learn_earliest(known)
            await self._count(times.delivery_events(events), progress)
            if (done := Span(part.begins_at, min(part.ends_at, now - SETTLED))).seconds:
                await self.backfilled.add(self.application_id, done)
            progress.events += len(events)
            progress.under_way = 0
            progress.seconds_read += part.seconds
            progress.note_time()
            told(progress)
            length = next_length(length, len(events))
            span = Span(part.ends_at, span.ends_at)

    async def _events(self, part: Span, progress: Progress, told: Callable[[Progress], None]) -> list[SendEvent] | None:
        """Return the events of a part, or None where they are too many and it can be made shorter."""

        async def read() -> list[SendEvent] | None:
            events: list[SendEvent] = []
            async for page in self.history.within(part):
                events += page
                progress.under_way = len(events)
                progress.note_time()
                told(progress)
                if len(events) > _TOO_MANY and part.seconds > SHORTEST:
                    return None
            return events

        return await self._trying_again(read)

    async def _trying_again(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the platform, again where that may help."""
        delay = _FIRST_DELAY
        for _ in range(_TRIES - 1):
            try:
                return await ask()
            except TryAgainError as error:
                log.debug("the platform's history can't be read now", error=str(error))
                await self.clock.sleep(max(delay, error.after or 0.0))
                delay = min(2 * delay, _LONGEST_DELAY)
        return await ask()

    async def _count(self, events: Sequence[DeliveryEvent], progress: Progress) -> None:
        for begins in range(0, len(events), _BATCH):
            await self._count_batch(events[begins : begins + _BATCH], progress)

    async def _count_batch(self, batch: Sequence[DeliveryEvent], progress: Progress) -> None:
        """Count a batch; what the database refuses for what is in it is left out alone."""
        try:
            progress.add(await count_trying_again(self.count, batch, self.clock.now()))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one event causes must not end the reading of all others
            if len(batch) == 1:
                log.warning("a send event can't be counted", message=batch[0].message_id, error=type(error).__name__)
                progress.outcomes["refused"] += 1
                return
            middle = len(batch) // 2
            await self._count_batch(batch[:middle], progress)
            await self._count_batch(batch[middle:], progress)


async def count_trying_again(count: Count, events: Sequence[DeliveryEvent], now: float) -> Report:
    """Count a batch, again where another process was in the way.

    Raises:
        StoreError: Nothing was counted.
    """
    for attempt in range(_TRIES):
        try:
            return await count(events, now)
        except TryTransactionAgainError:
            await asyncio.sleep(0.01 * 2**attempt)  # whoever is in the way is in another process, in real time
    raise StoreUnavailableError("others change the same accounts all the time")


@dataclass(slots=True)
class Progress:
    """How far a backfill is, and in the end what came of it.

    Args:
        application_id: The application.
        span: What was asked for.
        seconds_missing: Seconds of it that were not read before.
        seconds_read: Seconds of those that are read now.
        events: Send events that were read, and whose outcomes are counted.
        under_way: Those of the part that is being read.
        looked_up: Messages that were asked for one by one, since they were sent before what was read.
        outcomes: Of the outcomes among them, how many ended how: `counted`, `repeated`, `simulator`, `too_old`,
            `too_far_ahead`, or `refused` by the database for what is in them.
        kinds: How many of the counted were of which kind.
        took: Real seconds.
        given: The verdicts, all of them held.
    """

    application_id: str
    span: Span
    seconds_missing: int
    seconds_read: int = 0
    events: int = 0
    under_way: int = 0
    looked_up: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    took: float = 0.0
    given: list[Given] = field(default_factory=list)
    _begun: float = field(default_factory=perf_counter)

    @property
    def events_per_second(self) -> float:
        """How fast it went, in send events a real second."""
        return (self.events + self.under_way) / self.took if self.took else 0.0

    def note_time(self) -> None:
        """Note how long it has taken until now."""
        self.took = perf_counter() - self._begun

    def add(self, report: Report) -> None:
        """Take in what became of a batch."""
        self.outcomes.update(report.outcomes)
        self.kinds.update(str(kind) for kind in report.kinds.elements())
