"""Answers that go wrong, as a fault has it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, assert_never

from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION
from breaker.simulator.errors import ApiError
from breaker.simulator.faults import Fault, FaultKind, frozen

if TYPE_CHECKING:
    from breaker.simulator.api.exchange import Handler

_HTML = """<!DOCTYPE html>
<html><head><title>{status} {reason}</title></head>
<body><center><h1>{status} {reason}</h1></center><hr><center>gateway</center></body></html>
"""


async def struck(request: web.Request, handler: Handler, fault: Fault) -> web.StreamResponse:
    """Answer a call that a fault has struck.

    Raises:
        ApiError: Where the fault is an error in a proper envelope.
    """
    if fault.executes and fault.kind not in {FaultKind.LATENCY, FaultKind.STALE, FaultKind.LOST}:
        await handler(request)
    match fault.kind:
        case FaultKind.LATENCY:
            await asyncio.sleep(fault.seconds)
            return await handler(request)
        case FaultKind.STALE:
            request[APPLICATION] = fault.state_of(request[APPLICATION])
            return await handler(request)
        case FaultKind.LOST:
            request[APPLICATION] = frozen(request[APPLICATION])
            return await handler(request)
        case FaultKind.STATUS:
            raise _error(fault)
        case FaultKind.HTML:
            reason = web.Response(status=fault.status).reason
            text = _HTML.format(status=fault.status, reason=reason)
            return web.Response(text=text, status=fault.status, content_type="text/html", headers=_headers(fault))
        case FaultKind.DISCONNECT:
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError
        case FaultKind.SILENCE:
            await asyncio.Event().wait()
        case _:
            assert_never(fault.kind)
    raise AssertionError("silence does not end")


def _error(fault: Fault) -> ApiError:
    if fault.status == HTTPStatus.TOO_MANY_REQUESTS:
        message = "Too many requests, please try again shortly."
        return ApiError(fault.status, "rate_limit_error", message, headers=_headers(fault))
    kind = "api.internal_error" if fault.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "bad_request"
    reason = web.Response(status=fault.status).reason or "Error"
    return ApiError(fault.status, kind, reason, headers=_headers(fault))


def _headers(fault: Fault) -> dict[str, str]:
    return {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
