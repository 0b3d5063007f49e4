"""A fleet's past on a simulated platform, the notifications that told of it, and a backfill of it."""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from breaker.adapters.clock import SystemClock
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.notifications import decode
from breaker.adapters.nylas.send_events import NylasSendEvents
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.backfilled import PostgresBackfilled
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.reading.active import PostgresActive
from breaker.domain.outcomes.outcomes import DeliveryEvent
from breaker.domain.outcomes.spans import Span
from breaker.flows.backfill import Backfill
from breaker.flows.judge_once import JudgeOnce
from breaker.flows.lease import Lease
from tests.counting.daemons import SIZES
from tests.simulator.client import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from breaker.flows.backfill import Progress
    from breaker.ports import Clock
    from breaker.simulator.state.messages import Message
    from breaker.simulator.webhooks.notifications import Notification
    from tests.counting.daemons import Daemon

DAY = 86_400


@dataclass
class WorldClock:
    """The simulation's time; whoever sleeps by it has slept at once, and is noted."""

    world: World
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.world.clock.now()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass
class Past:
    """What happened, and how often the platform was asked for it.

    Attributes:
        world: The simulated platform.
        clock: Its time.
        notifications: All that it announced, in the order in which it did.
        statuses: How each request for history ended.
    """

    world: World
    clock: WorldClock
    notifications: list[Notification] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)

    async def live(self, days: int, *, accounts: int = 3, sends: int = 12, seed: int = 5) -> None:
        """Let accounts send every day, to two recipients each time, and nearly everything befall that can."""
        source, application = random.Random(seed), self.world.application
        grants = [application.add_grant(f"agent-{number}@agents.example.com") for number in range(accounts)]
        for day in range(days):
            complained: list[tuple[Message, str]] = []
            for number in range(sends):
                grant = source.choice(grants)
                name = f"{day}-{number}"
                message = application.send(grant.id, [f"a{name}@y.example", f"b{name}@gmail.example"])
                await self.world.clock.advance(source.randrange(1, 900))
                first, second = message.recipients
                match source.randrange(8):
                    case 0:
                        self.say(application.bounce(message, [first]), application.deliver(message, [second]))
                    case 1:
                        full = "smtp; 452 4.2.2 mailbox full"
                        bounced = application.bounce(message, [first], bounce_type="MailboxFull", diagnostic_code=full)
                        self.say(bounced, application.deliver(message))
                    case 2:
                        self.say(application.reject(message))
                    case 3:
                        self.say(application.deliver(message))
                        complained.append((message, second))
                    case 4:
                        self.say(application.deliver(message), application.bounce(message, [first]))
                    case _:
                        self.say(application.deliver(message))
            await self.world.clock.advance(DAY - self.world.clock.now() % DAY)
            for message, recipient in complained:
                # Two days later in part: more than the times of one send may differ by.
                at = self.world.clock.now() + source.choice([60, 2 * DAY])
                self.world.clock.call_at(at, partial(self._complain, message, recipient))
        await self.world.clock.advance(3 * DAY)

    def _complain(self, message: Message, recipient: str) -> None:
        self.say(self.world.application.complain(message, [recipient]))

    def say(self, *notifications: Notification) -> None:
        self.notifications += notifications

    def events(self) -> list[DeliveryEvent]:
        """Return the notifications as the webhook listener decodes them."""
        decoded = [decode(one.body(1), one.time) for one in self.notifications]
        return [one for one in decoded if isinstance(one, DeliveryEvent)]

    @property
    def span(self) -> Span:
        """All of it."""
        now = int(self.clock.now())
        return Span(now - 60 * DAY, now)

    @property
    def transport(self) -> Transport:
        """The way to the platform; its budget is counted in real time."""
        return Transport(
            self.world.client.session,
            self.world.base_url,
            self.world.client.api_key,
            Budget(SystemClock(), 4_000.0),
            SystemClock(),
            observe=self.statuses.append,
        )

    def backfill(self, daemon: Daemon, holder: str = "backfill-1", clock: Clock | None = None) -> Backfill:
        """Return a backfill into a daemon's database."""
        count = replace(daemon.count, judging=False)
        return Backfill(
            application_id="app-1",
            history=NylasSendEvents(self.transport, "app-1"),
            backfilled=PostgresBackfilled(daemon.pool, daemon.identities),
            count=count,
            judge=JudgeOnce(PostgresActive(daemon.pool, SIZES), count, self.clock, daemon.evidence),
            lease=Lease(PostgresLeases(daemon.pool), "backfill:app-1", holder, 30.0),
            clock=clock or self.clock,
        )

    async def hear(self, daemon: Daemon, events: Sequence[DeliveryEvent]) -> None:
        """Let a daemon count what webhooks brought."""
        for begins in range(0, len(events), 50):
            await daemon.take(*events[begins : begins + 50], now=self.clock.now())

    async def of_the_platform(self) -> dict[str, dict[str, int]]:
        """Return what the platform itself counts, by account."""
        days = (self.clock.now() - 60 * DAY, self.clock.now())
        start, end = (f"{_date(day)}" for day in days)
        answer = await self.world.client.get(f"/v3/metrics/send?group_by=agent_account&start={start}&end={end}")
        wanted = ("delivered", "hard_bounced", "complaints", "rejected")
        return {row["key"]: {name: row[name] for name in wanted} for row in answer.data}


@dataclass(frozen=True)
class Books:
    """Everything that is counted, without who is who in numbers.

    Attributes:
        sends: `(account, send, sent_at, outcomes)` of the whole ledger.
        counters: What is counted of each account.
        tallies: The sums by domain and hour.
    """

    sends: list[tuple[object, ...]]
    counters: Mapping[str, tuple[int, ...]]
    tallies: list[tuple[object, ...]]


async def books(daemon: Daemon) -> Books:
    """Read what a daemon's database has counted."""
    sends = await daemon.pool.fetch(
        "SELECT address, send, sent_at, outcomes FROM ledger JOIN accounts USING (account) ORDER BY send"
    )
    rows = await daemon.pool.fetch("SELECT address FROM accounts ORDER BY address")
    counters = {row["address"]: await daemon.counters(address=row["address"]) for row in rows}
    tallies = await daemon.pool.fetch(
        "SELECT domain, hour, sum(sends), sum(hard_bounces), sum(bounces), sum(delivered), sum(complaints), "
        "sum(rejected) FROM tally_additions GROUP BY 1, 2 HAVING sum(sends) + sum(rejected) > 0 ORDER BY 1, 2"
    )
    return Books(
        [tuple(row) for row in sends],
        {address: tuple(one.totals) for address, one in counters.items()},
        [tuple(row) for row in tallies],
    )


async def as_the_platform_counts(daemon: Daemon) -> dict[str, dict[str, int]]:
    """Return our counts by account, in the platform's words."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await daemon.pool.fetch("SELECT address FROM accounts"):
        totals = (await daemon.counters(address=row["address"])).totals
        found[row["address"]] = {
            "delivered": totals.delivered,
            "hard_bounced": totals.hard_bounces,
            "complaints": totals.complaints,
            "rejected": totals.rejected,
        }
    return dict(found)


def untold(_progress: Progress) -> None:
    """Tell nobody."""


@asynccontextmanager
async def past(days: int = 6) -> AsyncIterator[Past]:
    """Give a fleet's past of some days."""
    async with World.open(requests_per_second=100_000) as world:  # its clock stands still while it is read
        lived = Past(world, WorldClock(world))
        await lived.live(days)
        yield lived


def _date(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
