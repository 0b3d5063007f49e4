"""The watch over accounts that people keep sending, wired."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

from breaker.adapters.line_metrics import LineMetrics
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.reading.exempted import PostgresExempted
from breaker.app.derived import window_sizes
from breaker.flows.lease import Lease
from breaker.flows.watch_lines import WatchLines

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg
    from prometheus_client import CollectorRegistry

    from breaker.app.in_force import InForce
    from breaker.domain.profiles.protected import Protected
    from breaker.ports import Exempted


_LEASE = 120.0

log = structlog.get_logger(__name__)


class TellLines:
    """Tells the log and the metrics.

    Args:
        metrics: The metrics.
    """

    def __init__(self, metrics: LineMetrics) -> None:
        self._metrics = metrics

    def over_line(self, over: Sequence[tuple[Exempted, Protected | None]]) -> None:
        """Tell how many there are."""
        self._metrics.over_line(Counter("protected" if protected else "exempt" for _, protected in over))

    def crossed(self, one: Exempted, protected: Protected | None) -> None:
        """Tell of one: a page, with whose it is."""
        log.error(
            "an account is over the platform's line and goes on sending, since people said so",
            application=one.account.application_id,
            account=one.account.id,
            account_address=one.account.address,
            verdict=one.verdict,
            asks_for=one.to,
            signal=one.signal,
            kept_by="protected" if protected else "exempt",
            owner=protected.owner if protected else None,
        )


def watch_lines(pool: asyncpg.Pool, in_force: InForce, registry: CollectorRegistry, holder: str) -> WatchLines:
    """Return what looks.

    Args:
        pool: Connections to the database.
        in_force: The configuration.
        registry: Where metrics are registered.
        holder: This process's name.
    """
    return WatchLines(
        PostgresExempted(pool, window_sizes(in_force.settings)),
        in_force.protected_now,
        Lease(PostgresLeases(pool), "lines", holder, _LEASE),
        TellLines(LineMetrics(registry)),
    )
