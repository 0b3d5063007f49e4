"""`/v3/grants/{grant_id}/drafts`; a draft is sent by a POST to itself, by the send path of all sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, answer, deleted, page, page_request
from breaker.simulator.api.send_body import SendBody, send_body_of
from breaker.simulator.state.drafts import Draft
from breaker.simulator.state.paging import paged

if TYPE_CHECKING:
    from breaker.simulator.state.base import Json
    from breaker.simulator.state.grants import Grant


def routes() -> list[web.RouteDef]:
    """Return the routes of this resource."""
    path = "/v3/grants/{grant_id}/drafts"
    return [
        web.get(path, _list),
        web.post(path, _create),
        web.get(path + "/{draft_id}", _show),
        web.put(path + "/{draft_id}", _change),
        web.delete(path + "/{draft_id}", _remove),
        web.post(path + "/{draft_id}", _send),
    ]


async def _list(request: web.Request) -> web.Response:
    found = paged(request[APPLICATION].drafts.of_grant(_grant(request).id), page_request(request))
    return page(request, found, Draft.as_json)


async def _create(request: web.Request) -> web.Response:
    grant, body = _grant(request), await _body(request)
    return answer(request, request[APPLICATION].drafts.create(grant.id, _shown(grant, body), body.outgoing()).as_json())


async def _show(request: web.Request) -> web.Response:
    return answer(request, _draft(request).as_json())


async def _change(request: web.Request) -> web.Response:
    draft, body = _draft(request), await _body(request)
    draft.fields, draft.outgoing = _shown(_grant(request), body), body.outgoing()
    return answer(request, draft.as_json())


async def _remove(request: web.Request) -> web.Response:
    draft = _draft(request)
    request[APPLICATION].drafts.remove(draft.grant_id, draft.id)
    return deleted(request)


async def _send(request: web.Request) -> web.Response:
    application, draft = request[APPLICATION], _draft(request)
    message = application.submit(draft.grant_id, draft.outgoing)
    application.drafts.remove(draft.grant_id, draft.id)
    return answer(request, {**draft.as_json(), "id": message.id, "object": "message", "thread_id": message.thread_id})


def _grant(request: web.Request) -> Grant:
    return request[APPLICATION].grants.sender(request.match_info["grant_id"])


def _draft(request: web.Request) -> Draft:
    return request[APPLICATION].drafts.get(_grant(request).id, request.match_info["draft_id"])


async def _body(request: web.Request) -> SendBody:
    return await send_body_of(request, request[APPLICATION].surroundings.options.outbound_size_limit)


def _shown(grant: Grant, body: SendBody) -> Json:
    return {**body.shown(), "from": [{"email": grant.email}], "snippet": body.body[:100] or " "}
