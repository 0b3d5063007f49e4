"""What is done about an account or a domain that was held on the platform and is there no more.

Somebody else took it out. It may have been a mistake, so it is put back once. If it goes missing again while nothing
else is wanted of it, somebody means it: Breaker yields, and pages. Where Breaker may not act it only says what is.
"""

from __future__ import annotations

from enum import StrEnum


class Response(StrEnum):
    """What is done about it."""

    REPORTED = "reported"
    """Nothing: Breaker only observes there, or is on hold."""
    REPAIRED = "repaired"
    """It is put back."""
    YIELDED = "yielded"
    """Nothing any more: it was put back before, and is left to people."""


NOT_PUT_BACK = "somebody else took out what held it on the platform, and Breaker may not act for it"
LEFT_TO_PEOPLE = "somebody else took out what held it on the platform, again after Breaker had put it back"


def respond(*, told: bool, put_back: bool, left: bool, may_act: bool) -> Response | None:
    """Return what is done about somebody who is missing, or None where that was done already.

    Args:
        told: Whether it is known to be missing, and was not back since.
        put_back: Whether it was put back before.
        left: Whether it was left to people before.
        may_act: Whether Breaker may act for it.
    """
    if left or put_back:
        return None if told else Response.YIELDED
    if may_act:
        return Response.REPAIRED
    return None if told else Response.REPORTED
