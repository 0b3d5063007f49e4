"""What an answer to a drill's send means.

The text of a refusal by an outbound rule is not published, so a 403 that says nothing else is taken for one; that the
platform's operations or the API key are behind it is told by its words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from breaker.domain.platform.platform_standing import SendRefusal, refusal_of

ATTEMPTS = 5
"""Sends that a drill tries at most in one step: each that is accepted is real mail."""

_OF_THE_KEY = re.compile(r"unauthori[sz]ed|api.?key|credential|authenticat|permission|scope", re.IGNORECASE)
"""A 403 that speaks of one of these is about who asks."""

_PASSING = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class SendAnswer:
    """What the platform answered to a send.

    Args:
        status: The HTTP status, or None where there was no answer.
        message: The text of its error, without addresses.
        message_id: The id of the accepted message.
    """

    status: int | None
    message: str = ""
    message_id: str | None = None


class Sent(StrEnum):
    """What became of a send."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """With 403, as an outbound rule does it."""
    REFUSED_OTHERWISE = "refused_otherwise"
    """For a reason that says nothing of Breaker's rule."""
    KEY_REJECTED = "key_rejected"
    GONE = "gone"
    """The platform does not know the grant."""
    UNANSWERED = "unanswered"
    """Not answered, or put off: it may be tried again."""


def sent(answer: SendAnswer) -> Sent:
    """Return what an answer means."""
    status = answer.status
    if status is None or status >= 500 or status in _PASSING:  # noqa: PLR2004 - HTTP's
        return Sent.UNANSWERED
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's
        return Sent.ACCEPTED
    if status == 401 or (status == 403 and _OF_THE_KEY.search(answer.message)):  # noqa: PLR2004 - HTTP's
        return Sent.KEY_REJECTED
    if status == 404:  # noqa: PLR2004 - HTTP's
        return Sent.GONE
    if status == 403 and refusal_of(status, answer.message) is not SendRefusal.RESTRICTED:  # noqa: PLR2004 - HTTP's
        return Sent.REFUSED
    return Sent.REFUSED_OTHERWISE


def refused_for(answer: SendAnswer) -> str:
    """Return an answer that was no success, for people."""
    if answer.status is None:
        return answer.message or "no answer"
    return f"{answer.status}: {answer.message}" if answer.message else str(answer.status)
