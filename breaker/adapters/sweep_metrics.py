"""The metrics of sweeps: how often they are made, and how the webhooks were found."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge

from breaker.domain.platform.webhook_status import WebhookStatus

if TYPE_CHECKING:
    from collections.abc import Collection


class SweepMetrics:
    """Tells of sweeps; of several applications the one that is worst off.

    Args:
        registry: Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._period = Gauge(
            "breaker_sweep_period_seconds",
            "From the beginning of one sweep of the platform to that of the next; it grows with the fleet, since they "
            "get a quarter of all requests. Of the daemon that sweeps.",
            ["sweep"],
            registry=registry,
        )
        self._success = Gauge(
            "breaker_sweep_last_success_timestamp_seconds",
            "When a sweep of the platform was last made to its end. Of the daemon that sweeps: take the max.",
            ["sweep"],
            registry=registry,
        )
        self._webhooks = Gauge(
            "breaker_webhooks",
            "Applications by the status that the platform shows of their webhook; `missing` where there is none. "
            "Of the daemon that sweeps.",
            ["status"],
            registry=registry,
        )
        self._taken_out = Gauge(
            "breaker_taken_out",
            "Accounts and domains that somebody else took out of what held them on the platform, that are free to send "
            "and that Breaker leaves to people. Should be 0. Polled.",
            registry=registry,
        )
        self._numbers_taken_out: dict[str, int] = {}
        self._periods: dict[tuple[str, str], float] = {}
        self._successes: dict[tuple[str, str], float] = {}
        self._statuses: dict[str, WebhookStatus] = {}

    def swept(self, application_id: str, sweep: str, period: float | None, now: float) -> None:
        """Note a sweep that was made.

        Args:
            application_id: Of which application.
            sweep: Which.
            period: Seconds since the one before began, or None for the first.
            now: Unix seconds.
        """
        if period is not None:
            self._periods[sweep, application_id] = period
            self._period.labels(sweep).set(max(_of(sweep, self._periods)))
        self._successes[sweep, application_id] = now
        self._success.labels(sweep).set(min(_of(sweep, self._successes)))

    def taken_out(self, application_id: str, number: int) -> None:
        """Note how many of an application are left to people."""
        self._numbers_taken_out[application_id] = number
        self._taken_out.set(sum(self._numbers_taken_out.values()))

    def webhook(self, application_id: str, status: WebhookStatus | None) -> None:
        """Note the status of an application's webhook; None where another daemon looks at it."""
        if status is None:
            self._statuses.pop(application_id, None)
        else:
            self._statuses[application_id] = status
        counts = Counter(self._statuses.values())
        for one in WebhookStatus:
            self._webhooks.labels(one).set(counts[one])


def _of(sweep: str, values: dict[tuple[str, str], float]) -> Collection[float]:
    return [value for (name, _), value in values.items() if name == sweep]
