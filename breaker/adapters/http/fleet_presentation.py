"""Acts on the whole fleet, and what the fleet guard holds, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.adapters.http.presentation import Json
    from breaker.domain.fleet_acts import FleetAct, Hold
    from breaker.domain.guard import HeldStop, Raise, Usage


def guard_as_json(usage: Sequence[Usage], raises: Sequence[Raise], held: Sequence[HeldStop]) -> Json:
    """Return how much of the guard's limits is used, and what it holds, the most urgent first."""
    return {
        "limits": [
            {
                "limit": one.limit,
                "scope": one.scope,
                "used": one.used,
                "allowed": one.allowed,
                "active": one.active,
            }
            for one in usage
        ],
        "raised": [
            {
                "limit": one.only,
                "number": one.number or None,
                "share": one.share or None,
                "reason": one.reason,
                "author": one.author,
                "since": one.at,
                "expires_at": one.expires_at,
            }
            for one in raises
        ],
        "held": [
            {
                "account": one.id,
                "address": one.address,
                "application_id": one.application_id,
                "verdict": one.verdict,
                "at": one.at,
                "signal": one.signal,
                "headroom": None
                if one.headroom is None
                else {
                    "bad_outcomes": one.headroom.bad_outcomes,
                    "sends": one.headroom.sends,
                    "window": one.headroom.window,
                },
                "why": one.why,
            }
            for one in held
        ],
    }


def hold_as_json(hold: Hold | None) -> Json:
    """Return the hold on automatic changes, or that there is none."""
    if hold is None:
        return {"hold": None}
    return {
        "hold": {
            "reason": hold.reason,
            "author": hold.author,
            "since": hold.since,
            "expires_at": hold.expires_at,
        }
    }


def fleet_act_as_json(act: FleetAct, *, plan: bool) -> Json:
    """Return what an act on the whole fleet did, or would do."""
    return {"plan": plan, "action": act.kind, "why": act.sentence, "author": act.author}
