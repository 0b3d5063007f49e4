"""A webhook that the platform gave up is told of and made active again, and what it did not bring is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.feed import PostgresFeed
from breaker.adapters.postgres.repairs import PostgresRepairs
from breaker.adapters.postgres.unheard import PostgresUnheard
from breaker.domain.circuits.feed import BlindCause, Blindness
from breaker.domain.outcomes.spans import Span
from breaker.domain.platform.webhook_status import FAILED_AFTER, FAILING_AFTER, WebhookStatus, lost_since
from breaker.flows.backfill import SETTLED, BusyError, Progress
from breaker.flows.fill_gaps import FillGaps
from breaker.flows.repair import SPAN, Outcome
from breaker.flows.set_up_plan import TRIGGERS
from breaker.flows.watch_webhook import WatchWebhook
from breaker.ports import GiveUpError, HeardKey, HeardOf, Unheard
from breaker.simulator.webhooks.destinations import DestinationCreation
from tests.guarded import NAMES
from tests.simulated import APPLICATION

if TYPE_CHECKING:
    from breaker.ports import PlatformError
    from breaker.simulator.webhooks.destinations import Destination, Status
    from tests.drift.conftest import Drifting

NOW = 1_800_000_000.0
DAY = 86_400.0
URL = "https://breaker.example/webhooks/nylas"


@dataclass
class SetClock:
    """A clock that stands where it is set."""

    time: float = NOW

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing here waits {seconds} s")


@dataclass
class Watched:
    """A webhook, the watch over it, and what was told.

    Attributes:
        drifting: The installation.
        enforce: Whether Breaker may act.
        clock: The time.
        told: How the webhook was found not to be active, and what was done.
        statuses: How it was found.
        active: How often it was told to be active again.
        filled_spans: What was read.
        unfillable_spans: What could not be read.
    """

    drifting: Drifting
    enforce: bool = True
    clock: SetClock = field(default_factory=SetClock)
    told: list[tuple[WebhookStatus, Outcome]] = field(default_factory=list)
    statuses: list[WebhookStatus] = field(default_factory=list)
    active: int = 0
    filled_spans: list[Span] = field(default_factory=list)
    unfillable_spans: list[Span] = field(default_factory=list)

    def status(self, application_id: str, status: WebhookStatus) -> None:
        assert application_id == APPLICATION
        self.statuses.append(status)

    def not_active(self, application_id: str, status: WebhookStatus, outcome: Outcome) -> None:
        assert application_id == APPLICATION
        self.told.append((status, outcome))

    def active_again(self, application_id: str) -> None:
        assert application_id == APPLICATION
        self.active += 1

    def filled(self, application_id: str, progress: Progress) -> None:
        assert application_id == APPLICATION
        self.filled_spans.append(progress.span)

    def unfillable(self, application_id: str, span: Span, error: PlatformError) -> None:
        assert application_id == APPLICATION
        assert str(error) == "no such API"
        self.unfillable_spans.append(span)

    @property
    def feed(self) -> PostgresFeed:
        return PostgresFeed(self.drifting.place.store.pool)

    @property
    def unheard(self) -> PostgresUnheard:
        return PostgresUnheard(self.drifting.place.store.pool)

    def watch(self) -> WatchWebhook:
        async def may_act() -> bool:
            return self.enforce

        return WatchWebhook(
            application_id=APPLICATION,
            names=NAMES,
            platform=self.drifting.place.world.client,
            inventory=self.drifting.place.store.inventory,
            url=URL,
            feed=self.feed,
            unheard=self.unheard,
            repairs=PostgresRepairs(self.drifting.place.store.pool),
            may_act=may_act,
            clock=self.clock,
            told=self,
        )

    async def fill(self, error: Exception | None = None) -> None:
        """Fill what is over, by a backfill that reads nothing, or can't."""

        async def backfill(span: Span) -> Progress:
            if error is not None:
                raise error
            return Progress(APPLICATION, span, span.seconds)

        await FillGaps(
            application_id=APPLICATION,
            unheard=self.unheard,
            backfill=backfill,
            reach=lambda: 30 * DAY,
            clock=self.clock,
            told=self,
        )()

    def destination(self) -> Destination:
        """Return Breaker's webhook, made by hand where there is none yet."""
        destinations = self.drifting.place.world.application.destinations
        for one in destinations:
            return one
        return destinations.add(DestinationCreation(sorted(TRIGGERS), URL, NAMES.webhook))

    def stands(self, status: Status, since: float) -> None:
        """Let the platform think so of the webhook since a moment."""
        one = self.destination()
        one.status, one.status_updated_at = status, int(since)

    async def heard(self, at: float) -> None:
        """Let a notification have come then."""
        await self.drifting.place.store.know("grant-1", "a@x.example")  # makes the application known
        key = HeardKey(APPLICATION, "message.delivered", int(at // 3_600))
        await self.feed.share({key: HeardOf(1, at)}, [APPLICATION], at)


@pytest.fixture
async def watched(drifting: Drifting) -> Watched:
    made = Watched(drifting)
    await made.heard(NOW - 60)
    made.destination()
    return made


async def test_an_active_webhook_is_left_alone(watched: Watched) -> None:
    watched.drifting.place.world.platform.journal.clear()

    assert await watched.watch()() is WebhookStatus.ACTIVE
    assert (watched.told, watched.drifting.place.world.changing_calls()) == ([], [])


async def test_where_no_webhook_was_made_nothing_is_said(watched: Watched) -> None:
    destinations = watched.drifting.place.world.application.destinations
    destinations.remove(watched.destination().id)

    assert await watched.watch()() is None
    assert (watched.told, watched.statuses) == ([], [])


async def test_a_failing_webhook_is_told_of_once_and_what_was_lost_is_read_when_it_is_over(watched: Watched) -> None:
    watched.stands("failing", NOW - 3_600)
    look = watched.watch()
    await look()
    await look()
    assert watched.told == [(WebhookStatus.FAILING, Outcome.REPORTED)]
    assert watched.destination().status == "failing"

    watched.clock.time = NOW + 600
    watched.stands("active", NOW + 500)
    await look()
    await watched.fill()
    assert (watched.active, watched.filled_spans) == (1, [])  # the platform may not show all of it yet

    watched.clock.time += SETTLED + 1
    await watched.fill()
    await watched.fill()
    assert watched.filled_spans == [Span(int(NOW - 3_600 - FAILING_AFTER), int(NOW + 600) + 1)]


async def test_a_failed_webhook_is_made_active_again_with_all_else_as_it_was(watched: Watched) -> None:
    before = watched.destination()
    before.description = "renamed by a person"
    watched.stands("failed", NOW - 600)
    known = (before.webhook_url, sorted(before.trigger_types), before.description)

    await watched.watch()()
    after = watched.destination()
    await watched.watch()()

    assert (after.status, known) == ("active", (after.webhook_url, sorted(after.trigger_types), after.description))
    assert watched.told == [(WebhookStatus.FAILED, Outcome.REPAIRED)]
    watched.clock.time += SETTLED + 1
    await watched.fill()
    assert watched.filled_spans == [Span(int(NOW - 600 - FAILED_AFTER - FAILING_AFTER), int(NOW) + 1)]


async def test_in_observe_a_failed_webhook_is_told_of_once_and_left(watched: Watched) -> None:
    watched.enforce = False
    watched.stands("failed", NOW - 600)
    watched.drifting.place.world.platform.journal.clear()
    look = watched.watch()

    assert [await look() for _ in range(2)] == [WebhookStatus.FAILED] * 2
    assert watched.told == [(WebhookStatus.FAILED, Outcome.REPORTED)]
    assert watched.drifting.place.world.changing_calls() == []


async def test_a_webhook_that_fails_again_and_again_is_left_after_three_times_within_an_hour(watched: Watched) -> None:
    for _ in range(4):
        watched.stands("failed", NOW - 600)
        await watched.watch()()  # each time another daemon
    assert [outcome for _, outcome in watched.told] == [Outcome.REPAIRED] * 3 + [Outcome.YIELDED]

    watched.clock.time += SPAN + 1
    await watched.watch()()
    assert watched.told[-1] == (WebhookStatus.FAILED, Outcome.REPAIRED)


async def test_a_webhook_that_a_person_paused_is_told_of_and_left(watched: Watched) -> None:
    watched.stands("pause", NOW - 600)

    await watched.watch()()

    assert watched.told == [(WebhookStatus.PAUSED, Outcome.REPORTED)]
    assert watched.destination().status == "pause"


async def test_a_webhook_that_is_gone_is_missing_where_breaker_made_it(watched: Watched) -> None:
    store = watched.drifting.place.store
    await store.pool.execute(
        "INSERT INTO inventory (application, kind, platform_id, made_at) "
        "SELECT application, 'webhook', 'gone', 0 FROM applications"
    )
    destinations = watched.drifting.place.world.application.destinations
    destinations.remove(watched.destination().id)

    assert await watched.watch()() is WebhookStatus.MISSING
    assert watched.told == [(WebhookStatus.MISSING, Outcome.REPORTED)]


async def test_the_feeds_own_gap_is_read_too_once_it_is_over(watched: Watched) -> None:
    found = Blindness(BlindCause.SILENCE, NOW - 7_200, "nothing came")
    await watched.feed.begin_gap(APPLICATION, found, NOW - 3_600)
    await watched.fill()
    assert watched.filled_spans == []

    await watched.feed.end_gap(APPLICATION, NOW - SETTLED - 10)
    await watched.fill()
    await watched.fill()
    assert watched.filled_spans == [Span(int(NOW - 7_200), int(NOW - SETTLED - 10) + 1)]


async def test_no_further_back_is_read_than_sends_are_counted(watched: Watched) -> None:
    await watched.unheard.begin(APPLICATION, NOW - 80 * DAY, NOW - DAY)
    await watched.unheard.begin(APPLICATION, NOW - 70 * DAY, NOW - DAY)
    await watched.unheard.end(APPLICATION, NOW - DAY)

    await watched.fill()

    assert watched.filled_spans == [Span(int(NOW - 30 * DAY), int(NOW - DAY) + 1)]


async def test_while_a_person_reads_history_a_gap_waits(watched: Watched) -> None:
    await watched.unheard.begin(APPLICATION, NOW - 2 * DAY, NOW - DAY)
    await watched.unheard.end(APPLICATION, NOW - DAY)
    await watched.fill(BusyError("another process is at it"))
    assert await watched.unheard.to_fill(APPLICATION, NOW) == [
        Unheard(NOW - 2 * DAY, NOW - DAY, NOW - DAY, of_webhook=True)
    ]


async def test_a_gap_that_the_platform_cannot_tell_is_told_of_once(watched: Watched) -> None:
    await watched.unheard.begin(APPLICATION, NOW - 2 * DAY, NOW - DAY)
    await watched.unheard.end(APPLICATION, NOW - DAY)

    await watched.fill(GiveUpError("no such API"))
    await watched.fill(GiveUpError("no such API"))

    assert (watched.filled_spans, watched.unfillable_spans) == ([], [Span(int(NOW - 2 * DAY), int(NOW - DAY) + 1)])


@pytest.mark.parametrize(
    ("status", "status_at", "heard_at", "since"),
    [
        (WebhookStatus.FAILING, 900.0, 950.0, 900.0 - FAILING_AFTER),
        (WebhookStatus.FAILING, None, 950.0, 950.0 - FAILING_AFTER),
        (WebhookStatus.FAILED, 900.0, None, 900.0 - FAILED_AFTER - FAILING_AFTER),
        (WebhookStatus.PAUSED, 900.0, 950.0, 900.0),
        (WebhookStatus.MISSING, None, 950.0, 950.0),
        (WebhookStatus.UNKNOWN, None, None, 1_000.0),
    ],
)
def test_since_when_notifications_may_be_lost(
    status: WebhookStatus, status_at: float | None, heard_at: float | None, since: float
) -> None:
    assert lost_since(status, status_at, heard_at, 1_000.0) == since
    assert WebhookStatus("a new one") is WebhookStatus.UNKNOWN
