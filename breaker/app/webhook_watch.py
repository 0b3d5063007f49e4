"""The watch over the webhook, wired, and what was lost of it read from the platform's send events."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from breaker.adapters.postgres.backfilled import PostgresBackfilled
from breaker.adapters.postgres.feed import PostgresFeed
from breaker.adapters.postgres.repairs import PostgresRepairs
from breaker.adapters.postgres.unheard import PostgresUnheard
from breaker.app.observing import OnlyObserving
from breaker.flows.backfill import Backfill
from breaker.flows.fill_gaps import FillGaps
from breaker.flows.judge_once import JudgeOnce
from breaker.flows.lease import Lease
from breaker.flows.repair import Outcome
from breaker.flows.watch_webhook import WatchWebhook

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from breaker.adapters.metrics import Metrics
    from breaker.adapters.nylas.client import NylasPlatform
    from breaker.app.attendance import Shared
    from breaker.domain.outcomes.spans import Span
    from breaker.domain.platform.webhook_status import WebhookStatus
    from breaker.flows.backfill import Progress
    from breaker.flows.carry_out import Surroundings
    from breaker.ports import PlatformError

_DAY = 86_400.0
_BACKFILL_LEASE = 60.0

_SENTENCES = {
    Outcome.REPORTED: "the webhook is not active on the platform: see `breaker doctor` for what to do",
    Outcome.REPAIRED: "the platform had given the webhook up, and it is made active again",
    Outcome.YIELDED: "the platform gives the webhook up again and again, and it is left to you: see `breaker doctor`",
}

log = structlog.get_logger(__name__)


class TellWebhook:
    """Tells the log and the metrics.

    Args:
        metrics: The metrics.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def status(self, application_id: str, status: WebhookStatus) -> None:
        """Tell how the webhook was found."""
        self._metrics.sweeps.webhook(application_id, status)

    def not_active(self, application_id: str, status: WebhookStatus, outcome: Outcome) -> None:
        """Tell that it is not active: a page."""
        kind = f"webhook_{status}"
        self._metrics.drifted(kind)
        log.error(_SENTENCES[outcome], application=application_id, kind=kind, outcome=outcome)

    def active_again(self, application_id: str) -> None:
        """Tell that it is active again."""
        log.warning(
            "the webhook is active again, and what it did not bring is read from the platform",
            application=application_id,
        )

    def filled(self, application_id: str, progress: Progress) -> None:
        """Tell that a gap was read."""
        log.info(
            "what was not heard was read from the platform",
            application=application_id,
            begins_at=progress.span.begins_at,
            ends_at=progress.span.ends_at,
            events=progress.events,
            outcomes=dict(progress.outcomes),
            verdicts=len(progress.given),
        )

    def unfillable(self, application_id: str, span: Span, error: PlatformError) -> None:
        """Tell that a gap stays one."""
        log.error(
            "what was not heard can't be read from the platform either, so counts lack it",
            application=application_id,
            begins_at=span.begins_at,
            ends_at=span.ends_at,
            error=str(error),
        )


def watch_webhook(
    around: Surroundings, url: str | None, shared: Shared, may_act: Callable[[], Awaitable[bool]]
) -> WatchWebhook:
    """Return what looks at the webhook of one application.

    Args:
        around: Its surroundings on the platform.
        url: Where notifications are to be posted to, or None where that is not configured.
        shared: What it shares with the daemon's other applications.
        may_act: Tells whether Breaker may act in it.
    """
    return WatchWebhook(
        application_id=around.application_id,
        names=around.names,
        platform=around.platform,
        inventory=around.inventory,
        url=url,
        feed=PostgresFeed(shared.pool),
        unheard=PostgresUnheard(shared.pool),
        repairs=PostgresRepairs(shared.pool),
        may_act=may_act,
        clock=around.clock,
        told=TellWebhook(shared.metrics),
    )


def fill_gaps(around: Surroundings, platform: NylasPlatform, shared: Shared) -> FillGaps:
    """Return what reads the gaps of one application's feed from the platform."""
    return FillGaps(
        application_id=around.application_id,
        unheard=PostgresUnheard(shared.pool),
        backfill=partial(_backfill, around, platform, shared),
        reach=lambda: shared.operations.in_force.settings.ledger.retention_days * _DAY,
        clock=around.clock,
        told=TellWebhook(shared.metrics),
    )


async def _backfill(around: Surroundings, platform: NylasPlatform, shared: Shared, span: Span) -> Progress:
    count = replace(shared.intake.count, modes=OnlyObserving(), judging=False)
    backfill = Backfill(
        application_id=around.application_id,
        history=platform.send_events(around.application_id),
        backfilled=PostgresBackfilled(shared.pool, shared.intake.identities),
        count=count,
        judge=JudgeOnce(shared.operations.active, count, around.clock, shared.intake.pool_evidence),
        lease=Lease(around.leases, f"backfill:{around.application_id}", around.holder, _BACKFILL_LEASE),
        clock=around.clock,
    )
    return await backfill(span, _untold)


def _untold(_progress: Progress) -> None:
    """Tell nobody: the log hears of it in the end."""
