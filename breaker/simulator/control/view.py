"""How the control surface shows the world."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breaker.simulator.application import Application
    from breaker.simulator.control.bursts import Burst
    from breaker.simulator.journal import Call
    from breaker.simulator.platform import SimulatedPlatform
    from breaker.simulator.state.base import Json


def state_json(platform: SimulatedPlatform) -> Json:
    """Return the world at this moment."""
    counts = platform.deliveries.counts
    return {
        "now": platform.clock.now(),
        "seed": platform.seed,
        "applications": [_application_json(application) for application in platform.applications],
        "deliveries": {
            "delivered": counts.delivered,
            "retried": counts.retried,
            "lost": counts.lost,
            "statuses": {str(status): count for status, count in sorted(counts.statuses.items())},
        },
        "calls": len(platform.journal),
    }


def _application_json(application: Application) -> Json:
    standing = application.standing
    return {
        "application_id": application.id,
        "domains": sorted(application.domains),
        "workspaces": [workspace.as_json() for workspace in application.workspaces],
        "accounts": [
            {
                "grant_id": grant.id,
                "email": grant.email,
                "workspace_id": grant.workspace_id,
                "under_review": grant.id in standing.under_review,
                "paused": grant.id in standing.paused,
            }
            for grant in application.grants
        ],
        "messages": len(application.messages),
    }


def books_json(application: Application) -> Json:
    """Return what the platform did about its senders, the hidden volume, and every account's rates."""
    enforcement = application.enforcement
    accounts = []
    for grant in application.grants:
        bounce_rate, complaint_rate = enforcement.rates(grant.id)
        accounts.append(
            {
                "grant_id": grant.id,
                "email": grant.email,
                "sends": enforcement.reputation(grant.id).sends,
                "bounce_rate": bounce_rate,
                "complaint_rate": complaint_rate,
            }
        )
    return {
        "representative_volume": enforcement.representative_volume,
        "measures": [asdict(measure) for measure in enforcement.books],
        "accounts": accounts,
    }


def burst_json(burst: Burst) -> Json:
    """Return what came of a burst."""
    return {
        "number": burst.number,
        "accepted": burst.accepted,
        "refused": dict(burst.refused),
        "outcomes": dict(burst.outcomes),
        "notifications": len(burst.notifications),
    }


def call_json(call: Call) -> Json:
    """Return a call of the journal, without its body."""
    return {
        "at": call.at,
        "application_id": call.application_id,
        "method": call.method,
        "path": call.path,
        "query": call.query,
        "status": call.status,
        "changing": call.changing,
        "request_id": call.request_id,
    }
