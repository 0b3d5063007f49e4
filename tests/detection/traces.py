"""Traces: what accounts send, what becomes of it, and when that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.outcomes import OutcomeSet
from breaker.simulator.mail import delays

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

DAY = 86_400
_MONDAY = 1_789_344_000  # 2026-09-14
_OPENS, _CLOSES = 9 * 3_600.0, 17 * 3_600.0
_BURSTS = 3
_BURST_SECONDS = 600.0
_IN_BURSTS = 0.5


class Event(NamedTuple):
    """An outcome that becomes known.

    Attributes:
        at: When, Unix seconds.
        send: The send's number, by time of sending, from 0.
        sent_at: When it was sent, Unix seconds.
        before: What was known of it.
        after: What is known now.
    """

    at: float
    send: int
    sent_at: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Change:
    """How an account's rate of bad outcomes changes.

    Args:
        before: The rate until then, a fraction.
        after: The rate from then on.
        sends: After how many sends.
        creeping: Over how many sends; 0 where at once.
    """

    before: float
    after: float
    sends: int
    creeping: int = 0

    def rate(self, send: int) -> float:
        """Return the rate of a send."""
        if send < self.sends:
            return self.before
        if send >= self.sends + self.creeping:
            return self.after
        return self.before + (self.after - self.before) * (send - self.sends) / self.creeping


def events(signal: Signal, change: Change, daily: int, sends: int, source: Random) -> Iterator[Event]:
    """Return what becomes known of an account's sends, in the order in which it does.

    Sends go out on five days a week, in office hours: half of them in three bursts of ten minutes each day, as lists
    are worked off, the others at any moment.

    Args:
        signal: Which outcomes are the bad ones.
        change: How many are bad.
        daily: Sends on a working day.
        sends: How many sends in all.
        source: What decides.
    """
    known: list[Event] = []
    for number, sent_at in enumerate(_moments(daily, sends, source)):
        bad = source.random() < change.rate(number)
        if signal is Signal.COMPLAINT:
            delivered_at = sent_at + delays.at_once(source)
            known.append(Event(delivered_at, number, sent_at, 0, OutcomeSet.DELIVERED))
            if bad:
                at = delivered_at + delays.until_complaint(source)
                known.append(
                    Event(at, number, sent_at, OutcomeSet.DELIVERED, OutcomeSet.DELIVERED | OutcomeSet.COMPLAINT)
                )
        elif bad:
            known.append(Event(sent_at + _until_bounce(source), number, sent_at, 0, OutcomeSet.UNKNOWN_RECIPIENT))
        else:
            known.append(Event(sent_at + delays.at_once(source), number, sent_at, 0, OutcomeSet.DELIVERED))
    known.sort()
    return iter(known)


def _until_bounce(source: Random) -> float:
    """Most refusals come in the SMTP dialogue; one in ten after greylisting, one in twenty is returned hours later."""
    kind = source.random()
    if kind < 0.05:
        return delays.returned(source)
    return delays.after_greylisting(source) if kind < 0.15 else delays.at_once(source)


def _moments(daily: int, sends: int, source: Random) -> Iterator[int]:
    """Return when each send is sent, in order."""
    day = source.randrange(7)
    left = sends
    while left > 0:
        if day % 7 < 5:
            midnight = _MONDAY + day * DAY
            bursts = [source.uniform(_OPENS, _CLOSES - _BURST_SECONDS) for _ in range(_BURSTS)]
            today = sorted(
                source.choice(bursts) + source.random() * _BURST_SECONDS
                if source.random() < _IN_BURSTS
                else source.uniform(_OPENS, _CLOSES)
                for _ in range(min(daily, left))
            )
            yield from (midnight + int(moment) for moment in today)
            left -= len(today)
        day += 1
