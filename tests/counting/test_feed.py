"""What is held while the feed is not to be trusted, and what is left out afterwards, on a real database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from breaker.adapters.postgres.feed import PostgresFeed
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.feed import HOUR, WEEK, BlindCause
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.flows.lease import Lease
from breaker.flows.watch_feed import WatchFeed
from breaker.ports import TryAgainError
from tests.counting.daemons import APPLICATION, NOW, SIMPLE, SetClock, daemon, event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from breaker.flows.count import Report
    from tests.counting.daemons import Daemon

DELIVERED, BOUNCED = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED
FLEET = 25
LATER = 60.0


@dataclass
class SendEvents:
    """A platform of which only the send events can be read: whether it delivered anything; None where it is silent."""

    delivered: bool | None = True
    asked: list[tuple[float, float]] = field(default_factory=list)

    async def delivered_within(self, since: float, until: float) -> bool:
        self.asked.append((since, until))
        if self.delivered is None:
            raise TryAgainError("GET /v3/activity/send was answered 500")
        return self.delivered


@dataclass
class Told:
    """What was told of the feeds."""

    blind: list[str] = field(default_factory=list)
    last_at: dict[tuple[str, str], float] = field(default_factory=dict)

    def feeds(self, blind: Collection[str], last_at: Mapping[tuple[str, str], float]) -> None:
        self.blind, self.last_at = list(blind), dict(last_at)


@dataclass(frozen=True)
class Watching:
    """A daemon that watches its feed."""

    one: Daemon
    feed: WatchFeed
    platform: SendEvents
    told: Told
    clock: SetClock

    async def hear(self, *events: DeliveryEvent, now: float | None = None) -> Report:
        """Take events in as they come by a webhook."""
        self.clock.time = now or self.clock.time
        for each in events:
            self.feed.heard(each, self.clock.time)
        counting = replace(self.one.count, holds=self.feed)
        return await counting(events, self.clock.time)

    async def look(self, now: float) -> None:
        self.clock.time = now
        await self.feed()

    async def standing(self, number: int) -> tuple[str, str | None]:
        row = await self.one.row(grant=f"g{number}")
        return row["state"], row["pending_held_by"]


@asynccontextmanager
async def watching(url: str, name: str = "one") -> AsyncIterator[Watching]:
    async with daemon(url, mode=Mode.ENFORCE, profile=SIMPLE) as one:
        clock, platform, told = SetClock(), SendEvents(), Told()
        lease = Lease(PostgresLeases(one.pool), "feed", name, 30.0)
        feed = WatchFeed(PostgresFeed(one.pool), clock, lambda: {APPLICATION: platform}, lease, told)  # type: ignore[dict-item] # of the platform, only this is asked
        yield Watching(one, feed, platform, told, clock)


def of(number: int, kind: OutcomeKind, message: str, *, sent_at: float) -> DeliveryEvent:
    return event(kind, message, grant=f"g{number}", sender=f"a{number}@agents.example", sent_at=sent_at)


def round_of(kind: OutcomeKind, name: str, at: float) -> list[DeliveryEvent]:
    """Return one outcome for every account of the fleet."""
    return [of(number, kind, f"{name}-{number}", sent_at=at - 10) for number in range(FLEET)]


def many(number: int, bounced: int, delivered: int, name: str, at: float) -> list[DeliveryEvent]:
    kinds = [DELIVERED] * delivered + [BOUNCED] * bounced
    return [of(number, kind, f"{name}-{place}", sent_at=at - 10) for place, kind in enumerate(kinds)]


async def a_week_of_history(at: Watching, per_hour: int = 100) -> None:
    """Let the database know what came in every hour of the last week, until now."""
    await at.hear(*many(99, 0, 1, "first", NOW))
    await at.one.pool.execute(
        "INSERT INTO feed_hours SELECT application, 'message.delivered', hour, $1, $2 FROM applications, "
        "generate_series($3::int, $4::int) hour",
        per_hour,
        NOW,
        int((NOW - WEEK) // HOUR),
        int(NOW // HOUR) - 1,
    )
    await at.look(NOW)
    await at.one.pool.execute(
        "UPDATE feeds SET known_since = $1, listening_since = $2", int((NOW - WEEK) // HOUR), NOW - WEEK
    )


async def keep_listening(at: Watching, until: float) -> None:
    """Look after the feed every few minutes, as daemons do that hear nothing."""
    while at.clock.time < until:
        await at.look(min(until, at.clock.time + 240))


async def test_nobody_is_stopped_while_bounces_are_heard_and_deliveries_are_not(database_url: str) -> None:
    async with watching(database_url) as at:
        await at.hear(*round_of(DELIVERED, "healthy", NOW))
        await at.look(NOW)
        for moment in range(4):
            await at.hear(*round_of(BOUNCED, f"lone-{moment}", NOW + 3_600), now=NOW + 3_600 + moment)

        report = await at.hear(*many(3, 20, 0, "bad", NOW + 3_610), now=NOW + 3_610)

        assert [one.verdict.held_by for one in report.given] == [HeldBy.BLIND]
        assert report.given[0].verdict.why.endswith("Nothing was done: the event feed is not to be trusted now.")
        assert await at.standing(3) == ("sending", "blind")
        await at.look(NOW + 3_620)
        assert at.told.blind == [APPLICATION]
        assert at.platform.asked == []


async def test_one_bad_account_among_healthy_ones_is_stopped(database_url: str) -> None:
    async with watching(database_url) as at:
        await at.hear(*round_of(DELIVERED, "healthy", NOW))
        await at.look(NOW)

        await at.hear(*many(3, 20, 0, "bad", NOW))

        assert await at.standing(3) == ("stopped", None)


async def test_a_gap_ends_by_itself_and_its_bounces_say_nothing_afterwards(database_url: str) -> None:
    async with watching(database_url) as at:
        await at.hear(*round_of(DELIVERED, "healthy", NOW))
        await at.look(NOW)
        blind_from, over = NOW + 3_600, NOW + 3_900
        await at.hear(*round_of(BOUNCED, "lone", blind_from), *many(3, 40, 0, "gap", blind_from), now=blind_from)
        await at.look(blind_from)
        assert await at.standing(3) == ("sending", "blind")

        for number in range(5):
            await at.hear(*round_of(DELIVERED, f"flows-{number}", over), now=over)
        for number in range(10):
            await at.hear(*round_of(DELIVERED, f"well-{number}", over), now=over + 1)
        await at.look(over + 2)
        await at.look(over + 20)
        assert at.told.blind == []

        # What it bounced while nobody heard its deliveries is left out; what it does now is not.
        report = await at.hear(*many(3, 1, 0, "once", over + 60), now=over + 60)
        assert report.given == []
        await at.hear(*many(3, 20, 0, "again", over + 70), now=over + 70)
        assert await at.standing(3) == ("stopped", None)


async def test_a_silence_holds_at_once_and_is_a_gap_once_the_platform_says_so(database_url: str) -> None:
    async with watching(database_url) as at:
        await a_week_of_history(at)
        await keep_listening(at, NOW + 1_700)
        assert at.feed.blind(APPLICATION, None, NOW + 1_790) is None

        found = at.feed.blind(APPLICATION, None, NOW + 1_801)
        assert found is not None
        assert (found.cause, found.since) == (BlindCause.SILENCE, NOW)

        await at.look(NOW + 1_810)
        assert at.told.blind == [APPLICATION]
        assert at.platform.asked == [(NOW + 120, NOW + 1_810 - 120)]
        assert await at.one.pool.fetchval("SELECT confirmed_at FROM feed_gaps") == NOW + 1_810


async def test_where_the_platform_was_quiet_too_nothing_is_held(database_url: str) -> None:
    async with watching(database_url) as at:
        await a_week_of_history(at)
        at.platform.delivered = False
        await keep_listening(at, NOW + 2_000)
        await at.look(NOW + 2_005)

        assert at.feed.held_by(APPLICATION, None, NOW + 2_010) is None
        assert await at.one.pool.fetchval("SELECT count(*) FROM feed_gaps") == 0
        assert len(at.platform.asked) == 1


async def test_what_the_platform_cannot_be_asked_for_stays_held(database_url: str) -> None:
    async with watching(database_url) as at:
        await a_week_of_history(at)
        at.platform.delivered = None
        await keep_listening(at, NOW + 2_000)
        await at.look(NOW + 2_005)

        assert at.feed.held_by(APPLICATION, None, NOW + 2_010) is HeldBy.BLIND
        assert len(at.platform.asked) == 1
        assert await at.one.pool.fetchval("SELECT confirmed_at FROM feed_gaps") is None


async def test_what_another_daemon_hears_is_heard(database_url: str) -> None:
    async with watching(database_url) as idle, watching(database_url, "two") as busy:
        await a_week_of_history(idle)
        await keep_listening(idle, NOW + 1_700)
        await busy.look(NOW + 1_700)
        await busy.hear(*many(5, 0, 1, "heard", NOW + 1_750), now=NOW + 1_750)
        await busy.look(NOW + 1_755)

        await idle.look(NOW + 1_830)

        assert idle.feed.held_by(APPLICATION, None, NOW + 1_830) is None
        assert idle.told.last_at[APPLICATION, "message.delivered"] == NOW + 1_750
        assert idle.platform.asked == busy.platform.asked == []


async def test_a_daemon_that_starts_in_a_gap_knows_of_it(database_url: str) -> None:
    async with watching(database_url) as at:
        await a_week_of_history(at)
        await keep_listening(at, NOW + 1_900)
        await at.look(NOW + 1_905)

    async with watching(database_url, "two") as after:
        await after.look(NOW + 9_000)

        assert after.feed.held_by(APPLICATION, None, NOW + 9_000) is HeldBy.BLIND
        assert after.feed.too_quiet(APPLICATION, NOW + 9_000)


async def test_hours_are_counted_once_however_often_they_are_told(database_url: str) -> None:
    async with watching(database_url) as at, watching(database_url, "two") as other:
        await at.hear(*round_of(DELIVERED, "one", NOW))
        await at.look(NOW)
        await at.look(NOW + 5)
        await other.hear(*many(5, 0, 3, "two", NOW), now=NOW)
        await other.look(NOW + 6)

        rows = await at.one.pool.fetch("SELECT trigger, hour, events, last_at FROM feed_hours")
        assert [tuple(row) for row in rows] == [("message.delivered", int(NOW // HOUR), FLEET + 3, NOW)]


async def test_old_hours_and_gaps_are_dropped(database_url: str) -> None:
    async with watching(database_url) as at:
        await a_week_of_history(at)
        await PostgresFeed(at.one.pool).drop_old(NOW + 9 * WEEK)

        assert await at.one.pool.fetchval("SELECT count(*) FROM feed_hours") == 0


async def test_late_bounces_of_a_campaign_belong_to_its_deliveries(database_url: str) -> None:
    async with watching(database_url) as at:
        for number in range(20):
            await at.hear(*round_of(DELIVERED, f"campaign-{number}", NOW))
        await at.look(NOW)
        for number in range(2):
            late = [of(n, BOUNCED, f"late-{number}-{n}", sent_at=NOW - 10) for n in range(FLEET)]
            await at.hear(*late, now=NOW + 2_400)
        await at.look(NOW + 2_400)
        # Those of the morning say nothing of the evening.
        await at.hear(*round_of(BOUNCED, "old", NOW), now=NOW + 4_000)

        assert at.feed.held_by(APPLICATION, None, NOW + 4_000) is None
