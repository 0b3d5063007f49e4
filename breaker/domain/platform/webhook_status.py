"""What a webhook's status says of notifications that were lost.

The platform calls a webhook failing once 95 % of what it posted within 15 minutes was not answered with 200, goes on
posting for 72 hours, then calls it failed and posts nothing more; what happened meanwhile is never posted
(OpenAPI, "Webhook Notifications").
"""

from __future__ import annotations

from enum import StrEnum

FAILING_AFTER = 900.0
"""Seconds of failing before the platform says so."""

FAILED_AFTER = 72 * 3_600.0
"""Seconds of failing before it gives up."""


class WebhookStatus(StrEnum):
    """How the webhook stands."""

    ACTIVE = "active"
    PAUSED = "pause"
    FAILING = "failing"
    FAILED = "failed"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """The platform says something that its documentation did not know."""

    @classmethod
    def _missing_(cls, _value: object) -> WebhookStatus:
        return cls.UNKNOWN


def lost_since(status: WebhookStatus, status_at: float | None, heard_at: float | None, now: float) -> float:
    """Return since when notifications may have been lost, rather too early than too late.

    Args:
        status: The status.
        status_at: When the platform gave it, Unix seconds, or None where it does not say.
        heard_at: When the last notification came, Unix seconds, or None where none ever did.
        now: Unix seconds.
    """
    before = {WebhookStatus.FAILING: FAILING_AFTER, WebhookStatus.FAILED: FAILED_AFTER + FAILING_AFTER}
    known = [moment for moment in (status_at, heard_at) if moment is not None]
    return min(known, default=now) - before.get(status, 0.0)
