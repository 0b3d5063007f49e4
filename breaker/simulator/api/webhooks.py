"""`/v3/webhooks`: destinations, their secrets, and test events."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, answer, body_of
from breaker.simulator.errors import ErrorFamily
from breaker.simulator.webhooks.challenge import challenge
from breaker.simulator.webhooks.destinations import DestinationChange, DestinationCreation
from breaker.simulator.webhooks.examples import example
from breaker.simulator.webhooks.signature import TEST_EVENT_SECRET, packed
from breaker.simulator.webhooks.triggers import TRIGGERS

if TYPE_CHECKING:
    from breaker.simulator.application import Application
    from breaker.simulator.webhooks.delivery import Deliveries

_ERRORS = ErrorFamily.NOTIFICATION


class _TestEvent(msgspec.Struct):
    trigger_type: str
    webhook_url: str


def routes(deliveries: Deliveries) -> list[web.RouteDef]:
    """Return the routes of this resource."""
    endpoints = _Webhooks(deliveries)
    return [
        web.get("/v3/webhooks", endpoints.list),
        web.post("/v3/webhooks", endpoints.create),
        web.post("/v3/webhooks/mock-payload", endpoints.mock_payload),
        web.post("/v3/webhooks/send-test-event", endpoints.send_test_event),
        # The OpenAPI file, Node and the CLI have the first form, the Python SDK the second.
        web.post("/v3/webhooks/rotate-secret/{id}", endpoints.rotate_secret),
        web.put("/v3/webhooks/{id}/rotate-secret", endpoints.rotate_secret),
        web.get("/v3/webhooks/{id}", endpoints.show),
        web.put("/v3/webhooks/{id}", endpoints.change),
        web.delete("/v3/webhooks/{id}", endpoints.remove),
    ]


class _Webhooks:
    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    async def list(self, request: web.Request) -> web.Response:
        return answer(request, [one.as_json() for one in request[APPLICATION].destinations])

    async def create(self, request: web.Request) -> web.Response:
        application = request[APPLICATION]
        body = await body_of(request, DestinationCreation, _ERRORS)
        application.destinations.check(body.trigger_types, body.webhook_url)
        await self._challenge(application, body.webhook_url)
        return answer(request, application.destinations.add(body).as_json(with_secret=True))

    async def show(self, request: web.Request) -> web.Response:
        return answer(request, request[APPLICATION].destinations.get(request.match_info["id"]).as_json())

    async def change(self, request: web.Request) -> web.Response:
        application = request[APPLICATION]
        destination = application.destinations.get(request.match_info["id"])
        body = await body_of(request, DestinationChange, _ERRORS)
        url = body.webhook_url or destination.webhook_url
        application.destinations.check(body.trigger_types or destination.trigger_types, url)
        if url != destination.webhook_url and application.surroundings.options.challenge_on_update:
            await self._challenge(application, url)
        if body.status == "active":
            self._deliveries.health.forget(destination)
        return answer(request, application.destinations.change(destination.id, body).as_json())

    async def remove(self, request: web.Request) -> web.Response:
        request[APPLICATION].destinations.remove(request.match_info["id"])
        return answer(request, {"status": "success"})

    async def rotate_secret(self, request: web.Request) -> web.Response:
        rotated = request[APPLICATION].destinations.rotate_secret(request.match_info["id"])
        return answer(request, rotated.as_json(with_secret=True))

    async def mock_payload(self, request: web.Request) -> web.Response:
        body = await _test_event(request)
        return answer(request, msgspec.json.decode(example(request[APPLICATION], body.trigger_type).body(1)))

    async def send_test_event(self, request: web.Request) -> web.Response:
        body = await _test_event(request)
        content, headers = packed(example(request[APPLICATION], body.trigger_type).body(1), compressed=False)
        status, _ = await self._deliveries.post(body.webhook_url, TEST_EVENT_SECRET, content, headers)
        return answer(request, "success" if status == HTTPStatus.OK else "failed")

    async def _challenge(self, application: Application, url: str) -> None:
        await challenge(self._deliveries.session, url, application.surroundings.identifiers.challenge())


async def _test_event(request: web.Request) -> _TestEvent:
    body = await body_of(request, _TestEvent, _ERRORS)
    if body.trigger_type not in TRIGGERS:
        raise _ERRORS.bad_request(f"trigger_type.invalid : {body.trigger_type}")
    return body
