"""`/v3/grants`, `/v3/connect/custom` and the rule evaluations of a grant."""

from __future__ import annotations

import msgspec
from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, answer, body_of, deleted, number, page, page_request
from breaker.simulator.errors import ErrorFamily
from breaker.simulator.state.grants import GrantFilter
from breaker.simulator.state.paging import MAXIMUM_LIMIT, paged

_ERRORS = ErrorFamily.MANAGEMENT
_DEFAULT_LIMIT = 10
_LARGEST = 2**62


class _Settings(msgspec.Struct):
    email: str
    app_password: str | None = None


class _Connection(msgspec.Struct):
    provider: str
    settings: _Settings
    name: str | None = None
    workspace_id: str | None = None


class _GrantChange(msgspec.Struct):
    settings: dict[str, object] | None = None
    scope: list[str] | None = None
    workspace_id: str | None = None
    name: str | None = None


def routes() -> list[web.RouteDef]:
    """Return the routes of this resource."""
    return [
        web.post("/v3/connect/custom", _connect),
        web.get("/v3/grants", _list),
        web.get("/v3/grants/{grant_id}", _show),
        web.patch("/v3/grants/{grant_id}", _change),
        web.delete("/v3/grants/{grant_id}", _remove),
        web.get("/v3/grants/{grant_id}/rule-evaluations", _evaluations),
    ]


async def _connect(request: web.Request) -> web.Response:
    body = await body_of(request, _Connection, _ERRORS)
    if "@" not in body.settings.email:
        raise _ERRORS.bad_request("settings.email is not a valid email address")
    grant = request[APPLICATION].connect(
        body.settings.email, workspace_id=body.workspace_id, name=body.name, provider=body.provider
    )
    return answer(request, grant.as_json(), 201)


async def _list(request: web.Request) -> web.Response:
    query = request.query
    limit = number(request, "limit", _DEFAULT_LIMIT, MAXIMUM_LIMIT, _ERRORS)
    offset = number(request, "offset", 0, _LARGEST, _ERRORS)
    wanted = GrantFilter(
        email=query.get("email"),
        provider=query.get("provider"),
        workspace_id=query.get("workspace_id"),
        grant_status=query.get("grant_status"),
        since=number(request, "since", 0, _LARGEST, _ERRORS) if "since" in query else None,
        before=number(request, "before", 0, _LARGEST, _ERRORS) if "before" in query else None,
    )
    by_update = query.get("sort_by") == "updated_at"
    found = sorted(
        filter(wanted.admits, request[APPLICATION].grants),
        key=lambda grant: (grant.updated_at if by_update else grant.created_at, grant.sequence),
        reverse=query.get("order_by", "desc") == "desc",
    )
    return answer(request, [grant.as_json() for grant in found[offset : offset + limit]], limit=limit, offset=offset)


async def _show(request: web.Request) -> web.Response:
    return answer(request, request[APPLICATION].grants.get(request.match_info["grant_id"]).as_json())


async def _change(request: web.Request) -> web.Response:
    application = request[APPLICATION]
    grant = application.grants.get(request.match_info["grant_id"])
    body = await body_of(request, _GrantChange, _ERRORS)
    if body.name is not None:
        grant.name = body.name
    # A null is ignored; it does not take the grant out of its workspace (DOC changelog 2026-09-24).
    if body.workspace_id is not None and application.surroundings.options.grant_patch_moves:
        application.move_grant(grant.id, body.workspace_id)
    return answer(request, grant.as_json())


async def _remove(request: web.Request) -> web.Response:
    request[APPLICATION].remove_grant(request.match_info["grant_id"])
    return deleted(request)


async def _evaluations(request: web.Request) -> web.Response:
    application = request[APPLICATION]
    grant = application.grants.get(request.match_info["grant_id"], ErrorFamily.RESOURCE)
    found = paged(application.evaluations.newest_first(grant.id), page_request(request), newest_first=True)
    return page(request, found, application.evaluations.as_json)
