"""What the platform's support asks for, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.http.presentation import account_as_json, verdict_as_json
from breaker.domain.windows.headroom import rate

if TYPE_CHECKING:
    from breaker.adapters.http.presentation import Json
    from breaker.domain.platform.platform_standing import PlatformStanding
    from breaker.domain.standing.standing import Explanation

_NUMBERS = ("signals", "rejected", "counted_since", "last_event_at")


def support_as_json(explanation: Explanation) -> Json:
    """Return an account as the platform's support wants it: who, what was refused, the numbers, what was done."""
    standing = explanation.standing
    account = account_as_json(standing)
    return {
        "application_id": standing.application_id,
        "grant_id": standing.grant_id,
        "address": standing.address,
        "domain": standing.domain,
        "workspace_id": standing.workspace_id,
        "platform": _platform(standing.platform) if standing.platform else None,
        "numbers": {
            **{name: account[name] for name in _NUMBERS},
            "recent": {
                str(seconds): {
                    "sends": tally.sends,
                    "hard_bounces": tally.hard_bounces,
                    "bounce_rate": rate(tally.hard_bounces, tally.sends),
                    "delivered": tally.delivered,
                    "complaints": tally.complaints,
                    "complaint_rate": rate(tally.complaints, tally.delivered),
                }
                for seconds, tally in explanation.recent.items()
            },
        },
        "done": {
            "state": standing.circuit.state,
            "since": standing.circuit.since,
            "enforcement": account["enforcement"],
            "verdicts": [verdict_as_json(one) for one in explanation.verdicts if one.moves],
        },
    }


def _platform(platform: PlatformStanding) -> Json:
    example = platform.example
    return {
        "what": platform.what,
        "scope": platform.scope,
        "scope_told": platform.scope_told,
        "since": platform.since,
        "seen_at": platform.seen_at,
        "source": platform.source,
        "until": platform.until,
        "refused_sends": platform.refused,
        "example": {
            "status": example.status,
            "type": example.type,
            "message": example.message,
            "request_id": example.request_id,
            "at": example.at,
        },
    }
