"""What the accounts of a domain or an application say about each other, in a replay (`domain.detectors.pooled`).

The daemon reads it from its database once a minute. Here it is put together anew when a complaint comes that nothing
fresh enough is at hand for. Workspaces are in no record.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from breaker.domain.detectors.pooled import SPANS, Group, GroupCount, GroupKind, Membership, Pooled, pool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from breaker.domain.backtest.domains import Name, ReplayedDomain
    from breaker.domain.detectors.budget import Budget
    from breaker.domain.detectors.detectors import Suspicion

_HOUR = 3_600
_DAY = 86_400
FRESH = 60.0
"""Seconds for which what was put together is used: as long as the daemon waits at least until it reads anew."""


@dataclass(slots=True)
class Neighbours:
    """Complaints by sending domain, and what follows from them and from its deliveries.

    Args:
        budget: The false alarms that the fleet may have.
        domains: The sending domains.
    """

    budget: Budget
    domains: Mapping[Name, ReplayedDomain]
    _complaints: list[tuple[int, Name, str]] = field(default_factory=list)
    _pooled: Pooled = field(default_factory=lambda: Pooled(-inf))

    def complaint(self, name: Name, member: str, sent_at: int) -> None:
        """Note a complaint, once it was judged."""
        self._complaints.append((sent_at, name, member))

    def suspect(self, name: Name, member: str, now: float) -> Suspicion | None:
        """Return what the groups of an account say now that it drew one more complaint, or None."""
        application_id, domain = name
        if now - self._pooled.at >= FRESH:
            self._pooled = pool(self._counts(now), self.budget, now)
        of_application = Membership(Group(application_id, GroupKind.APPLICATION, application_id), domain)
        of_domain = Membership(Group(application_id, GroupKind.DOMAIN, domain), member)
        found = self._pooled.suspect([of_domain, of_application] if domain else [of_application])
        return found[0] if found else None

    def _counts(self, now: float) -> Mapping[Group, Sequence[GroupCount]]:
        sends: dict[Group, Counter[int]] = defaultdict(Counter)
        for name, domain in self.domains.items():
            for days in SPANS:
                first = (int(now) - days * _DAY) // _HOUR
                delivered = sum(number for hour, (_, number) in domain.by_hour.items() if hour >= first)
                for group, _ in _groups(name, ""):
                    sends[group][days] += delivered
        earliest = int(now) - max(SPANS) * _DAY
        self._complaints = [one for one in self._complaints if one[0] >= earliest]
        bad: dict[tuple[Group, int], Counter[str]] = defaultdict(Counter)
        for sent_at, name, member in self._complaints:
            for days in SPANS:
                if sent_at >= now - days * _DAY:
                    for group, known_as in _groups(name, member):
                        bad[group, days][known_as] += 1
        return {
            group: [GroupCount(days, counts[days], dict(bad.get((group, days), {}))) for days in SPANS]
            for group, counts in sends.items()
        }


def _groups(name: Name, member: str) -> Sequence[tuple[Group, str]]:
    """Return the groups that something belongs to, and as which member."""
    application_id, domain = name
    of_application = (Group(application_id, GroupKind.APPLICATION, application_id), domain)
    return [(Group(application_id, GroupKind.DOMAIN, domain), member), of_application] if domain else [of_application]
