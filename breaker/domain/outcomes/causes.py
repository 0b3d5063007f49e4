"""What the bad outcomes behind a verdict have in common.

A verdict says how many sends went wrong; a person asks why. Where most of the bad outcomes that led to it share
something, it is named: why their servers refused them (a text class), the enhanced status, the recipients' domain, the
sending domain. The most telling comes first: "authentication" says what to repair, "at example.com" only where.

Text classes rest on the bounce class, whose patterns stand in `domain.outcomes.bounces`; refusals (`policy`) are told
apart here, by status (RFC 7372 and RFC 8616's registry, and the codes that Exchange Online documents) and by words.

No address of a recipient is ever part of a cause: it is made of classes, codes and domains alone.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from breaker.domain.outcomes.outcomes import BounceClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

T = TypeVar("T")

FEWEST = 3
"""Bad outcomes that must share something: two that are alike are no pattern."""

SHARE = 0.8
"""The share of the bad outcomes looked at that must have it: one in five may be another trouble's, or a stray."""

LOOKED_AT = 50
"""Bad outcomes that a cause is read from at most, the latest ones."""


class TextClass(StrEnum):
    """Why servers refuse mail, in the words that people use for it."""

    UNKNOWN_USER = "unknown_user"
    AUTHENTICATION = "authentication"
    BLOCKLIST = "blocklist"
    CONTENT = "content"
    REFUSAL = "refusal"


DOMAIN_WIDE = frozenset({TextClass.AUTHENTICATION, TextClass.BLOCKLIST})
"""Those that concern the sending domain rather than one account's list of recipients."""


class Bad(NamedTuple):
    """A bad outcome, as far as causes go.

    Args:
        bounce_class: Why it bounced, or None for a complaint.
        enhanced_status: The status, such as `5.7.26`, or None.
        diagnostic: The server's words, addresses removed, or None.
        recipient_domain: Where it was sent to.
        sender_domain: The domain in From, or None.
    """

    bounce_class: str | None
    enhanced_status: str | None
    diagnostic: str | None
    recipient_domain: str
    sender_domain: str | None


@dataclass(frozen=True, slots=True)
class SharedCause:
    """What bad outcomes share.

    Args:
        name: The same for programs: words and codes, such as `authentication 5.7.26` or `recipient_domain example.com`.
        sentence: The same for people, with how many it holds for.
    """

    name: str
    sentence: str


_AUTHENTICATION_STATUSES = frozenset(
    {"5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.24", "5.7.26", "5.7.29", "5.7.509", "5.7.515"}
)
_AUTHENTICATION = re.compile(
    r"\b(spf|dkim|dmarc)\b|unauthenticated"
    r"|authentication (level|check|failed|failure|result|polic|require?ments)|(fail\w*|pass) (\w+ )?authentication"
    r"|anti-?spoofing",
    re.IGNORECASE,
)
# Whom a server lets write to a group, or relay, is no matter of the domain's records.
_NOT_THE_DOMAINS = re.compile(r"resolver\.rst|authentication required|relay", re.IGNORECASE)

_BLOCKLIST = re.compile(
    r"black-?list|block[- ]?list|\brbl\b|dnsbl|spamhaus|spamcop|barracuda|proofpoint|\bsurbl\b|\buribl\b"
    r"|(poor|bad|low|domain|sender|ip) reputation|blocked using|listed (at|by|in|on)\b|bad outbound sender",
    re.IGNORECASE,
)
_CONTENT = re.compile(
    r"\bspam\b|unsolicited|content|junk ?mail|message filtered|spamsignature|attachment", re.IGNORECASE
)

_OF_BOUNCES: Mapping[str, TextClass] = {
    BounceClass.UNKNOWN_RECIPIENT: TextClass.UNKNOWN_USER,
    BounceClass.CONTENT_OR_SIZE: TextClass.CONTENT,
}

_TOLD: Mapping[TextClass, str] = {
    TextClass.UNKNOWN_USER: "went to addresses that do not exist",
    TextClass.AUTHENTICATION: "failed authentication by SPF, DKIM or DMARC",
    TextClass.BLOCKLIST: "were refused for a blocklist or reputation",
    TextClass.CONTENT: "were refused for their content",
    TextClass.REFUSAL: "were refused by policy",
}


def text_class(bad: Bad) -> TextClass | None:
    """Return why a server refused a message, or None where it did not say, or nobody refused it."""
    if bad.bounce_class != BounceClass.POLICY:
        return _OF_BOUNCES.get(bad.bounce_class or "")
    text = bad.diagnostic or ""
    if bad.enhanced_status in _AUTHENTICATION_STATUSES:
        return TextClass.AUTHENTICATION
    if _AUTHENTICATION.search(text) and not _NOT_THE_DOMAINS.search(text):
        return TextClass.AUTHENTICATION
    if _BLOCKLIST.search(text):
        return TextClass.BLOCKLIST
    return TextClass.CONTENT if _CONTENT.search(text) else TextClass.REFUSAL


def shared_cause(outcomes: Sequence[Bad], own_domain: str = "") -> SharedCause | None:
    """Return what bad outcomes share, the most telling first, or None where they share nothing.

    Args:
        outcomes: The latest bad outcomes of one signal.
        own_domain: The account's own sending domain, which all of its mail shares and which therefore explains nothing.
    """
    of = len(outcomes)
    classes = [text_class(one) for one in outcomes]
    statuses = [one.enhanced_status for one in outcomes]
    why = _common(classes)
    status = _common(statuses)
    recipients = _common(one.recipient_domain or None for one in outcomes)
    if why is not None:
        both = _common(
            (one, code) if one is why[0] and code else None for one, code in zip(classes, statuses, strict=True)
        )
        code = both[0][1] if both else None
        name = f"{why[0]} {code}" if code else str(why[0])
        told = f"{_many(why[1], of)} {_TOLD[why[0]]}{f' ({code})' if code else ''}"
        return SharedCause(name, f"{told}{_where(recipients, of)}.")
    if status is not None:
        told = f"{_many(status[1], of)} were answered {status[0]}"
        return SharedCause(f"status {status[0]}", f"{told}{_where(recipients, of)}.")
    if recipients is not None:
        return SharedCause(f"recipient_domain {recipients[0]}", f"{_many(recipients[1], of)} were at {recipients[0]}.")
    senders = _common(one.sender_domain or None for one in outcomes)
    if senders is not None and senders[0] != own_domain:
        return SharedCause(f"sending_domain {senders[0]}", f"{_many(senders[1], of)} were sent as {senders[0]}.")
    return None


def _common(values: Iterable[T | None]) -> tuple[T, int] | None:
    """Return the value that enough of them are, and how many; None is no value."""
    counts = Counter(values)
    of = counts.total()
    del counts[None]
    if not counts:
        return None
    [(value, count)] = counts.most_common(1)
    return (value, count) if value is not None and count >= FEWEST and count >= SHARE * of else None


def _where(recipients: tuple[str, int] | None, of: int) -> str:
    if recipients is None:
        return ""
    return f", all at {recipients[0]}" if recipients[1] == of else f", {recipients[1]:,} at {recipients[0]}"


def _many(count: int, of: int) -> str:
    return f"All of the latest {of:,}" if count == of else f"{count:,} of the latest {of:,}"
