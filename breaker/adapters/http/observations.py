"""`POST /api/v1/observations`: what a send path saw the platform answer.

    {"observations": [{"account": "agent@agents.example.com", "status": 400, "type": "invalid_request_error",
                       "message": "…", "at": 1763640000, "request_id": "5fa64c92-…"}]}

Each is read by itself: a bad one is told with its place and takes nothing from its neighbours. Recipients have no field
here, and addresses in the text are removed before anything is kept.
"""

from __future__ import annotations

from http import HTTPStatus
from math import isfinite
from typing import TYPE_CHECKING, Protocol

import msgspec
from aiohttp import web

from breaker.adapters.http.problems import Problem, bad_value
from breaker.adapters.nylas.errors import redacted
from breaker.domain.acts.selectors import Scope, parse_selector
from breaker.domain.platform.platform_standing import Example, Source
from breaker.ports import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from breaker.domain.platform.platform_standing import SendRefusal

MOST = 500
"""Observations in one request."""

OLDEST, AHEAD = 86_400.0, 300.0
"""Seconds that an observation may be old, and that its clock may be ahead of ours."""

_LONGEST = 256
_STATUSES = range(100, 600)
_TOO_LARGE = "the body is too large: send fewer observations at once"


class Observation(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One answer of the platform to a send.

    Args:
        account: The account's grant id or address.
        status: The HTTP status, or SMTP's 451.
        type: The error's type.
        message: The error's text.
        at: When, Unix seconds; now where it is missing.
        application: The application, where the account is in several.
        retry_after: Seconds that the answer asked to wait for.
        request_id: The platform's id of the request, which its support asks for.
    """

    account: str
    status: int
    type: str = ""
    message: str = ""
    at: float | None = None
    application: str | None = None
    retry_after: float | None = None
    request_id: str | None = None


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    observations: list[msgspec.Raw]


class Refusals(Protocol):
    """Takes in refused sends."""

    def reason(self, status: int | None, message: str) -> SendRefusal | None:
        """Return why a send was refused, by its status and text, or None where it was not."""
        ...

    async def __call__(self, refused: Sequence[Refused]) -> Sequence[Exception | None]:
        """Note refused sends; return for each why it was not noted, or None."""
        ...


_read_body = msgspec.json.Decoder(_Body)
_read_one = msgspec.json.Decoder(Observation)


async def take_observations(request: web.Request, refusals: Refusals, now: float) -> dict[str, Any]:
    """Take observations in, and return what became of each.

    Raises:
        Problem: The body as a whole can't be read; nothing of it was taken.
    """
    given = await _observations(request)
    results: list[dict[str, Any]] = [
        {"index": index, "result": "accepted", "refusal": None} for index in range(len(given))
    ]
    refused: list[tuple[int, Refused]] = []
    for index, raw in enumerate(given):
        try:
            one = _refused(_read_one.decode(raw), refusals, now)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
            results[index] |= {"result": "error", "error": _sentence(error)}
        else:
            if one is not None:
                refused.append((index, one))
    problems = await refusals([one for _, one in refused])
    for (index, one), problem in zip(refused, problems, strict=True):
        results[index] |= {"refusal": one.refusal, "result": "noted"} if problem is None else _not_noted(problem)
    errors = sum(one["result"] == "error" for one in results)
    return {"taken": len(results) - errors, "errors": errors, "results": results}


async def _observations(request: web.Request) -> Sequence[msgspec.Raw]:
    try:
        found = _read_body.decode(await request.read()).observations
    except web.HTTPRequestEntityTooLarge as error:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", _TOO_LARGE) from error
    except msgspec.ValidationError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "bad_request", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "bad_request", "the body is not JSON") from error
    if len(found) > MOST:
        raise bad_value("observations", f"there are {len(found):,}; send {MOST} at most at once")
    return found


def _refused(one: Observation, refusals: Refusals, now: float) -> Refused | None:
    """Return the refused send of an observation, or None where the send was not refused.

    Raises:
        ValueError: A field has no usable value.
    """
    selector = parse_selector(one.account)
    if selector.scope is not Scope.ACCOUNT:
        raise ValueError("account: must be a grant id or an address")
    if one.status not in _STATUSES:
        raise ValueError("status: must be from 100 to 599")
    at = now if one.at is None else one.at
    if not (isfinite(at) and now - OLDEST <= at <= now + AHEAD):
        raise ValueError("at: must be Unix seconds of the last day, and not ahead of now")
    if one.retry_after is not None and not (isfinite(one.retry_after) and one.retry_after >= 0):
        raise ValueError("retry_after: must be a number of seconds")
    for name, text in (("type", one.type), ("request_id", one.request_id or "")):
        if len(text) > _LONGEST or not text.isprintable():
            raise ValueError(f"{name}: must be printable, and {_LONGEST} characters at most")
    refusal = refusals.reason(one.status, one.message)
    if refusal is None:
        return None
    message = redacted("".join(each if each.isprintable() else " " for each in one.message))
    example = Example(one.status, redacted(one.type), message, min(at, now), one.request_id)
    return Refused(one.application, selector.name, refusal, example, Source.OBSERVATION, one.retry_after)


def _not_noted(problem: Exception) -> dict[str, str]:
    return {"result": "error", "error": f"account: {problem}"}


def _sentence(error: Exception) -> str:
    if isinstance(error, msgspec.DecodeError | UnicodeDecodeError | RecursionError):
        return str(error) if isinstance(error, msgspec.ValidationError) else "it can't be read as JSON"
    return str(error)
