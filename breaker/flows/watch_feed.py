"""Watch the feed: what was heard of each application, whether that can be trusted, and what is held while it can't.

What is heard is noted in memory and told to the other daemons every few seconds; what they all heard is read at the
same time, so that none of them takes its own share for the whole. The rules stand in `breaker.domain.circuits.feed`.

A silence is a matter of chance until the platform's own send events were read once: mail that was delivered there and
not heard of here makes it certain, and is paged; where nothing was delivered there either, it is quiet, and nothing is
held. Where the platform can't be read, it stays held, and is paged as what it is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import structlog

from breaker.domain.circuits.circuit import HeldBy
from breaker.domain.circuits.domain_circuit import Interval
from breaker.domain.circuits.feed import (
    HOUR,
    SPANS,
    BlindCause,
    Blindness,
    Feed,
    Heard,
    Sample,
    out_of_band,
    stale,
    too_quiet,
)
from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind
from breaker.ports import HeardKey, HeardOf, PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from breaker.flows.lease import Lease
    from breaker.ports import Clock, FeedRecord, FeedRecords, Gap, Platform

log = structlog.get_logger(__name__)

EVERY = 5.0
"""Seconds between two looks."""

_LAPSE = 3 * EVERY
"""Seconds after which a median that nobody saw out of its band is taken to be back in it."""
_AGAIN = 300.0
"""Seconds between two reads of the platform for one silence."""
_ON_ITS_WAY = 120.0
"""Seconds that a notification may be under way; what the platform delivered within them is no evidence."""

_KINDS = {kind: frozenset({f"message.{kind}", f"message.transactional.{kind}"}) for kind in OutcomeKind}


class FeedObserver(Protocol):
    """Who is told how the feeds stand."""

    def feeds(self, blind: Collection[str], last_at: Mapping[tuple[str, str], float]) -> None:
        """These applications are blind; `last_at` says by application and trigger when something was last heard."""
        ...


@dataclass(slots=True)
class WatchFeed:
    """The flow: each call tells what was heard, reads what others heard, and looks at every application.

    Args:
        records: Where it is shared.
        clock: The time.
        listening: Returns the applications that are listened to, by id, with their platform where one is known.
        lease: Held by the daemon that reads the platform.
        observer: Who is told.
    """

    records: FeedRecords
    clock: Clock
    listening: Callable[[], Mapping[str, Platform | None]]
    lease: Lease
    observer: FeedObserver
    _heard: dict[HeardKey, HeardOf] = field(default_factory=dict)
    _samples: dict[str, Sample] = field(default_factory=lambda: defaultdict(Sample))
    _known: Mapping[str, FeedRecord] = field(default_factory=dict)
    _found: dict[str, Blindness] = field(default_factory=dict)
    _read_at: dict[str, float] = field(default_factory=dict)

    def heard(self, event: DeliveryEvent, now: float) -> None:
        """Note an event that a webhook brought."""
        key = HeardKey(event.application_id, event.trigger, int(now // HOUR))
        before = self._heard.get(key)
        self._heard[key] = HeardOf(before.events + 1 if before else 1, now)
        if event.kind in (OutcomeKind.DELIVERED, OutcomeKind.BOUNCED) and event.sent_at >= now - max(SPANS):
            outcomes = len(event.recipients)
            # Refusals are the sending domain's, whose failure is no matter of the feed.
            bounces = sum(one.bounce_class not in {None, BounceClass.POLICY} for one in event.recipients)
            self._samples[event.application_id].add(
                event.grant_id or event.sender or "", bounces, outcomes, event.sent_at
            )

    def blind(self, application_id: str, leaving_out: str | None, now: float) -> Blindness | None:
        """Return why an application's feed is not to be trusted, or None.

        Args:
            application_id: The application.
            leaving_out: The grant or address of the account that is judged.
            now: Unix seconds.
        """
        record = self._known.get(application_id)
        if record and record.gap:
            return Blindness(record.gap.cause, record.gap.begins_at, record.gap.why)
        found = self._found.get(application_id) or self._look(application_id, leaving_out, now)
        if found:
            self._found[application_id] = found
        return found

    def held_by(self, application_id: str, leaving_out: str | None, now: float) -> HeldBy | None:
        """Return `blind` where the feed is not to be trusted, or None."""
        return HeldBy.BLIND if self.blind(application_id, leaving_out, now) else None

    def gaps(self, application_id: str) -> Sequence[Interval]:
        """Return the times, now over, in which sends were not fully heard of."""
        record = self._known.get(application_id)
        return [Interval(one.begins_at, one.ends_at) for one in record.gaps if one.ends_at] if record else ()

    def too_quiet(self, application_id: str, now: float) -> bool:
        """Tell whether it is implausible that nothing bad was heard: no probe ends well, and no warning ends."""
        feed = self._feed(application_id)
        return self.blind(application_id, None, now) is not None or (feed is not None and too_quiet(feed, now))

    async def __call__(self) -> None:
        """Tell, read and look.

        Raises:
            StoreError: The database can't be used now; what was heard is told the next time.
        """
        now = self.clock.now()
        listening = self.listening()
        heard, self._heard = self._heard, {}
        try:
            await self.records.share(heard, {*listening, *(key.application_id for key in heard)}, now)
        except BaseException:
            self._take_back(heard)
            raise
        self._known = await self.records.read(now)
        self._found = {}
        changed = [await self._watch(one, listening.get(one), now) for one in self._known]
        if any(changed):
            self._known = await self.records.read(now)
        self.observer.feeds(
            [application_id for application_id, record in self._known.items() if record.gap],
            {
                (application_id, trigger): last_at
                for application_id, record in self._known.items()
                for trigger, last_at in record.last_at.items()
            },
        )

    async def _watch(self, application_id: str, platform: Platform | None, now: float) -> bool:
        """Look at one application; return whether what is known of it has changed."""
        gap, found = self._known[application_id].gap, self._look(application_id, None, now)
        if found is not None:
            begun = await self.records.begin_gap(application_id, found, now)
            if begun and found.cause is BlindCause.RATIO:
                _page(application_id, found)
            if found.cause is BlindCause.SILENCE and not (gap and gap.confirmed_at):
                await self._read_platform(application_id, found, platform, now)
            return True
        self._read_at.pop(application_id, None)
        if gap is None or not self._is_over(application_id, gap, now):
            return False
        if await self.records.end_gap(application_id, now):
            log.warning(
                "the feed can be trusted again",
                application=application_id,
                blind_for=round(now - gap.found_at),
                begins_at=gap.begins_at,
            )
        return True

    def _is_over(self, application_id: str, gap: Gap, now: float) -> bool:
        """Tell whether events flow again: what is merely not seen by this daemon may be seen by another."""
        feed = self._feed(application_id)
        delivered_at = feed.heard(OutcomeKind.DELIVERED).last_at if feed else None
        flows = delivered_at is not None and delivered_at > gap.found_at
        return flows and now - gap.seen_at >= _LAPSE

    async def _read_platform(
        self, application_id: str, found: Blindness, platform: Platform | None, now: float
    ) -> None:
        """Ask the platform, once in a while and by one daemon alone, whether it was quiet there too."""
        if now - self._read_at.get(application_id, 0.0) < _AGAIN or not await self.lease.ensure():
            return
        first = application_id not in self._read_at
        self._read_at[application_id] = now
        try:
            if platform is None:
                raise PlatformError("no API key is known")  # noqa: TRY301 - one way to say that it can't be read
            delivered = await platform.delivered_within(found.since + _ON_ITS_WAY, now - _ON_ITS_WAY)
        except PlatformError as error:
            if first:
                _page(application_id, found, unconfirmed=str(error))
            return
        await self.records.note_read(application_id, now, delivered=delivered)
        del self._read_at[application_id]
        if delivered:
            _page(application_id, found)
        else:
            log.info("the feed is quiet, and so is the platform", application=application_id, since=found.since)

    def _look(self, application_id: str, leaving_out: str | None, now: float) -> Blindness | None:
        feed = self._feed(application_id)
        return (feed and stale(feed, now)) or out_of_band(feed, self._samples[application_id], now, leaving_out)

    def _feed(self, application_id: str) -> Feed | None:
        """Return what was heard by all, with what this daemon heard since it last asked."""
        record = self._known.get(application_id)
        if record is None:
            return None
        last_at = dict(record.last_at)
        for key, heard in self._heard.items():
            if key.application_id == application_id:
                last_at[key.trigger] = max(heard.last_at, last_at.get(key.trigger, 0.0))
        kinds: dict[OutcomeKind, Heard] = {}
        for kind, triggers in _KINDS.items():
            hours: dict[int, int] = defaultdict(int)
            for (trigger, hour), events in record.hours.items():
                if trigger in triggers:
                    hours[hour] += events
            kinds[kind] = Heard(hours, max((last_at[one] for one in triggers if one in last_at), default=None))
        return Feed(kinds, record.known_since, record.listening_since, record.quiet_at)

    def _take_back(self, heard: Mapping[HeardKey, HeardOf]) -> None:
        for key, one in heard.items():
            since = self._heard.get(key)
            self._heard[key] = HeardOf(one.events + since.events, since.last_at) if since else one


def _page(application_id: str, found: Blindness, unconfirmed: str | None = None) -> None:
    log.error(
        "the feed is blind",
        application=application_id,
        cause=found.cause,
        since=found.since,
        why=found.why,
        unconfirmed=unconfirmed,
        what_to_do="nothing is stopped or let go until events flow again: look at the webhook's status on the platform",
    )
