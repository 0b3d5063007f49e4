"""Errors of the API: one shape for all, with an id by which a request is found in the log."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from aiohttp import web

from breaker.adapters.http.presentation import error_as_json
from breaker.domain.acts.acts import NobodyError, RefusedError
from breaker.domain.standing.listing import CursorError
from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_HEADER = "X-Request-Id"
_RETRY_AFTER = {"Retry-After": "5"}

log = structlog.get_logger(__name__)


class Problem(Exception):  # noqa: N818 - it is an answer as much as an error
    """Why a request is not answered as it was meant.

    Args:
        status: The HTTP status.
        kind: A word for programs.
        message: A sentence for people.
        headers: What the answer carries besides.
    """

    def __init__(self, status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.headers = headers


def bad_value(name: str, message: str) -> Problem:
    """Return the problem of a parameter or field that has no usable value."""
    return Problem(HTTPStatus.BAD_REQUEST, "bad_request", f"{name}: {message}")


def respond(value: Any, status: int = HTTPStatus.OK) -> web.Response:  # noqa: ANN401 - whatever JSON can hold
    """Return an answer in JSON."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


@web.middleware
async def problems_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Give every request an id, and every error the one shape."""
    request_id = uuid.uuid4().hex
    try:
        response = await handler(request)
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets the one shape
        problem = _problem_of(error, request, request_id)
        response = respond(error_as_json(problem.kind, str(problem), request_id), problem.status)
        response.headers.update(problem.headers or {})
    response.headers[_HEADER] = request_id
    return response


def _problem_of(error: Exception, request: web.Request, request_id: str) -> Problem:
    match error:
        case Problem():
            problem = error
        case CursorError():
            problem = bad_value("cursor", str(error))
        case NobodyError():
            problem = Problem(HTTPStatus.NOT_FOUND, "not_found", str(error))
        case RefusedError():
            problem = Problem(HTTPStatus.CONFLICT, "refused", str(error))
        case StoreError():
            log.warning("request not answered", path=request.path, request_id=request_id, error=str(error))
            sentence = "the database cannot be used now"
            problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", sentence, _RETRY_AFTER)
        case web.HTTPException():
            kind = HTTPStatus(error.status).phrase.lower().replace(" ", "_")
            problem = Problem(error.status, kind, error.text or error.reason, _allowed(error))
        case _:
            log.error("request failed", path=request.path, request_id=request_id, exc_info=error)
            sentence = f"this is a fault of Breaker's: see {request_id} in its log"
            problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", sentence)
    return problem


def _allowed(error: web.HTTPException) -> Mapping[str, str]:
    return {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
