"""Acts on the whole fleet, modes, and what the fleet guard holds, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.adapters.http.presentation import Json
    from breaker.domain.acts.fleet_acts import FleetAct, Hold
    from breaker.domain.circuits.guard import HeldStop, Raise, Usage
    from breaker.domain.circuits.modes import ConfiguredModes, SetMode


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


def modes_as_json(set_modes: Sequence[SetMode], configured: ConfiguredModes) -> Json:
    """Return the modes in force: what people set, the most specific first, and what the configuration says beneath."""
    workspaces = sorted(configured.workspaces.items())
    applications = sorted(configured.applications.items())
    return {
        "data": [set_mode_as_json(one) for one in set_modes],
        "configured": [
            *({"selector": f"workspace:{name}", "application_id": of, "mode": mode} for (of, name), mode in workspaces),
            *({"selector": f"application:{of}", "application_id": of, "mode": mode} for of, mode in applications),
            {"selector": "--all", "application_id": None, "mode": configured.daemon},
        ],
    }


def set_mode_as_json(one: SetMode) -> Json:
    """Return a mode that a person set."""
    return {
        "selector": one.selector,
        "level": one.level,
        "application_id": one.application_id,
        "mode": one.setting.mode,
        "reason": one.setting.reason,
        "author": one.setting.author,
        "set_at": one.setting.set_at,
        "expires_at": one.setting.expires_at,
    }


def fleet_act_as_json(act: FleetAct, *, plan: bool) -> Json:
    """Return what an act on the whole fleet did, or would do."""
    return {"plan": plan, "action": act.kind, "why": act.sentence, "author": act.author}
