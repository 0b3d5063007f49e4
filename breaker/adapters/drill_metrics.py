"""What Breaker tells Prometheus of drills; it stands in the database, whoever drilled, and is polled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from breaker.domain.drill import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from breaker.adapters.postgres.drills import DrillTotals


class DrillMetrics(Collector):
    """The metrics of drills, and nothing where no drill is configured.

    Args:
        registry: What `/metrics` renders.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._totals: DrillTotals | None = None
        registry.register(self)

    def tell(self, totals: DrillTotals | None) -> None:
        """Take in what was polled."""
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        """Return them as they were last polled."""
        success = GaugeMetricFamily(
            "breaker_drill_last_success_timestamp_seconds",
            "When the last drill that passed was begun; of several canaries the one where that is the longest ago. "
            "Missing until there is one.",
        )
        failures = CounterMetricFamily(
            "breaker_drill_failures",
            "Drills that failed, never ended, or found something, by the step; event and scope are findings.",
            labels=["step"],
        )
        seconds = GaugeMetricFamily(
            "breaker_drill_step_seconds", "How long each step of the latest drill took.", labels=["step"]
        )
        if self._totals is not None:
            if self._totals.last_success_at is not None:
                success.add_metric([], self._totals.last_success_at)
            for step in Step:
                failures.add_metric([step], self._totals.failures.get(step, 0))
            for name, took in self._totals.seconds.items():
                seconds.add_metric([name], took)
        yield from (success, failures, seconds)
