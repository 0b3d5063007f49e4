"""Why a message bounced, read from what the receiving server said.

The platform's bounce events carry a free `type` (the transport's bounce subtype) and, most of the time, the receiving
server's diagnostic text. The text is the better witness: `General` says nothing, and `MailboxFull` has been seen beside
`550 user unknown`. So the enhanced status (RFC 3463) and the words are asked first, and the type last.

Order of evidence:
    1. the transport's words that it did not even try, whatever status it puts beside them;
    2. an enhanced status whose meaning is beyond doubt (`5.1.1`, `5.2.2`, ...);
    3. the words of the text;
    4. the class of the enhanced status (`5.7.x`, `4.x.x`);
    5. the three-digit reply code (RFC 5321);
    6. the type.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from breaker.domain.outcomes.outcomes import BounceClass

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENHANCED_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]\d)")
_REPLY_CODE = re.compile(r"(?<![\d.\-#])([45]\d\d)(?=[\s\-]|$)")

# RFC 3463 and the IANA registry "SMTP Enhanced Status Codes"; 5.1.10 is RFC 7505's null MX, also used by Exchange for
# recipients that do not exist, as is 5.4.1 by Exchange Online. 5.1.7 and 5.1.8 speak of the sender's address, whatever
# the words beside them say of an unknown domain.
_CERTAIN: Mapping[tuple[str, int, int], BounceClass] = {
    ("5", 1, 1): BounceClass.UNKNOWN_RECIPIENT,
    ("5", 1, 2): BounceClass.UNKNOWN_RECIPIENT,
    ("5", 1, 3): BounceClass.UNKNOWN_RECIPIENT,
    ("5", 1, 6): BounceClass.UNKNOWN_RECIPIENT,
    ("5", 1, 7): BounceClass.POLICY,
    ("5", 1, 8): BounceClass.POLICY,
    ("5", 1, 10): BounceClass.UNKNOWN_RECIPIENT,
    ("5", 4, 1): BounceClass.UNKNOWN_RECIPIENT,
    ("5", 2, 2): BounceClass.MAILBOX_FULL,
    ("4", 2, 2): BounceClass.MAILBOX_FULL,
    ("5", 2, 3): BounceClass.CONTENT_OR_SIZE,
    ("5", 3, 4): BounceClass.CONTENT_OR_SIZE,
    ("5", 7, 20): BounceClass.POLICY,
    ("5", 7, 23): BounceClass.POLICY,
    ("5", 7, 25): BounceClass.POLICY,
    ("5", 7, 26): BounceClass.POLICY,
}

_NOT_TRIED = re.compile(r"suppression list|(has|is|was|been) suppressed", re.IGNORECASE)

_WORDS: tuple[tuple[BounceClass, re.Pattern[str]], ...] = (
    (
        BounceClass.MAILBOX_FULL,
        re.compile(
            r"mailbox (is )?full|over.{0,15}quota|quota exceeded|exceeded.{0,20}quota|out of storage", re.IGNORECASE
        ),
    ),
    (
        BounceClass.UNKNOWN_RECIPIENT,
        re.compile(
            r"user (is )?unknown|unknown (user|recipient|address|mailbox|local)"
            r"|no such (user|recipient|address|mailbox)"
            r"|does(n't| not) exist|invalid (recipient|mailbox|address|user)|mailbox (not found|unavailable)"
            r"|(user|recipient|address|account|mailbox) (not found|unknown)|no mailbox here"
            r"|not a valid (recipient|mailbox)|doesn't have an? \S{1,80} account|unroute?able"
            r"|(account|mailbox) (is |has been )?(disabled|inactive|closed)|recipient rejected|not our customer"
            r"|(host|domain) (name )?(not found|unknown)|nxdomain|null mx",
            re.IGNORECASE,
        ),
    ),
    (
        BounceClass.TRANSIENT,
        re.compile(
            r"grey-?list|try again later|temporarily (deferred|rejected|unavailable)|rate.?limit", re.IGNORECASE
        ),
    ),
    (
        BounceClass.POLICY,
        re.compile(
            r"\bspf\b|\bdkim\b|\bdmarc\b|authenticat|black-?list|block-?list|\brbl\b|dnsbl|spamhaus|barracuda"
            r"|proofpoint|reputation|unsolicited|\bspam\b|\bpolic(y|ies)\b|not authorized|access denied|blocked"
            r"|administrative prohibition",
            re.IGNORECASE,
        ),
    ),
    (
        BounceClass.CONTENT_OR_SIZE,
        re.compile(
            r"too large|size limit|message size|exceeds.{0,20}size|attachment|content (rejected|not accepted)"
            r"|\bvirus\b",
            re.IGNORECASE,
        ),
    ),
)

# Bounce subtypes of Amazon SES, the transport that the platform's own examples name.
_TYPES: Mapping[str, BounceClass] = {
    "noemail": BounceClass.UNKNOWN_RECIPIENT,
    "mailboxfull": BounceClass.MAILBOX_FULL,
    "messagetoolarge": BounceClass.CONTENT_OR_SIZE,
    "contentrejected": BounceClass.CONTENT_OR_SIZE,
    "attachmentrejected": BounceClass.CONTENT_OR_SIZE,
    "suppressed": BounceClass.SUPPRESSED,
    "onaccountsuppressionlist": BounceClass.SUPPRESSED,
}

_LONGEST_READ = 2000
"""Characters of a diagnostic text that are read: servers say what matters first, and a hostile text costs no more."""


# A match begins where a word does: to try from within one too would take a long word's length squared.
_ADDRESS = re.compile(r"(?<![^\s<>@,;:'\"()\[\]])[^\s<>@,;:'\"()\[\]]+@[^\s<>@,;:'\"()]+")
_BLANKS = " \t\r\n"
_SHORTEST_NAME = 3
_LONGEST_KEPT = 500


def enhanced_status(diagnostic: str | None) -> str | None:
    """Return the first enhanced status code in a diagnostic text, such as `5.1.1`, or None."""
    found = _ENHANCED_STATUS.search(diagnostic[:_LONGEST_READ]) if diagnostic else None
    return found.group(0) if found else None


def without_addresses(diagnostic: str, recipient: str) -> str:
    """Return a diagnostic text as it may be stored: without addresses, the recipient's name, or control characters.

    Args:
        diagnostic: The text as it came.
        recipient: The recipient's address, whose local part servers like to repeat alone.
    """
    text = diagnostic[:_LONGEST_READ]
    if len(diagnostic) > _LONGEST_READ:  # half an address would not be known for one
        text = text[: max(0, *map(text.rfind, _BLANKS))]
    text = _ADDRESS.sub("<address>", text)
    local_part = recipient.partition("@")[0]
    if len(local_part) >= _SHORTEST_NAME:
        text = re.sub(rf"(?<!\w){re.escape(local_part)}(?!\w)", "<address>", text, flags=re.IGNORECASE)
    return "".join(character if character.isprintable() else " " for character in text)[:_LONGEST_KEPT]


def classify(diagnostic: str | None, bounce_type: str | None) -> BounceClass:
    """Return the class of a bounce.

    Args:
        diagnostic: What the receiving server said, such as `smtp; 550 5.1.1 user unknown`, or None.
        bounce_type: The event's `bounce.type`, such as `General` or `MailboxFull`, or None.

    Returns:
        The class; `UNDETERMINED` where nothing tells, which counts as a hard bounce.
    """
    by_text = _by_diagnostic(diagnostic[:_LONGEST_READ]) if diagnostic else None
    if by_text is not None:
        return by_text
    return _TYPES.get((bounce_type or "").strip().lower(), BounceClass.UNDETERMINED)


def _by_diagnostic(text: str) -> BounceClass | None:
    if _NOT_TRIED.search(text):
        return BounceClass.SUPPRESSED
    status = _ENHANCED_STATUS.search(text)
    if status:
        certain = _CERTAIN.get((status[1], int(status[2]), int(status[3])))
        if certain is not None:
            return certain
    reply = _REPLY_CODE.search(text)
    temporary = status[1] == "4" if status else bool(reply and reply[1].startswith("4"))
    for bounce_class, words in _WORDS:
        if words.search(text):
            softened = temporary and bounce_class is not BounceClass.MAILBOX_FULL
            return BounceClass.TRANSIENT if softened else bounce_class
    if temporary:
        return BounceClass.TRANSIENT
    return _by_status_class(status) or _by_reply_code(reply)


def _by_status_class(status: re.Match[str] | None) -> BounceClass | None:
    """Read the subject of a permanent status: addressing, mailbox, network, content, policy (RFC 3463, section 3)."""
    if status is None:
        return None
    subject, detail = int(status[2]), int(status[3])
    if subject == 1 or (subject, detail) in {(2, 1), (4, 4)}:
        return BounceClass.UNKNOWN_RECIPIENT
    return {6: BounceClass.CONTENT_OR_SIZE, 7: BounceClass.POLICY}.get(subject)


def _by_reply_code(reply: re.Match[str] | None) -> BounceClass | None:
    return {"551": BounceClass.UNKNOWN_RECIPIENT, "552": BounceClass.MAILBOX_FULL}.get(reply[1]) if reply else None
