"""What an answer other than success means: the platform's statuses and error types, sorted by what to do.

Nothing that the platform says is passed on as it is: its texts repeat what was sent, addresses included.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from breaker.ports import CredentialsRejectedError, GiveUpError, GoneError, TryAgainError

if TYPE_CHECKING:
    from breaker.ports import PlatformError

_PASSING = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Client errors that pass by themselves."""

_WEBHOOK_GONE = "70000"
"""Webhook endpoints answer 400 with this type for a destination that is not there (OpenAPI, `delete_400`)."""

_OF_THE_KEY = re.compile(r"unauthori[sz]ed|api.?key|credential|authenticat|permission|scope", re.IGNORECASE)
"""A 403 that speaks of one of these is about who asks; any other is about what was asked."""

_ADDRESS = re.compile(r"[^\s\"'<>,;:()\[\]]+@[^\s\"'<>,;:()\[\]]+")
_LONGEST_TEXT = 200


class _Error(msgspec.Struct):
    type: str = ""
    message: str = ""


class _Envelope(msgspec.Struct):
    error: _Error


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def sorted_error(what: str, status: int, body: bytes, retry_after: str | None, now: float) -> PlatformError:
    """Return the error for an answer other than success.

    Args:
        what: The request, without anything that tells whom it was about.
        status: The HTTP status.
        body: The answer's body.
        retry_after: The header of that name, or None.
        now: Unix seconds, for a header that names a date.
    """
    try:
        error = _ENVELOPE.decode(body).error
    except msgspec.MsgspecError:
        # The platform's API answers every error in JSON, so this is something in between that passes.
        return TryAgainError(f"{what} was answered {status}, and not by the platform's API", _seconds(retry_after, now))
    said = f"{what} was answered {status} ({error.type}): {redacted(error.message)}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
        return TryAgainError(said, _seconds(retry_after, now))
    if status == HTTPStatus.UNAUTHORIZED:
        return CredentialsRejectedError(said)
    if status == HTTPStatus.FORBIDDEN and _OF_THE_KEY.search(f"{error.type} {error.message}"):
        return CredentialsRejectedError(said)
    if status == HTTPStatus.NOT_FOUND or (status == HTTPStatus.BAD_REQUEST and error.type == _WEBHOOK_GONE):
        return GoneError(said)
    return GiveUpError(said)


def redacted(text: str) -> str:
    """Return a text of the platform, shortened and without addresses."""
    return _ADDRESS.sub("[address]", text)[:_LONGEST_TEXT]


def _seconds(retry_after: str | None, now: float) -> float | None:
    """Return the wait that a `Retry-After` header asks for, in seconds (RFC 9110, 10.2.3), or None."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except ValueError:
        return None
