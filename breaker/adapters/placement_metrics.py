"""The metrics of where accounts are moved."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from breaker.domain.platform.elsewhere import Elsewhere


class PlacementMetrics:
    """Counts accounts that went elsewhere than they should.

    Args:
        registry: Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._elsewhere = Counter(
            "breaker_accounts_elsewhere_total",
            "Accounts that were not moved to where they should be: their home or their configured quarantine is gone "
            "(`home_gone`, `home_unknown`, `home_guessed`, `quarantine_gone`), or the platform does not show a probe's "
            "quota as it was written (`quota_refused`).",
            ["reason"],
            registry=registry,
        )
        for reason in Elsewhere:
            self._elsewhere.labels(reason)

    def elsewhere(self, reason: Elsewhere) -> None:
        """Count one."""
        self._elsewhere.labels(reason).inc()
