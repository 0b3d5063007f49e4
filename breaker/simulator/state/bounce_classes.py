"""What kind of bounce the platform takes one for: in its send events, and in the rate that it judges accounts by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

BounceClass = Literal["hard", "soft", "undetermined"]

_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_BASIC = re.compile(r"\b([45])\d\d\b")
#: The transport's subtypes that are transient (SES: bounceSubType); `Undetermined` is neither.
_SOFT_TYPES = frozenset({"MailboxFull", "MessageTooLarge", "ContentRejected", "AttachmentRejected"})
#: Enhanced status codes of addresses that do not exist (RFC 3463 X.1.*, without the sender's X.1.7 and X.1.8).
_ADDRESS_SUBJECT = "1"
_SENDERS_OWN = frozenset({"7", "8"})


@dataclass(frozen=True, slots=True)
class BounceKind:
    """What a bounce is.

    Attributes:
        bounce_class: As send events have it (DOC get-send-event).
        nonexistent: Whether the address does not exist; only these count in the platform's bounce rate (DOC
            send-limits).
        enhanced: The enhanced status code, if there is one.
    """

    bounce_class: BounceClass
    nonexistent: bool
    enhanced: str | None


def kind_of(bounce_type: str, diagnostic_code: str | None) -> BounceKind:
    """Return what a bounce is, by its diagnostic text first and by its type where that says nothing."""
    text = diagnostic_code or ""
    enhanced = _ENHANCED.search(text)
    if enhanced is not None:
        permanent = enhanced[1] == "5"
        nonexistent = permanent and enhanced[2] == _ADDRESS_SUBJECT and enhanced[3] not in _SENDERS_OWN
        transient = not permanent or bounce_type in _SOFT_TYPES
        return BounceKind("soft" if transient else "hard", nonexistent, enhanced[0])
    basic = _BASIC.search(text)
    if bounce_type == "Undetermined":
        return BounceKind("undetermined", nonexistent=False, enhanced=None)
    if bounce_type in _SOFT_TYPES or (basic is not None and basic[1] == "4"):
        return BounceKind("soft", nonexistent=False, enhanced=None)
    return BounceKind("hard", nonexistent=True, enhanced=None)
