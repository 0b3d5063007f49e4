"""`POST /v3/grants/{grant_id}/messages/send` and `POST /v3/domains/{domain_name}/messages/send`.

A send that has to wait in the queue, or for its own `send_at`, is answered 202; the others 200.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, REQUEST_ID, answer, json_response
from breaker.simulator.api.idempotency import IdempotentAnswers
from breaker.simulator.api.send_body import message_json, send_body_of
from breaker.simulator.errors import ApiError, ErrorFamily
from breaker.simulator.rate_limit import RateLimit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from breaker.ports import Clock
    from breaker.simulator.state.grants import Grant

_ERRORS = ErrorFamily.RESOURCE


def routes(clock: Clock) -> list[web.RouteDef]:
    """Return the routes of this resource."""
    endpoints = _Messages(clock)
    return [
        web.post("/v3/grants/{grant_id}/messages/send", endpoints.send),
        web.post("/v3/domains/{domain_name}/messages/send", endpoints.send_from_domain),
    ]


class _Messages:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers = IdempotentAnswers(clock)
        self._limits: dict[tuple[str, bool], RateLimit] = {}

    async def send(self, request: web.Request) -> web.Response:
        grant = request[APPLICATION].grants.sender(request.match_info["grant_id"])
        self._limit(request, grant)
        return await self._once(request, grant.id, self._send)

    async def send_from_domain(self, request: web.Request) -> web.Response:
        return await self._once(request, request[APPLICATION].id, self._send_from_domain)

    async def _send(self, request: web.Request) -> web.Response:
        application = request[APPLICATION]
        body = await send_body_of(request, application.surroundings.options.outbound_size_limit)
        message = application.submit(request.match_info["grant_id"], body.outgoing())
        shown: dict[str, object] = {
            "request_id": request[REQUEST_ID],
            "grant_id": message.grant_id,
            "data": message_json(message, body.shown()),
        }
        if message.sent_at <= application.surroundings.now():
            return json_response(shown)
        return json_response({**shown, "schedule_id": message.id if body.send_at else ""}, 202)

    async def _send_from_domain(self, request: web.Request) -> web.Response:
        application = request[APPLICATION]
        body = await send_body_of(request, application.surroundings.options.outbound_size_limit)
        sender, domain = body.single_sender(), request.match_info["domain_name"].lower()
        if sender is None or sender.email.rpartition("@")[2].lower() != domain:
            raise _ERRORS.bad_request("from must be an address of the domain")
        message = application.submit_from_domain(sender.email, body.outgoing())
        return answer(request, message_json(message, body.shown()))

    def _limit(self, request: web.Request, grant: Grant) -> None:
        options = request[APPLICATION].surroundings.options
        multipart = request.content_type.startswith("multipart/")
        allowed = options.multipart_requests_per_second if multipart else options.send_requests_per_second
        limit = self._limits.setdefault((grant.id, multipart), RateLimit(allowed))
        if not limit.admit(self._clock.now()):
            raise ApiError(429, options.rate_limit_error, "Too many requests, please try again shortly.")

    async def _once(
        self, request: web.Request, scope: str, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> web.Response:
        key = request.headers.get("Idempotency-Key")
        if key is None or request.content_type.startswith("multipart/"):
            return await handler(request)
        payload = await request.read()
        known = self._answers.known(scope, key, payload)
        if known is not None:
            return known
        try:
            response = await handler(request)
        except ApiError as error:
            response = json_response(error.envelope(request[REQUEST_ID]), error.status, error.headers)
        self._answers.keep(scope, key, payload, response)
        return response
