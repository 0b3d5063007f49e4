"""Send metrics: counts by the day of sending, sender and recipients' domain (DOC get-send-summary, -timeseries)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from breaker.simulator.state.activity import Happening
    from breaker.simulator.state.base import Json

DAY = 86_400
#: DOC get-send-summary, `min_assess_volume`.
ASSESSED_FROM = 100
_WARNING_BOUNCES, _CRITICAL_BOUNCES = 0.05, 0.10
_WARNING_COMPLAINTS, _CRITICAL_COMPLAINTS = 0.001, 0.005


@dataclass(slots=True)
class SendCounts:
    """How many sends, one for each recipient, and what became of them."""

    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    hard_bounced: int = 0
    soft_bounced: int = 0
    complaints: int = 0
    rejected: int = 0

    def add(self, other: SendCounts) -> None:
        """Add another's counts to these."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    @property
    def bounce_rate(self) -> float:
        """Hard bounces over sent (DOC list-send-alert-rules)."""
        return self.hard_bounced / self.sent if self.sent else 0.0

    @property
    def complaint_rate(self) -> float:
        """Complaints over delivered."""
        return self.complaints / self.delivered if self.delivered else 0.0

    @property
    def delivery_rate(self) -> float:
        """Delivered over sent."""
        return self.delivered / self.sent if self.sent else 0.0

    @property
    def health(self) -> str:
        """The platform's grade (DOC get-send-summary); its lines are taken for those of its send limits."""
        if self.sent < ASSESSED_FROM:
            return "insufficient_data"
        if self.bounce_rate >= _CRITICAL_BOUNCES or self.complaint_rate >= _CRITICAL_COMPLAINTS:
            return "critical"
        if self.bounce_rate >= _WARNING_BOUNCES or self.complaint_rate >= _WARNING_COMPLAINTS:
            return "at_risk"
        return "healthy"

    def as_json(self) -> Json:
        """Return counts and rates."""
        rates = ("delivery_rate", "bounce_rate", "complaint_rate")
        return {one.name: getattr(self, one.name) for one in fields(self)} | {
            rate: round(getattr(self, rate), 6) for rate in rates
        }


class MetricKey(NamedTuple):
    """What counts are kept by; `day` is the number of the UTC day of sending."""

    day: int
    sender: str
    recipient_domain: str

    @property
    def sending_domain(self) -> str:
        """The sender's domain."""
        return self.sender.rpartition("@")[2]


class Metrics:
    """The send metrics of one application."""

    def __init__(self) -> None:
        self._counts: dict[MetricKey, SendCounts] = defaultdict(SendCounts)

    def record(self, happening: Happening) -> None:
        """Count what happened on the day on which the message was sent."""
        message = happening.message
        for recipient in happening.recipients:
            domain = recipient.rpartition("@")[2]
            _count(self._counts[MetricKey(message.sent_at // DAY, message.sender, domain)], happening)

    def grouped(
        self, days: range, key: Callable[[MetricKey], str], *, sending_domain: str | None = None
    ) -> dict[str, SendCounts]:
        """Return the counts of some days, by a key."""
        found: dict[str, SendCounts] = defaultdict(SendCounts)
        for one, counts in self._among(days, sending_domain):
            found[key(one)].add(counts)
        return found

    def total(self, days: Iterable[int], *, sending_domain: str | None = None) -> SendCounts:
        """Return the counts of some days together."""
        total = SendCounts()
        for _, counts in self._among(days, sending_domain):
            total.add(counts)
        return total

    def _among(self, days: Iterable[int], sending_domain: str | None) -> Iterator[tuple[MetricKey, SendCounts]]:
        wanted = frozenset(days)
        for key, counts in self._counts.items():
            if key.day in wanted and sending_domain in {None, key.sending_domain}:
                yield key, counts


def _count(counts: SendCounts, happening: Happening) -> None:
    match happening.event_type:
        case "accepted":
            counts.sent += 1
        case "delivered":
            counts.delivered += 1
        case "complaint":
            counts.complaints += 1
        case "rejected":
            counts.rejected += 1
        case "bounced":
            counts.bounced += 1
            hard = happening.bounce is not None and happening.bounce.bounce_class == "hard"
            counts.hard_bounced += hard
            counts.soft_bounced += not hard
