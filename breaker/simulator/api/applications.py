"""`GET /v3/applications` (DOC, "Get application")."""

from __future__ import annotations

from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, answer


def routes() -> list[web.RouteDef]:
    """Return the routes of this resource."""
    return [web.get("/v3/applications", _show)]


async def _show(request: web.Request) -> web.Response:
    application = request[APPLICATION]
    return answer(
        request,
        {
            "application_id": application.id,
            "organization_id": application.surroundings.organization_id,
            "region": "us",
            "environment": "production",
            "default_workspace_id": application.workspaces.default.workspace_id,
            "branding": {"name": "Simulated application"},
            "hosted_authentication": None,
            "callback_uris": [],
        },
    )
