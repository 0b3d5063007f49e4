"""The feed: whether what is heard of the platform is enough to judge accounts by.

A rate needs both of its parts. Where bounces are heard and deliveries are not, every account looks as if it failed;
where bounces are not heard, none does. Breaker is *blind* then: it changes nothing by itself, neither way, until events
flow again. Two things are looked at, for each application:

  1. Silence. Nothing delivered was heard for half an hour or longer, and last week's rate at these hours makes that
     less likely than one in 10,000. A Poisson count would be that unlikely from 9.2 expected events on, but mail is not
     Poisson: it comes in clumps, and the same hour of two weeks differs. So the hour's rate is taken for a draw from a
     gamma distribution of shape 4 around last week's (a coefficient of variation of one half), and none is heard of m
     expected with a probability of (1 + m/4)^-4: one in 10,000 at 36 events. A fleet to which 72 deliveries an hour
     happen would, if its rates did vary like that, look silent by chance some twice a year, and one read of the
     platform's own send events then says that nothing was delivered there either. The same holds for bounces, whose
     absence lets no probe end well.
  2. The median account. In a fleet of which half of the accounts bounce more than a tenth of their mail it is not the
     mailboxes that fail: the platform pauses a single one there. That is seen within a quarter of an hour, well before
     a silence is certain. What counts is when mail was sent: bounces come late, and an hour after a campaign nothing
     else comes, but they belong to the deliveries of that campaign. The account that is judged is left out, and 20
     others must have been heard of. Refusals for policy are no bounces here: a domain whose authentication breaks is a
     failure that its circuit has to see.

Without a week of history the hours of the day before stand in for those of the week before; without a day, only the
median is looked at. That makes a Saturday look silent that follows a Friday, which the one read of send events settles;
and who observes for a week, as is recommended, never meets it.

What is heard while blind is counted and shown, and leads to verdicts that are held. Afterwards it is a *gap*: bounces
of sends from within it are left out when an account is judged, since the deliveries beside them may never come.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from math import exp, log1p
from statistics import median
from typing import TYPE_CHECKING

from breaker.domain.outcomes.outcomes import OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOUR = 3_600
DAY = 24 * HOUR
WEEK = 7 * DAY

LEAST_SILENCE = 1_800.0
"""Seconds below which no silence means anything: the platform delivers a notification again for up to 20 minutes."""

CHANCE = 1e-4
"""The probability below which a silence is not taken for chance."""

SHAPE = 4.0
"""The shape of the gamma distribution that the rate of an hour is drawn from, around last week's."""

FEWEST_ACCOUNTS = 20
"""Accounts, the judged one not among them, that a median is taken of."""

BAND = 0.1
"""The median account's bounces, as a fraction of its outcomes, above which it is the feed that fails: the platform's
line for a pause, which half of a fleet does not cross at once."""

SPANS = (900.0, 3_600.0)
"""Seconds over which the median is looked at: short, to see early; long, to see with few events."""

_SLOT = 300
_LONGEST = WEEK
_MOST = 1_000
"""Accounts that are followed for the median: of a larger fleet a random part says as much."""


class BlindCause(StrEnum):
    """What is wrong with the feed."""

    SILENCE = "silence"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class Blindness:
    """Why the feed is not to be trusted.

    Args:
        cause: What is wrong.
        since: Since when, Unix seconds: sends from then on are not fully heard of.
        why: A sentence that a person understands.
    """

    cause: BlindCause
    since: float
    why: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of one kind of outcome.

    Args:
        hours: Events by hour (Unix seconds divided by 3,600) of being heard.
        last_at: When the last one was heard, Unix seconds, or None.
    """

    hours: Mapping[int, int] = field(default_factory=dict)
    last_at: float | None = None


NOTHING_HEARD = Heard()


@dataclass(frozen=True, slots=True)
class Feed:
    """What was heard of one application, by all daemons.

    Args:
        kinds: What was heard of each kind of outcome.
        known_since: The first hour that was listened to.
        listening_since: Since when it was listened to without a break, Unix seconds.
        quiet_at: When the platform was last read and had delivered nothing either, Unix seconds, or None.
    """

    kinds: Mapping[OutcomeKind, Heard]
    known_since: int
    listening_since: float
    quiet_at: float | None = None

    def heard(self, kind: OutcomeKind) -> Heard:
        """Return what was heard of a kind."""
        return self.kinds.get(kind, NOTHING_HEARD)


@dataclass(frozen=True, slots=True)
class Silence:
    """How long nothing was heard of a kind, and how likely that is.

    Args:
        since: Since when, Unix seconds.
        expected: The events that were to be expected meanwhile.
        chance: The probability of hearing none of them.
    """

    since: float
    expected: float
    chance: float


def chance_of_none(expected: float) -> float:
    """Return the probability that none of so many expected events comes, with rates that vary as mail's do."""
    return exp(-SHAPE * log1p(max(expected, 0.0) / SHAPE))  # exact for few expected events too


def expected_events(feed: Feed, kind: OutcomeKind, since: float, until: float) -> float:
    """Return how many events of a kind the same hours of the week before make expected between two moments."""
    hours = feed.heard(kind).hours
    total = 0.0
    for hour in range(int(since // HOUR), int(until // HOUR) + 1):
        share = (min(until, (hour + 1) * HOUR) - max(since, hour * HOUR)) / HOUR
        total += share * _usual(hours, hour, feed.known_since)
    return total


def silence(feed: Feed, kind: OutcomeKind, now: float) -> Silence | None:
    """Return the silence of a kind where it is long and unlikely, or None.

    Args:
        feed: What was heard.
        kind: Of what.
        now: Unix seconds.
    """
    since = max(feed.heard(kind).last_at or 0.0, feed.listening_since, feed.quiet_at or 0.0)
    if now - since < LEAST_SILENCE:
        return None
    expected = expected_events(feed, kind, since, min(now, since + _LONGEST))
    chance = chance_of_none(expected)
    return Silence(since, expected, chance) if chance < CHANCE else None


def stale(feed: Feed, now: float) -> Blindness | None:
    """Return the blindness that a silence of deliveries is, or None."""
    found = silence(feed, OutcomeKind.DELIVERED, now)
    if found is None:
        return None
    why = (
        f"Nothing delivered was heard for {(now - found.since) / 60:,.0f} minutes, in which last week some "
        f"{found.expected:,.0f} deliveries came."
    )
    return Blindness(BlindCause.SILENCE, found.since, why)


def too_quiet(feed: Feed, now: float) -> bool:
    """Tell whether it is implausible that no bounce, or no delivery, was heard for so long: no probe ends well then."""
    return any(silence(feed, kind, now) for kind in (OutcomeKind.DELIVERED, OutcomeKind.BOUNCED))


class Sample:
    """What was lately heard of single accounts, of a random part of them where there are many.

    Accounts are known by any name that stays, such as their grant.
    """

    __slots__ = ("_accounts", "_limit")

    def __init__(self) -> None:
        """Know of nobody."""
        self._accounts: dict[str, dict[int, list[int]]] = {}
        self._limit = 1 << 32

    def add(self, account: str, bounces: int, outcomes: int, sent_at: float) -> None:
        """Note outcomes that were heard, and how many of them are bounces, of mail that was sent at some moment."""
        slots = self._accounts.get(account)
        if slots is None:
            if zlib.crc32(account.encode()) >= self._limit:
                return
            slots = self._accounts[account] = {}
            if len(self._accounts) > _MOST:
                self._thin(sent_at)
        slot = int(sent_at // _SLOT)
        counts = slots.get(slot)
        if counts is None:
            slots[slot] = [bounces, outcomes]
            if len(slots) > max(SPANS) // _SLOT + 1:
                for old in [one for one in slots if one < slot - max(SPANS) // _SLOT]:
                    del slots[old]
        else:
            counts[0] += bounces
            counts[1] += outcomes

    def ratios(self, now: float, span: float) -> Iterator[tuple[str, float]]:
        """Return the accounts that sent within a span, and which fraction of what was heard of that bounced."""
        first = int((now - span) // _SLOT) + 1
        for account, slots in self._accounts.items():
            recent = [counts for slot, counts in slots.items() if slot >= first]
            if recent:
                yield account, sum(one[0] for one in recent) / sum(one[1] for one in recent)

    def _thin(self, now: float) -> None:
        """Forget who was silent for long, and where that is not enough, half of the others at random."""
        first = int((now - max(SPANS)) // _SLOT)
        self._accounts = {name: slots for name, slots in self._accounts.items() if max(slots, default=first) >= first}
        if len(self._accounts) <= _MOST // 2:
            self._limit = min(self._limit * 2, 1 << 32)
        while len(self._accounts) > _MOST:
            self._limit //= 2
            self._accounts = {
                name: slots for name, slots in self._accounts.items() if zlib.crc32(name.encode()) < self._limit
            }


def out_of_band(feed: Feed | None, sample: Sample, now: float, leaving_out: str | None = None) -> Blindness | None:
    """Return the blindness that a median account beyond its band is, or None.

    Args:
        feed: What was heard of the application, where that is known.
        sample: What was lately heard of single accounts.
        now: Unix seconds.
        leaving_out: The account that is judged, which says nothing about itself.
    """
    for span in SPANS:
        ratios = [ratio for account, ratio in sample.ratios(now, span) if account != leaving_out]
        if len(ratios) < FEWEST_ACCOUNTS:
            continue
        middle = median(ratios)
        if middle > BAND:
            why = (
                f"Of the {len(ratios):,} accounts that sent within {span / 60:.0f} minutes, half bounced "
                f"{100 * middle:.0f} % of that or more, as far as it was heard of."
            )
            return Blindness(BlindCause.RATIO, _lost_since(feed, now, span), why)
    return None


def _lost_since(feed: Feed | None, now: float, span: float) -> float:
    """Return since when something is missing: since the last delivery, or where they still come, within the span."""
    delivered_at = feed.heard(OutcomeKind.DELIVERED).last_at if feed else None
    if delivered_at is None or delivered_at > now - _SLOT:
        return now - span
    return max(delivered_at, now - DAY)


def _usual(hours: Mapping[int, int], hour: int, known_since: int) -> int:
    """Return the events of an hour by those of a week before it; where nobody listened then, of a day before."""
    for before in (WEEK // HOUR, DAY // HOUR):
        if hour - before >= known_since:
            return hours.get(hour - before, 0)
    return 0
