"""Delivery: at least once, signed, three attempts in all, and only for the answers that are tried again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp

from breaker.simulator.identifiers import derived
from breaker.simulator.webhooks.feed import Feed
from breaker.simulator.webhooks.health import Health
from breaker.simulator.webhooks.notifications import Notification
from breaker.simulator.webhooks.signature import SIGNATURE_HEADER, packed, signature

if TYPE_CHECKING:
    from breaker.ports import Clock
    from breaker.simulator.agenda import Agenda
    from breaker.simulator.options import SimulationOptions
    from breaker.simulator.webhooks.destinations import Destination, Destinations

MAXIMUM_ATTEMPTS = 3
#: Seconds after the first attempt. The last one comes 10 to 20 minutes after it (SKILL); between them it grows.
_RETRY_SPANS = {2: (60.0, 240.0), 3: (600.0, 1200.0)}

#: Stands for a status where none came: no connection, or no answer in time.
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver a notification to one destination."""

    notification: Notification
    destinations: Destinations
    destination: Destination
    number: int
    first_at: float


@dataclass(slots=True)
class DeliveryCounts:
    """What became of attempts, in books that a test or a demonstration can read.

    Attributes:
        delivered: Attempts that were answered 200.
        retried: Attempts that were made again.
        lost: Notifications that a destination never took.
        statuses: Attempts by the HTTP status of their answer, 0 for none.
    """

    delivered: int = 0
    retried: int = 0
    lost: int = 0
    statuses: Counter[int] = field(default_factory=Counter)


#: Told of every attempt and its status; `breaker simulate --record` writes them down.
Observer = Callable[[Attempt, int], None]

#: Told of every notification when it leaves for the first time, and when (Unix seconds).
Tap = Callable[[Notification, float], None]


class Deliveries:
    """Delivers notifications over one HTTP session, a bounded number at once.

    Args:
        clock: The simulation's time, for when retries are due; answers are awaited in real seconds.
        agenda: Where retries are put.
        seed: What the randomness of retries and of the feed is drawn from.
        options: Which answers are tried again, how long one is awaited, how many at once.
    """

    def __init__(self, clock: Clock, agenda: Agenda, seed: int, options: SimulationOptions) -> None:
        self._clock = clock
        self._agenda = agenda
        # Two sources: retries come in the order of the sockets' answers, which no seed decides.
        self._source = derived(seed, "retries")
        self._feed_source = derived(seed, "feed")
        self._options = options
        self._queue: asyncio.Queue[Attempt] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self.feed = Feed()
        self.health = Health()
        self.counts = DeliveryCounts()
        self.observers: list[Observer] = []
        self.taps: list[Tap] = []

    @property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP session, also for challenges and test events.

        Raises:
            RuntimeError: Before `start`.
        """
        if self._session is None:
            raise RuntimeError("the platform is not started: await platform.start() first")
        return self._session

    def announce(self, notification: Notification, destinations: Destinations) -> None:
        """Have a notification delivered to every destination of its trigger."""
        now = self._clock.now()
        for departs_at in self.feed.departures(notification.trigger, now, self._feed_source):
            if departs_at <= now:
                self._depart(notification, destinations)
            else:
                self._agenda.at(departs_at, partial(self._depart, notification, destinations))

    def repeat(self, notification: Notification, destinations: Destinations) -> None:
        """Have a notification delivered again, whatever the state of the feed."""
        self._depart(notification, destinations)

    def tell_all(self, notification: Notification, destinations: Destinations) -> int:
        """Have a notification delivered to every destination that receives at present; return how many those are."""
        receiving = [destination for destination in destinations if destination.receives]
        for destination in receiving:
            self._queue.put_nowait(Attempt(notification, destinations, destination, 1, self._clock.now()))
        return len(receiving)

    def _depart(self, notification: Notification, destinations: Destinations) -> None:
        now = self._clock.now()
        for tap in self.taps:
            tap(notification, now)
        for destination in destinations.subscribed(notification.trigger):
            self._queue.put_nowait(Attempt(notification, destinations, destination, 1, now))

    async def settled(self) -> None:
        """Return when no attempt is waiting or under way; retries that are due later do not count.

        While deliveries are stopped nothing is under way, and what waits goes on waiting.
        """
        if self._workers:
            await self._queue.join()

    async def start(self) -> None:
        """Open the session and begin to deliver."""
        concurrency = self._options.delivery_concurrency
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=concurrency),
            timeout=aiohttp.ClientTimeout(total=self._options.delivery_timeout),
            auto_decompress=False,
        )
        self._workers = [asyncio.create_task(self._work(), name=f"webhook delivery {n}") for n in range(concurrency)]

    async def stop(self) -> None:
        """Cease to deliver; what is under way is put back for the next start."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._workers = []
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _work(self) -> None:
        while True:
            attempt = await self._queue.get()
            try:
                await self._attempt(attempt)
            except asyncio.CancelledError:
                self._queue.put_nowait(attempt)
                raise
            finally:
                self._queue.task_done()

    async def _attempt(self, attempt: Attempt) -> None:
        destination = attempt.destination
        if not destination.receives:
            return
        body, headers = packed(attempt.notification.body(attempt.number), compressed=destination.compressed_delivery)
        status, retry_after = await self.post(destination.webhook_url, destination.secret, body, headers)
        self.counts.statuses[status] += 1
        self.health.observe(attempt.destinations, destination, self._clock.now(), answered=status == HTTPStatus.OK)
        for observer in self.observers:
            observer(attempt, status)
        if status == HTTPStatus.OK:
            self.counts.delivered += 1
        elif attempt.number < MAXIMUM_ATTEMPTS and (
            status == NO_ANSWER or self._options.retried_answers.includes(status)
        ):
            self._retry(attempt, retry_after)
        else:
            self.counts.lost += 1

    def _is_retried(self, status: int) -> bool:
        return status == NO_ANSWER or self._options.retried_answers.includes(status)

    async def post(self, url: str, secret: str, body: bytes, headers: dict[str, str]) -> tuple[int, float]:
        """Post a signed body once.

        Returns:
            The status of the answer, or `NO_ANSWER`; and what its `Retry-After` asks for in seconds, else 0.
        """
        signed = {**headers, SIGNATURE_HEADER: signature(secret, body)}
        try:
            async with self.session.post(url, data=body, headers=signed, allow_redirects=False) as answer:
                await answer.read()
                asked = answer.headers.get("Retry-After", "")
                wait = float(asked) if asked.isdigit() and answer.status == HTTPStatus.TOO_MANY_REQUESTS else 0.0
                return answer.status, wait
        except (aiohttp.ClientError, TimeoutError, OSError):
            return NO_ANSWER, 0.0

    def _retry(self, attempt: Attempt, retry_after: float) -> None:
        number = attempt.number + 1
        due = max(attempt.first_at + self._source.uniform(*_RETRY_SPANS[number]), self._clock.now() + retry_after)
        trigger = attempt.notification.trigger

        def again() -> None:
            targets = [attempt.destination]
            if self._options.retry_all_destinations:
                targets = attempt.destinations.subscribed(trigger)
            for destination in targets:
                self._queue.put_nowait(
                    Attempt(attempt.notification, attempt.destinations, destination, number, attempt.first_at)
                )
                self.counts.retried += 1

        self._agenda.at(due, again)
