"""The metrics of suppressed recipients: how many, never who."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge

from breaker.domain.platform.suppression import Reason

if TYPE_CHECKING:
    from breaker.ports import SuppressionCounts

_STATES = ("listed", "waiting", "beyond")


class SuppressionMetrics:
    """Counts them.

    Args:
        registry: Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts: dict[str, SuppressionCounts] = {}
        self._synchronised_at: dict[str, float] = {}
        self._kept = Counter(
            "breaker_suppressed",
            "Bounces and complaints whose recipient was suppressed for it, or again, by reason.",
            ["reason"],
            registry=registry,
        )
        self._recipients = Gauge(
            "breaker_suppressed_recipients",
            "Recipients that are kept, by state: `listed`, the platform's List was read back and has them; `waiting` "
            "to be; `beyond`, there is no room for them, since others bounced or complained later.",
            ["state"],
            registry=registry,
        )
        self._synchronised = Gauge(
            "breaker_suppression_synchronised_timestamp_seconds",
            "When the List of suppressed recipients was last read back and was as it should be, of the application "
            "where that is longest ago; NaN where it never was.",
            registry=registry,
        )
        self._refused = Counter(
            "breaker_suppressed_sends",
            "Sends of held accounts that the platform refused for a suppressed recipient alone, by its receipts.",
            registry=registry,
        )
        self._synchronised.set(nan)
        for reason in Reason:
            self._kept.labels(reason)
        for state in _STATES:
            self._recipients.labels(state)

    def kept(self, reason: str, number: int) -> None:
        """Count recipients that were kept."""
        self._kept.labels(reason).inc(number)

    def counted(self, application_id: str, counts: SuppressionCounts) -> None:
        """Note how many an application has."""
        self._counts[application_id] = counts
        kept = sum(one.kept for one in self._counts.values())
        listed = sum(one.listed for one in self._counts.values())
        beyond = sum(one.beyond for one in self._counts.values())
        for state, number in zip(_STATES, (listed, max(0, kept - listed - beyond), beyond), strict=True):
            self._recipients.labels(state).set(number)

    def synchronised(self, application_id: str, now: float) -> None:
        """Note that an application's List is as it should be."""
        self._synchronised_at[application_id] = now
        self._synchronised.set(min(self._synchronised_at.values()))

    def refused(self) -> None:
        """Count a send that was refused for its recipient."""
        self._refused.inc()
