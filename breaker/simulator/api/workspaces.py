"""`/v3/workspaces`: an array without pages, and `manual-assign`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, answer, body_of, deleted
from breaker.simulator.errors import ErrorFamily
from breaker.simulator.state.workspaces import Workspace, WorkspaceChange, WorkspaceCreation

if TYPE_CHECKING:
    from breaker.simulator.state.base import Json

_ERRORS = ErrorFamily.MANAGEMENT
_MAXIMUM_GRANTS = 500


class _Assignment(msgspec.Struct):
    assign_grants: list[str] = []
    remove_grants: list[str] = []


class _Grouping(msgspec.Struct):
    after_created_at: float | None = None
    invalid_also: bool = False
    specific_domain: str | None = None


def routes() -> list[web.RouteDef]:
    """Return the routes of this resource."""
    return [
        web.get("/v3/workspaces", _list),
        web.post("/v3/workspaces", _create),
        web.post("/v3/workspaces/auto-group", _auto_group),
        web.get("/v3/workspaces/{workspace_id}", _show),
        web.patch("/v3/workspaces/{workspace_id}", _change),
        web.delete("/v3/workspaces/{workspace_id}", _remove),
        web.post("/v3/workspaces/{workspace_id}/manual-assign", _assign),
    ]


async def _list(request: web.Request) -> web.Response:
    return answer(request, [_shown(request, workspace) for workspace in request[APPLICATION].workspaces])


async def _create(request: web.Request) -> web.Response:
    body = await body_of(request, WorkspaceCreation, _ERRORS)
    return answer(request, _shown(request, request[APPLICATION].workspaces.create(body)))


async def _show(request: web.Request) -> web.Response:
    return answer(request, _shown(request, request[APPLICATION].workspaces.get(request.match_info["workspace_id"])))


async def _change(request: web.Request) -> web.Response:
    body = await body_of(request, WorkspaceChange, _ERRORS)
    changed = request[APPLICATION].workspaces.change(request.match_info["workspace_id"], body)
    return answer(request, _shown(request, changed))


async def _remove(request: web.Request) -> web.Response:
    request[APPLICATION].remove_workspace(request.match_info["workspace_id"])
    return deleted(request)


async def _assign(request: web.Request) -> web.Response:
    application = request[APPLICATION]
    workspace = application.workspaces.by_id(request.match_info["workspace_id"])
    body = await body_of(request, _Assignment, _ERRORS)
    if not body.assign_grants and not body.remove_grants:
        raise _ERRORS.bad_request("assign_grants or remove_grants is required")
    if max(len(body.assign_grants), len(body.remove_grants)) > _MAXIMUM_GRANTS:
        raise _ERRORS.bad_request(f"assign_grants and remove_grants cannot exceed {_MAXIMUM_GRANTS} grants")
    assigned, removed = application.assign(workspace.workspace_id, body.assign_grants, body.remove_grants)
    return answer(
        request,
        {
            "application_id": application.id,
            "workspace_id": workspace.workspace_id,
            "domain": workspace.domain or application.surroundings.options.missing_domain,
            "grants_assigned": assigned or None,
            "grants_removed": removed or None,
        },
    )


async def _auto_group(request: web.Request) -> web.Response:
    body = await body_of(request, _Grouping, _ERRORS)
    job_id = request[APPLICATION].auto_group(
        after=body.after_created_at or 0, invalid_also=body.invalid_also, domain=body.specific_domain
    )
    message = f"Auto-grouping started successfully under JobID '{job_id}', please wait for the process to complete."
    return answer(request, {"job_id": job_id, "message": message})


def _shown(request: web.Request, workspace: Workspace) -> Json:
    return workspace.as_json(request[APPLICATION].surroundings.options.missing_domain)
