"""The HTTP application: authentication, the request limit, error envelopes and the journal around all endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from breaker.simulator.api import (
    activity,
    applications,
    drafts,
    grants,
    lists,
    messages,
    metrics,
    policies,
    rules,
    webhooks,
    workspaces,
)
from breaker.simulator.api.exchange import APPLICATION, REQUEST_ID, Handler, json_response
from breaker.simulator.api.faulty import struck
from breaker.simulator.control import surface as control
from breaker.simulator.errors import ApiError, ErrorFamily
from breaker.simulator.journal import Call
from breaker.simulator.rate_limit import RateLimit

if TYPE_CHECKING:
    from breaker.simulator.application import Application
    from breaker.simulator.platform import SimulatedPlatform

#: Above the 40 MB that a send may have, so that the limit is the endpoint's and not the server's.
_LARGEST_BODY = 64 * 1024 * 1024

#: Below this is the simulator's own surface, which is no part of the platform's API.
CONTROL = "/simulator/"

_FAMILIES = {
    "webhooks": ErrorFamily.NOTIFICATION,
    "policies": ErrorFamily.RESOURCE,
    "rules": ErrorFamily.RESOURCE,
    "lists": ErrorFamily.RESOURCE,
    "domains": ErrorFamily.RESOURCE,
    "activity": ErrorFamily.RESOURCE,
    "metrics": ErrorFamily.RESOURCE,
}
_BELOW_A_GRANT = frozenset({"messages", "drafts", "rule-evaluations"})


def build(platform: SimulatedPlatform) -> web.Application:
    """Return the HTTP application of a platform."""
    front = _Front(platform)
    server = web.Application(middlewares=[front.middleware], client_max_size=_LARGEST_BODY)
    for resource in (activity, applications, drafts, grants, lists, metrics, policies, rules, workspaces):
        server.add_routes(resource.routes())
    server.add_routes(messages.routes(platform.clock))
    server.add_routes(webhooks.routes(platform.deliveries))
    server.add_routes(control.routes(platform))
    return server


class _Front:
    def __init__(self, platform: SimulatedPlatform) -> None:
        self._platform = platform
        self._limits: dict[str, RateLimit] = {}

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a call of the API and write it into the journal."""
        if request.path.startswith(CONTROL):
            return await handler(request)
        request_id = self._platform.request_identifiers.unique()
        request[REQUEST_ID] = request_id
        application = self._application(request)
        status = 0
        try:
            response = await self._answered(request, handler, application)
            status = response.status
        finally:
            self._platform.journal.record(
                Call(
                    at=self._platform.clock.now(),
                    application_id=application.id if application is not None else None,
                    method=request.method,
                    path=request.path,
                    query=request.query_string,
                    status=status,
                    request_id=request_id,
                    body=await _kept_body(request),
                )
            )
        return response

    def _application(self, request: web.Request) -> Application | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return self._platform.authenticated(key.strip()) if scheme.lower() == "bearer" else None

    async def _answered(
        self, request: web.Request, handler: Handler, application: Application | None
    ) -> web.StreamResponse:
        family = _family(request.path)
        try:
            if application is None:
                raise family.unauthorized()
            request[APPLICATION] = application
            if _counts(request.path) and not self._limit(application).admit(self._platform.clock.now()):
                raise self._too_many()
            fault = self._platform.faults.strike(request.method, request.path)
            return await (handler(request) if fault is None else struck(request, handler, fault))
        except ApiError as error:
            return json_response(error.envelope(request[REQUEST_ID]), error.status, error.headers)
        except web.HTTPException as error:
            kind = "not_found_error" if error.status == web.HTTPNotFound.status_code else "invalid_request_error"
            envelope = ApiError(error.status, kind, error.reason).envelope(request[REQUEST_ID])
            return json_response(envelope, error.status)

    def _limit(self, application: Application) -> RateLimit:
        return self._limits.setdefault(application.id, RateLimit(self._platform.options.requests_per_second))

    def _too_many(self) -> ApiError:
        options = self._platform.options
        wait = options.rate_limit_retry_after
        headers = {} if wait is None else {"Retry-After": str(wait)}
        message = "Too many requests, please try again shortly."
        return ApiError(429, options.rate_limit_error, message, headers=headers)


async def _kept_body(request: web.Request) -> bytes:
    """Return the body for the journal; a multipart one was read as a stream and is not kept."""
    try:
        return b"" if request.content_type.startswith("multipart/") else await request.read()
    except (web.HTTPException, ConnectionError):
        return b""


def _family(path: str) -> ErrorFamily:
    parts = path.split("/")
    if parts[2:3] == ["grants"] and _BELOW_A_GRANT.intersection(parts[4:5]):
        return ErrorFamily.RESOURCE
    return _FAMILIES.get("".join(parts[2:3]), ErrorFamily.MANAGEMENT)


def _counts(path: str) -> bool:
    """Tell whether a call counts towards the application's limit: sends have one of their own, by grant."""
    return not path.endswith("/messages/send")
