"""What servers say when they refuse mail, in the manner of each provider.

The enhanced status codes are those of RFC 3463 and 7372 and, where providers use ones of their own (5.1.10, 5.7.26,
5.7.515), theirs; the texts are shortened to what tells one refusal from another. `{address}` stands for the recipient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from breaker.simulator.mail.domains import provider_of
from breaker.simulator.mail.fates import Fate

if TYPE_CHECKING:
    from collections.abc import Mapping


class Refusal(NamedTuple):
    """A bounce's type, and the remote server's words; None where the transport passes none on."""

    bounce_type: str
    diagnostic_code: str | None


_GOOGLE = {
    Fate.GONE: "550 5.1.1 The email account that you tried to reach does not exist: {address}",
    Fate.FULL: "452 4.2.2 The recipient's inbox is out of storage space: {address}",
    Fate.UNWANTED: "550 5.7.1 This message is likely unsolicited mail and has been blocked",
}
_MICROSOFT = {
    Fate.GONE: "550 5.5.0 Requested action not taken: mailbox unavailable ({address})",
    Fate.FULL: "552 5.2.2 Mailbox full",
    Fate.UNWANTED: "550 5.7.1 Message refused because of its content",
}
_MICROSOFT_365 = {
    **_MICROSOFT,
    Fate.GONE: "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {address} not found by SMTP address lookup",
}
_YAHOO = {
    Fate.GONE: "554 30 Sorry, your message to {address} cannot be delivered. This mailbox is disabled",
    Fate.FULL: "552 5.2.2 {address} has exceeded its storage allocation",
    Fate.UNWANTED: "554 5.7.9 Message not accepted for policy reasons",
}
_OTHER = {
    Fate.GONE: "550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox table",
    Fate.FULL: "452 4.2.2 <{address}>: over quota",
    Fate.UNWANTED: "554 5.6.0 Message content rejected",
}
_WORDING: Mapping[str, Mapping[Fate, str]] = {
    "gmail": _GOOGLE,
    "google workspace": _GOOGLE,
    "microsoft": _MICROSOFT,
    "microsoft 365": _MICROSOFT_365,
    "yahoo": _YAHOO,
}

#: How providers refuse mail whose sending domain fails authentication; those that are not here take it.
_UNAUTHENTICATED: Mapping[str, str] = {
    "gmail": "550 5.7.26 This mail has been blocked because the sender is unauthenticated",
    "google workspace": "550 5.7.26 This mail has been blocked because the sender is unauthenticated",
    "microsoft": "550 5.7.515 Access denied, sending domain does not meet the required authentication level",
    "microsoft 365": "550 5.7.509 Access denied, sending domain does not pass DMARC verification",
    "yahoo": "554 5.7.9 Message not accepted for policy reasons: authentication failed",
    "icloud": "550 5.7.1 Your email was rejected due to having a domain present that fails DMARC policy",
}

_TYPES = {
    Fate.GONE: "General",
    Fate.LATE: "General",
    Fate.FULL: "MailboxFull",
    Fate.OVERFULL: "MailboxFull",
    Fate.UNWANTED: "ContentRejected",
    Fate.SUPPRESSED: "OnAccountSuppressionList",
}
_SAME_WORDS = {Fate.LATE: Fate.GONE, Fate.OVERFULL: Fate.FULL}


def refusal(fate: Fate, address: str) -> Refusal:
    """Return how a bounce of this fate is worded by the recipient's server."""
    if fate is Fate.SUPPRESSED:
        return Refusal(_TYPES[fate], None)
    provider = provider_of(address.rpartition("@")[2])
    words = _WORDING.get(provider.name if provider is not None else "", _OTHER)
    return Refusal(_TYPES[fate], "smtp; " + words[_SAME_WORDS.get(fate, fate)].format(address=address))


def unauthenticated(address: str) -> Refusal | None:
    """Return how mail of a domain with broken authentication is refused, or None where it is taken all the same."""
    provider = provider_of(address.rpartition("@")[2])
    words = _UNAUTHENTICATED.get(provider.name) if provider is not None else None
    return None if words is None else Refusal("General", f"smtp; {words}")
