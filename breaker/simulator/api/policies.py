"""`/v3/policies`."""

from __future__ import annotations

from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, answer, body_of, deleted, page, page_request
from breaker.simulator.errors import ErrorFamily
from breaker.simulator.state.paging import paged
from breaker.simulator.state.policies import PolicyBody

_ERRORS = ErrorFamily.RESOURCE


def routes() -> list[web.RouteDef]:
    """Return the routes of this resource."""
    return [
        web.get("/v3/policies", _list),
        web.post("/v3/policies", _create),
        web.get("/v3/policies/{policy_id}", _show),
        web.put("/v3/policies/{policy_id}", _change),
        web.delete("/v3/policies/{policy_id}", _remove),
    ]


async def _list(request: web.Request) -> web.Response:
    policies = request[APPLICATION].policies
    return page(request, paged(policies, page_request(request)), policies.as_json)


async def _create(request: web.Request) -> web.Response:
    policies = request[APPLICATION].policies
    return answer(request, policies.as_json(policies.create(await body_of(request, PolicyBody, _ERRORS))))


async def _show(request: web.Request) -> web.Response:
    policies = request[APPLICATION].policies
    return answer(request, policies.as_json(policies.get(request.match_info["policy_id"])))


async def _change(request: web.Request) -> web.Response:
    policies = request[APPLICATION].policies
    body = await body_of(request, PolicyBody, _ERRORS)
    return answer(request, policies.as_json(policies.change(request.match_info["policy_id"], body)))


async def _remove(request: web.Request) -> web.Response:
    request[APPLICATION].policies.remove(request.match_info["policy_id"])
    return deleted(request)
