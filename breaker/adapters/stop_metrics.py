"""The metric of stops that don't hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class StopMetrics:
    """Counts sends that should have been refused.

    Args:
        registry: Where it is registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sends = Counter(
            "breaker_sends_after_stop_total",
            "Sends that left more than 90 s (the platform's queue) after the platform was read back as refusing the "
            "account's mail. Should be 0: run `breaker doctor`; each account is named in the log as an error.",
            ["application"],
            registry=registry,
        )

    def sent_after_stop(self, application_id: str, sends: int) -> None:
        """Count some."""
        self._sends.labels(application_id).inc(sends)
