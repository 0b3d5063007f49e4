"""What was looked up at the platform, and how an account stood in the past, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.http.fleet_presentation import set_mode_as_json
from breaker.adapters.http.presentation import command_as_json, pending_as_json, recent_as_json, verdict_as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.adapters.http.presentation import Json
    from breaker.domain.standing.lookups import BadRecipient, RefusedSend
    from breaker.domain.standing.past import Past
    from breaker.ports import Account


def refused_as_json(account: Account, refused: Sequence[RefusedSend], *, recipients: bool) -> Json:
    """Return the refused sends of an account; `recipients` only where somebody asked for them."""
    return {
        "account": account.id,
        "address": account.address,
        "refused": [
            {
                "at": one.at,
                "message_id": one.message_id,
                "why": "evaluation_failed" if one.failed else "blocked_by_rule",
                "rules": list(one.rules),
                "type": one.type,
                **({"recipients": list(one.recipients)} if recipients else {}),
            }
            for one in refused
        ],
    }


def recipients_as_json(account: Account, found: Sequence[BadRecipient]) -> Json:
    """Return the recipients whose mail bounced or who complained."""
    return {
        "account": account.id,
        "address": account.address,
        "recipients": [
            {
                "at": one.at,
                "recipient": one.address,
                "what": one.kind,
                "class": one.bounce_class,
                "diagnostic": one.diagnostic,
                "message_id": one.message_id,
            }
            for one in found
        ],
    }


def past_as_json(past: Past) -> Json:
    """Return how an account stood at a moment."""
    standing = past.standing
    return {
        "id": standing.id,
        "application_id": standing.application_id,
        "grant_id": standing.grant_id,
        "address": standing.address,
        "at": past.at,
        "state": past.state,
        "since": past.since,
        "epoch": past.epoch,
        "pending": pending_as_json(past.pending),
        "mode_setting": set_mode_as_json(past.mode) if past.mode else None,
        "recent": {str(seconds): recent_as_json(tally) for seconds, tally in past.recent.items()},
        "verdicts": [verdict_as_json(one) for one in past.verdicts],
        "commands": [command_as_json(one) for one in past.commands],
    }
