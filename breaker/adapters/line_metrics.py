"""The metric of the accounts that people keep sending beyond the platform's line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT_BY = ("exempt", "protected")


class LineMetrics:
    """Counts them.

    Args:
        registry: Where it is registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._over = Gauge(
            "breaker_accounts_over_line",
            "Accounts that reached the platform's review line and go on sending because people said so: by the mode "
            "`exempt`, or by a pattern of protected accounts. Should be 0; each is named in the log as an error.",
            ["kept_by"],
            registry=registry,
        )
        self.over_line({})

    def over_line(self, numbers: Mapping[str, int]) -> None:
        """Set how many there are, by what keeps them."""
        for kept_by in KEPT_BY:
            self._over.labels(kept_by).set(numbers.get(kept_by, 0))
