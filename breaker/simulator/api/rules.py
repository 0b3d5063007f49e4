"""`/v3/rules`; the list in either of the two shapes that the sources have."""

from __future__ import annotations

from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, answer, body_of, deleted, page, page_request
from breaker.simulator.errors import ErrorFamily
from breaker.simulator.options import ListEnvelope
from breaker.simulator.state.paging import paged
from breaker.simulator.state.rules import RuleChange, RuleCreation

_ERRORS = ErrorFamily.RESOURCE


def routes() -> list[web.RouteDef]:
    """Return the routes of this resource."""
    return [
        web.get("/v3/rules", _list),
        web.post("/v3/rules", _create),
        web.get("/v3/rules/{rule_id}", _show),
        web.put("/v3/rules/{rule_id}", _change),
        web.delete("/v3/rules/{rule_id}", _remove),
    ]


async def _list(request: web.Request) -> web.Response:
    application = request[APPLICATION]
    nested = application.surroundings.options.rules_envelope is ListEnvelope.NESTED
    found = paged(application.rules, page_request(request))
    return page(request, found, application.rules.as_json, nested=nested)


async def _create(request: web.Request) -> web.Response:
    rules = request[APPLICATION].rules
    return answer(request, rules.as_json(rules.create(await body_of(request, RuleCreation, _ERRORS))), 201)


async def _show(request: web.Request) -> web.Response:
    rules = request[APPLICATION].rules
    return answer(request, rules.as_json(rules.get(request.match_info["rule_id"])))


async def _change(request: web.Request) -> web.Response:
    rules = request[APPLICATION].rules
    body = await body_of(request, RuleChange, _ERRORS)
    return answer(request, rules.as_json(rules.change(request.match_info["rule_id"], body)))


async def _remove(request: web.Request) -> web.Response:
    application = request[APPLICATION]
    rule_id = request.match_info["rule_id"]
    application.rules.remove(rule_id)
    application.workspaces.detach_rule(rule_id)
    return deleted(request)
