"""Suppression: which recipients are not written to any more, and for how long.

Two outcomes say something of the recipient's own: that there is no such mailbox, and that its owner does not want the
mail. What bounces for anything else may be delivered tomorrow, so it suppresses nobody.

Who is suppressed stays so until its retention ends or a person erases it. A delivery does not end it: servers that
accept first and refuse later say both of one message, in any order; and once the platform refuses the mail, only what
goes past its rules can still be delivered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind

if TYPE_CHECKING:
    from breaker.domain.outcomes.outcomes import DeliveryEvent, Recipient

_LONGEST = 320  # an address has at most 64 + 1 + 254 characters (RFC 5321, 4.5.3.1)
_LISTABLE = re.compile(r"[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\]+\.[^\s@<>()\[\],;:\"\\.]+")
_PERSON = b"suppression"


class Reason(StrEnum):
    """Why a recipient is suppressed."""

    UNKNOWN_RECIPIENT = "unknown_recipient"
    COMPLAINT = "complaint"


class Suppressed(NamedTuple):
    """A recipient that bounced or complained.

    Args:
        application_id: The application that wrote to it.
        address: Its address, lower case.
        reason: Why.
        at: When it bounced or complained, Unix seconds.
    """

    application_id: str
    address: str
    reason: Reason
    at: float


@dataclass(frozen=True, slots=True)
class Suppressing:
    """Who is to be suppressed.

    Args:
        reasons: For what.
        retention: Seconds that it lasts.
    """

    reasons: frozenset[Reason]
    retention: float

    def suppressed(self, event: DeliveryEvent, recipient: Recipient, now: float) -> Suppressed | None:
        """Return a recipient that an outcome suppresses, or None.

        Args:
            event: What was heard.
            recipient: Whom of its recipients it is about.
            now: Unix seconds.
        """
        reason = _reason(event.kind, recipient.bounce_class)
        if reason is None or reason not in self.reasons:
            return None
        at = min(event.occurred_at, now)
        if at <= now - self.retention or not is_listable(recipient.address):
            return None
        return Suppressed(event.application_id, recipient.address, reason, at)


def is_listable(address: str) -> bool:
    """Tell whether the platform can look an address up in a list; what is none at all would only be refused there."""
    return len(address) <= _LONGEST and address.isprintable() and _LISTABLE.fullmatch(address) is not None


def fingerprint(address: str, key: bytes) -> str:
    """Return by what an address is known again in the audit trail, where nobody can read it.

    Args:
        address: The address.
        key: The key that sends are hashed with.
    """
    hashed = blake2b(address.encode("utf-8", "surrogatepass"), digest_size=16, key=key, person=_PERSON)
    return hashed.hexdigest()


def _reason(kind: OutcomeKind, bounce_class: BounceClass | None) -> Reason | None:
    if kind is OutcomeKind.COMPLAINT:
        return Reason.COMPLAINT
    unknown = kind is OutcomeKind.BOUNCED and bounce_class is BounceClass.UNKNOWN_RECIPIENT
    return Reason.UNKNOWN_RECIPIENT if unknown else None
