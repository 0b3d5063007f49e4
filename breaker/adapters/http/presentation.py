"""The shapes in which accounts, verdicts and acts are given to other programs: by the API, and by `--json`.

Programs rely on them: a key that is taken away or means something else is a `[CHANGE]`. Rates are fractions, and null
where there is not enough data for one; times are Unix seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from breaker.domain.detectors.detectors import Signal
from breaker.domain.windows.headroom import headroom, rate

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from breaker.domain.acts.acts import Report
    from breaker.domain.circuits.circuit import Pending
    from breaker.domain.outcomes.outcomes import Tally
    from breaker.domain.platform.platform_standing import PlatformStanding
    from breaker.domain.probes.probe import Outlook
    from breaker.domain.standing.standing import (
        CommandRecord,
        DomainStanding,
        Enforcement,
        Explanation,
        Standing,
        VerdictRecord,
    )
    from breaker.domain.windows.counters import Counters
    from breaker.domain.windows.headroom import Headroom
    from breaker.domain.windows.windows import Series
    from breaker.ports import LearntDomain

Json = dict[str, Any]


def account_as_json(standing: Standing) -> Json:
    """Return an account."""
    counters = standing.counters
    return {
        "id": standing.id,
        "application_id": standing.application_id,
        "grant_id": standing.grant_id,
        "address": standing.address,
        "domain": standing.domain,
        "domain_state": standing.domain_state,
        "workspace_id": standing.workspace_id,
        "home_workspace_id": standing.home_workspace_id,
        "state": standing.circuit.state,
        "since": standing.circuit.since,
        "mode": standing.mode,
        "mode_source": standing.mode_source,
        "profile": standing.assigned.profile.name,
        "owner": standing.owner,
        "labels": list(standing.assigned.labels),
        "protected": standing.protected.describe() if standing.protected else None,
        "epoch": standing.circuit.epoch,
        "enforceable": standing.enforceable,
        "platform": _platform(standing.platform),
        "pending": pending_as_json(standing.circuit.pending),
        "enforcement": _enforcement(standing.enforcement),
        "probe": _probe(standing.probe) if standing.probe else None,
        "signals": {"bounce": _bounce(counters), "complaint": _complaint(counters)},
        "rejected": counters.totals.rejected,
        "counted_since": counters.restarted_at or None,
        "last_event_at": standing.last_event_at,
        "last_verdict": verdict_as_json(standing.last_verdict) if standing.last_verdict else None,
    }


def explanation_as_json(explanation: Explanation) -> Json:
    """Return an account with its recent sends, its verdicts and its commands."""
    setting = explanation.setting
    return {
        **account_as_json(explanation.standing),
        "recent": {str(seconds): recent_as_json(tally) for seconds, tally in explanation.recent.items()},
        "mode_setting": {
            "reason": setting.reason,
            "author": setting.author,
            "set_at": setting.set_at,
            "expires_at": setting.expires_at,
        }
        if setting
        else None,
        "stop": {
            "confirmed_at": explanation.stop.confirmed_at,
            "refused_at": explanation.stop.refused_at,
            "sends_after": explanation.stop.leaked,
            "last_sent_at": explanation.stop.leaked_at,
        }
        if explanation.stop
        else None,
        "verdicts": [verdict_as_json(one) for one in explanation.verdicts],
        "commands": [command_as_json(one) for one in explanation.commands],
    }


def domain_as_json(standing: DomainStanding) -> Json:
    """Return a sending domain with a circuit of its own."""
    circuit = standing.circuit.circuit
    return {
        "id": standing.id,
        "application_id": standing.application_id,
        "domain": standing.domain,
        "state": circuit.state,
        "since": circuit.since,
        "epoch": circuit.epoch,
        "pending": pending_as_json(circuit.pending),
        "enforcement": _enforcement(standing.enforcement),
        "cause": standing.cause,
        "accounts": standing.accounts,
        "probe": _domain_probe(standing),
        "counted_since": standing.circuit.restarted_at or None,
        "intervals": [{"begins_at": one.begins_at, "ends_at": one.ends_at} for one in standing.circuit.intervals],
        "last_verdict": verdict_as_json(standing.last_verdict) if standing.last_verdict else None,
    }


def feedback_as_json(configured: Collection[str], learnt: Sequence[LearntDomain]) -> Json:
    """Return the recipient domains that are known to send complaint feedback: the second denominator of complaints."""
    return {
        "configured": sorted(configured),
        "learnt": [
            {
                "domain": one.domain,
                "complaints": one.complaints,
                "accounts": one.accounts,
                "learnt_at": one.learnt_at,
            }
            for one in learnt
        ],
    }


def verdict_as_json(verdict: VerdictRecord) -> Json:
    """Return an entry of the audit trail; one about a group's mode has a `scope`, and no states."""
    return {
        "id": verdict.id,
        "account": verdict.account,
        "scope": verdict.scope,
        "at": verdict.at,
        "from": verdict.before,
        "to": verdict.to,
        "detector": verdict.detector,
        "signal": verdict.signal,
        "window": verdict.window,
        "count": verdict.count,
        "of": verdict.of,
        "rate": verdict.rate,
        "threshold": verdict.threshold,
        "headroom": _headroom(verdict.headroom) if verdict.headroom else None,
        "cause": verdict.cause,
        "epoch": verdict.epoch,
        "applied": verdict.applied,
        "held_by": verdict.held_by,
        "why": verdict.why,
        "author": verdict.author,
    }


def report_as_json(report: Report, *, plan: bool, unconfirmed: int | None = None) -> Json:
    """Return what an act did, or would do.

    Args:
        report: What it did.
        plan: Whether it only would.
        unconfirmed: How many accounts the platform was not read back for after waiting, or None if nobody waited.
    """
    return {
        "plan": plan,
        "accounts": report.total,
        "counts": {str(effect): count for effect, count in report.counts.items()},
        "settings": report.settings,
        "results": [
            {
                "account": one.account,
                "address": one.address,
                "from": one.before,
                "to": one.to,
                "effect": one.effect,
                "detail": one.detail,
                "verdict": one.verdict,
            }
            for one in report.listed
        ],
        "truncated": report.total > len(report.listed),
        "unconfirmed": unconfirmed,
    }


def error_as_json(kind: str, message: str, request_id: str) -> Json:
    """Return an error."""
    return {"error": {"type": kind, "message": message}, "request_id": request_id}


def pending_as_json(pending: Pending | None) -> Json | None:
    """Return a held verdict that stands beside a state."""
    if pending is None:
        return None
    return {"verdict": pending.verdict, "to": pending.to, "at": pending.at, "held_by": pending.held_by}


def _platform(platform: PlatformStanding | None) -> Json | None:
    if platform is None:
        return None
    return {"what": platform.what, "scope": platform.scope, "since": platform.since, "source": platform.source}


def _enforcement(enforcement: Enforcement) -> Json:
    return {
        "wanted": enforcement.wanted,
        "confirmed": enforcement.confirmed,
        "since": enforcement.since,
        "attempts": enforcement.attempts,
        "error": enforcement.error,
    }


def _probe(probe: Outlook) -> Json:
    return {
        "phase": probe.phase,
        "round": probe.round,
        "sends": probe.sends,
        "bad": probe.bad,
        "overshoot": probe.overshoot,
        "still_needed_sends": probe.still_needed_sends,
        "still_needed_days": probe.still_needed_days,
        "next_at": probe.next_at,
        "asks": probe.asks,
        "says": probe.says,
    }


def _domain_probe(standing: DomainStanding) -> Json | None:
    """Return a domain's probe, with the account that may send in its round, or did in the last one."""
    return None if standing.probe is None else {**_probe(standing.probe), "account": standing.probed_by}


def _bounce(counters: Counters) -> Json:
    totals = counters.totals
    return {
        "hard_bounces": totals.hard_bounces,
        "sends": totals.sends,
        "rate": rate(totals.hard_bounces, totals.sends),
        "headroom": _headroom(headroom(counters, Signal.BOUNCE)),
        "windows": _windows(counters.bounces, "hard_bounces", "sends"),
        "all_bounces": {"bounces": totals.bounces, "rate": rate(totals.bounces, totals.sends)},
        "by_class": {str(name): count for name, count in counters.by_class.items()},
    }


def _complaint(counters: Counters) -> Json:
    totals = counters.totals
    return {
        "complaints": totals.complaints,
        "delivered": totals.delivered,
        "rate": rate(totals.complaints, totals.delivered),
        "headroom": _headroom(headroom(counters, Signal.COMPLAINT)),
        "windows": _windows(counters.complaints, "complaints", "delivered"),
        "feedback": {
            "complaints": totals.feedback_complaints,
            "delivered": totals.feedback_delivered,
            "rate": rate(totals.feedback_complaints, totals.feedback_delivered),
            "windows": _windows(counters.feedback, "complaints", "delivered"),
        },
    }


def _windows(series: Series, bad: str, total: str) -> Json:
    return {
        str(window.size): {bad: window.bad, total: window.total, "rate": rate(window.bad, window.total)}
        for window in series.windows()
    }


def _headroom(left: Headroom) -> Json:
    return {"bad_outcomes": left.bad_outcomes, "sends": left.sends, "window": left.window}


def recent_as_json(tally: Tally) -> Json:
    """Return what sends are worth."""
    return {
        "sends": tally.sends,
        "hard_bounces": tally.hard_bounces,
        "bounces": tally.bounces,
        "bounce_rate": rate(tally.hard_bounces, tally.sends),
        "delivered": tally.delivered,
        "complaints": tally.complaints,
        "complaint_rate": rate(tally.complaints, tally.delivered),
        "rejected": tally.rejected,
    }


def command_as_json(command: CommandRecord) -> Json:
    """Return a change wanted on the platform, and what became of it."""
    return {
        "kind": command.kind,
        "epoch": command.epoch,
        "created_at": command.created_at,
        "sent_at": command.sent_at,
        "attempts": command.attempts,
        "next_attempt_at": None if command.ended else command.next_attempt_at,
        "error": command.error,
        "ended": command.ended,
        "ended_at": command.ended_at,
    }
