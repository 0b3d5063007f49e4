"""What accounts of one domain that go bad together gain by speaking for each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from heapq import merge
from random import Random
from typing import TYPE_CHECKING

from breaker.domain.circuits.states import SEVERITY, State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.detectors.pooled import SPANS, Group, GroupCount, GroupKind, Membership, pool
from tests.detection.replay import Counted
from tests.detection.tables import HEALTHY_SENDS, complaint_change
from tests.detection.traces import DAY, events

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from breaker.domain.profiles.profile import Profile
    from tests.detection.traces import Event

ACCOUNTS = 10
OTHER_DOMAINS = 99
_SENDS_AFTER = 3_000
_HOUR = 3_600
_OURS = Group("fleet", GroupKind.DOMAIN, "ours")
_R = 10_000


@dataclass(frozen=True, slots=True)
class Gain:
    """Accounts of domains that went bad together, limited by their own complaints alone and with their neighbours'.

    Args:
        accounts: How many there were.
        alone: Sends with a known outcome from the change to the step, the median, by their own alone.
        together: The same with their neighbours'.
        before_alone: The share that was limited before the platform's line, by their own alone.
        before_together: The same with their neighbours'.
        early: How many were limited before the change for their neighbours' sake.
    """

    accounts: int
    alone: float
    together: float
    before_alone: float
    before_together: float
    early: int


class _Domain:
    """What a domain's accounts did, by hour of sending."""

    def __init__(self) -> None:
        self._delivered: Counter[int] = Counter()
        self._complaints: dict[int, Counter[str]] = defaultdict(Counter)

    def deliver(self, sent_at: int) -> None:
        self._delivered[sent_at // _HOUR] += 1

    def complain(self, sent_at: int, member: str) -> None:
        self._complaints[sent_at // _HOUR][member] += 1

    def counts(self, now: float) -> Iterator[GroupCount]:
        for days in SPANS:
            hours = range(int(now - days * DAY) // _HOUR, int(now) // _HOUR + 1)
            complaints: Counter[str] = Counter()
            for hour in hours:
                complaints.update(self._complaints.get(hour, {}))
            yield GroupCount(days, sum(self._delivered[hour] for hour in hours), dict(complaints))


def gain(profile: Profile, *, daily: int, domains: int, seed: str) -> Gain:
    """Measure it on domains of ten accounts each.

    Args:
        profile: The detectors; their budget is that of the whole fleet, of which a domain is a hundredth.
        daily: Sends of an account on a working day.
        domains: How many domains to try, one after the other.
        seed: What decides.
    """
    source = Random(f"{seed} neighbours {daily}")
    sends = HEALTHY_SENDS[Signal.COMPLAINT] + _SENDS_AFTER
    found = [one for _ in range(domains) for one in _domain(profile, daily, sends, source)]
    change = complaint_change().sends
    alone, together = (sorted(one[place] - change for one in found) for place in range(2))
    return Gain(
        len(found),
        alone[len(alone) // 2],
        together[len(together) // 2],
        sum(own <= line for own, _, line in found) / len(found),
        sum(both <= line for _, both, line in found) / len(found),
        sum(both <= change < own for own, both, _ in found),
    )


def _domain(profile: Profile, daily: int, sends: int, source: Random) -> Iterator[tuple[int, int, int]]:
    """Yield of each account after how many sends it was limited alone, and with its neighbours, and its line."""
    traces = [_of(n, events(Signal.COMPLAINT, complaint_change(), daily, sends, source)) for n in range(ACCOUNTS)]
    others: Mapping[Group, list[GroupCount]] = {
        Group("fleet", GroupKind.DOMAIN, f"other{n}"): _usual(profile, daily, source) for n in range(OTHER_DOMAINS)
    }
    counted = [Counted(Signal.COMPLAINT) for _ in range(ACCOUNTS)]
    alone, together = ([sends] * ACCOUNTS for _ in range(2))
    domain = _Domain()
    for event, n in merge(*traces):
        change = counted[n].take(event)
        counters, known = counted[n].counters, counted[n].known
        if change.delivered:
            domain.deliver(event.sent_at)
        if not change.complaints:
            continue
        for one in profile.sequential:
            counters.evidence[one.memory] = one.observe(
                counters.evidence.get(one.memory, 0), change, f"{known % 5}.example"
            )
        suspicion = profile.suspect(counters, Signal.COMPLAINT)
        if suspicion is not None and SEVERITY[suspicion.step] >= SEVERITY[State.LIMITED]:
            alone[n] = min(alone[n], known)
        pooled = pool({**others, _OURS: list(domain.counts(event.at))}, profile.budget, event.at)
        if pooled.suspect([Membership(_OURS, str(n))]):
            together[n] = min(together[n], known)
        domain.complain(event.sent_at, str(n))
    for own, both, one_of_them in zip(alone, together, counted, strict=True):
        yield own, min(own, both), one_of_them.lines.get(_R, sends)


def _of(number: int, trace: Iterator[Event]) -> Iterator[tuple[Event, int]]:
    return ((event, number) for event in trace)


def _usual(profile: Profile, daily: int, source: Random) -> list[GroupCount]:
    """Return what a healthy domain of as many accounts did."""
    rate = profile.budget.healthy[Signal.COMPLAINT]
    delivered = {days: round(ACCOUNTS * daily * days * 5 / 7) for days in SPANS}
    return [
        GroupCount(days, total, {"x": bad} if (bad := sum(source.random() < rate for _ in range(total))) else {})
        for days, total in delivered.items()
    ]
