"""The watch over stops that should hold, wired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from breaker.adapters.postgres.reading.stops import PostgresStops
from breaker.adapters.stop_metrics import StopMetrics
from breaker.flows.watch_stops import WatchStops

if TYPE_CHECKING:
    import asyncpg
    from prometheus_client import CollectorRegistry

    from breaker.ports import Account


log = structlog.get_logger(__name__)


class TellStops:
    """Tells the log and the metrics.

    Args:
        metrics: The metrics.
    """

    def __init__(self, metrics: StopMetrics) -> None:
        self._metrics = metrics

    def sent_after_stop(self, account: Account, sends: int, last_sent_at: float, *, first: bool) -> None:
        """Count sends; tell of each stop once: a page."""
        self._metrics.sent_after_stop(account.application_id, sends)
        if first:
            log.error(
                "stop leaks: an account that the platform was read back as refusing sends all the same: run "
                "`breaker doctor`",
                application=account.application_id,
                account=account.id,
                account_address=account.address,
                sends=sends,
                last_sent_at=last_sent_at,
            )


def watch_stops(pool: asyncpg.Pool, registry: CollectorRegistry) -> WatchStops:
    """Return what looks.

    Args:
        pool: Connections to the database.
        registry: Where metrics are registered.
    """
    return WatchStops(PostgresStops(pool), TellStops(StopMetrics(registry)))
