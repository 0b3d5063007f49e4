"""Ingest: many requests share one transaction, and none is answered before its outcomes are committed.

Group commit: a request puts its event in line and waits. A few writers take what stands in line, each as one batch in
one transaction, so that the cost of a commit is shared by all that came while the one before was under way. Nothing
waits for a batch to fill.

A batch that the database refuses for what is in it is halved until the poisonous event is found; its neighbours are
committed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import structlog

from breaker.ports import StoreUnavailableError, TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from breaker.flows.count import Report
    from breaker.ports import Clock

log = structlog.get_logger(__name__)

_TRIES = 8


class OverloadedError(Exception):
    """More events stand in line than can be committed in good time; the sender should try again."""


class StoppedError(Exception):
    """The daemon is stopping and takes nothing more; the sender should try again."""


class PoisonousEventError(Exception):
    """An event that can't be committed whatever is tried; its neighbours were."""


class Counting(Protocol):
    """What counts a batch, all of it or nothing."""

    async def __call__(self, events: Sequence[DeliveryEvent], now: float) -> Report:
        """Count events in the order of their arrival."""
        ...


class IngestObserver(Protocol):
    """Who is told what became of batches, for metrics, the log and the outbox."""

    def committed(self, report: Report, size: int, seconds: float) -> None:
        """A batch of `size` events was committed, so many real seconds after it was begun."""
        ...

    def refused(self, error: Exception, size: int) -> None:
        """A batch was not committed and will not be tried again as it is."""
        ...

    def tried_again(self, error: Exception) -> None:
        """A batch lost against another transaction and is tried again."""
        ...


@dataclass(slots=True)
class _Waiting:
    event: DeliveryEvent
    weight: int
    committed: asyncio.Future[None]


class Ingest:
    """The line and its writers.

    Args:
        count: What counts a batch.
        clock: The time.
        observer: Who is told.
        writers: How many batches may be under way at once.
        batch_size: Outcomes that one batch may hold; a larger event is a batch of its own.
        line_length: Events that may stand in line.
    """

    def __init__(  # noqa: PLR0913 - wired once, by name, in the composition root
        self,
        count: Counting,
        clock: Clock,
        observer: IngestObserver,
        *,
        writers: int,
        batch_size: int,
        line_length: int,
    ) -> None:
        """Prepare the line; nothing runs yet."""
        self._count = count
        self._clock = clock
        self._observer = observer
        self._batch_size = batch_size
        self._line_length = line_length
        self._writers = writers
        self._line: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._under_way = 0

    def start(self) -> None:
        """Start the writers."""
        self._tasks = [asyncio.create_task(self._write(), name=f"ingest writer {n}") for n in range(self._writers)]

    async def stop(self) -> None:
        """Take nothing more, commit what was accepted, and end the writers."""
        self._stopping = True
        self._arrived.set()
        await asyncio.gather(*self._tasks)
        self._tasks = []

    @property
    def idle(self) -> bool:
        """Whether nothing stands in line and nothing is under way."""
        return not self._line and not self._under_way

    async def submit(self, event: DeliveryEvent) -> None:
        """Return once the event's outcomes are committed.

        Raises:
            OverloadedError: The line is full.
            StoppedError: The daemon is stopping.
            StoreError: The database can't commit now; nothing was counted.
            PoisonousEventError: The event can't be committed at all.
        """
        if self._stopping:
            raise StoppedError("Breaker is stopping")
        if len(self._line) >= self._line_length:
            raise OverloadedError(f"{len(self._line)} events stand in line already")
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(_Waiting(event, max(1, len(event.recipients)), committed))
        self._arrived.set()
        await committed

    async def _write(self) -> None:
        while True:
            await self._arrived.wait()
            batch = self._take()
            if not batch:
                if self._stopping:
                    return
                self._arrived.clear()
                continue
            self._under_way += 1
            try:
                await self._commit(batch)
            except Exception as error:
                # A writer that ended would leave everybody waiting who comes after.
                log.exception("a batch ended in an unexpected way", events=len(batch))
                _answer(batch, error)
            finally:
                self._under_way -= 1

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        weight = 0
        while self._line and (not batch or weight + self._line[0].weight <= self._batch_size):
            weight += self._line[0].weight
            batch.append(self._line.popleft())
        return batch

    async def _commit(self, batch: list[_Waiting]) -> None:
        begun = perf_counter()
        try:
            report = await self._count_trying_again([one.event for one in batch])
        except StoreUnavailableError as error:
            _answer(batch, error)
            self._observer.refused(error, len(batch))
        except Exception as error:  # noqa: BLE001 - whatever one event causes must not reach its neighbours
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._commit(batch[:middle])
                await self._commit(batch[middle:])
                return
            lost = isinstance(error, TryTransactionAgainError)  # to others, time and again: nothing is wrong with it
            _answer(batch, error if lost else PoisonousEventError(f"{type(error).__name__} while it was counted"))
            self._observer.refused(error, 1)
        else:
            _answer(batch, None)
            self._observer.committed(report, len(batch), perf_counter() - begun)

    async def _count_trying_again(self, events: list[DeliveryEvent]) -> Report:
        for _ in range(_TRIES - 1):
            try:
                return await self._count(events, self._clock.now())
            except TryTransactionAgainError as error:
                self._observer.tried_again(error)
        return await self._count(events, self._clock.now())


def _answer(batch: list[_Waiting], error: Exception | None) -> None:
    for one in batch:
        if one.committed.done():
            continue
        if error is None:
            one.committed.set_result(None)
        else:
            one.committed.set_exception(error)
