"""What every endpoint does alike: find the application, read the body, write the envelope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec
from aiohttp import web

from breaker.simulator.application import Application
from breaker.simulator.errors import ErrorFamily
from breaker.simulator.state.paging import DEFAULT_LIMIT, MAXIMUM_LIMIT, Page, PageRequest, Record

if TYPE_CHECKING:
    from breaker.simulator.state.base import Json

APPLICATION = web.RequestKey("application", Application)
REQUEST_ID = web.RequestKey("request_id", str)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = TypeVar("Body")


def json_response(content: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return an answer of JSON."""
    return web.Response(
        body=msgspec.json.encode(content), status=status, headers=headers, content_type="application/json"
    )


def answer(request: web.Request, data: object, status: int = 200, **beside: object) -> web.Response:
    """Return a successful answer: the request's id, the data, and what stands beside it."""
    return json_response({"request_id": request[REQUEST_ID], "data": data, **beside}, status)


def deleted(request: web.Request) -> web.Response:
    """Return the answer to a deletion: the request's id alone."""
    return json_response({"request_id": request[REQUEST_ID]})


def page(
    request: web.Request, found: Page[Record], shown: Callable[[Record], Json], *, nested: bool = False
) -> web.Response:
    """Return one page; flat as the OpenAPI file has it, or nested as some SDKs unwrap it."""
    records = [shown(record) for record in found.records]
    cursor: Json = {} if found.next_cursor is None else {"next_cursor": found.next_cursor}
    if nested:
        return answer(request, {"items": records or None, **cursor})
    return json_response({"request_id": request[REQUEST_ID], "data": records, **cursor})


async def body_of(request: web.Request, kind: type[Body], family: ErrorFamily) -> Body:
    """Return the request's body as a value of `kind`.

    Raises:
        ApiError: 400, if it is not JSON or does not fit.
    """
    try:
        return msgspec.json.decode(await request.read() or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise family.bad_request(str(error)) from None
    except msgspec.DecodeError:
        raise family.bad_request("error parsing request body") from None


def number(request: web.Request, name: str, default: int, maximum: int, family: ErrorFamily) -> int:
    """Return a whole number of the query, from 0 to `maximum`.

    Raises:
        ApiError: 400, if it is none or beyond.
    """
    given = request.query.get(name)
    if given is None:
        return default
    if not given.isdecimal() or int(given) > maximum:
        raise family.bad_request(f"{name} must be a number up to {maximum}")
    return int(given)


def page_request(request: web.Request) -> PageRequest:
    """Return which page the query asks for.

    Raises:
        ApiError: 400 for a limit that is none or beyond 200.
    """
    limit = number(request, "limit", DEFAULT_LIMIT, MAXIMUM_LIMIT, ErrorFamily.RESOURCE)
    return PageRequest(limit or DEFAULT_LIMIT, request.query.get("page_token") or None)
