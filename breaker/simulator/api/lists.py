"""`/v3/lists` and the items of a list."""

from __future__ import annotations

from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, answer, body_of, deleted, page, page_request
from breaker.simulator.errors import ErrorFamily
from breaker.simulator.state.lists import ItemsBody, ListChange, ListCreation, ListItem
from breaker.simulator.state.paging import paged

_ERRORS = ErrorFamily.RESOURCE


def routes() -> list[web.RouteDef]:
    """Return the routes of this resource."""
    return [
        web.get("/v3/lists", _list),
        web.post("/v3/lists", _create),
        web.get("/v3/lists/{list_id}", _show),
        web.put("/v3/lists/{list_id}", _change),
        web.delete("/v3/lists/{list_id}", _remove),
        web.get("/v3/lists/{list_id}/items", _items),
        web.post("/v3/lists/{list_id}/items", _add_items),
        web.delete("/v3/lists/{list_id}/items", _remove_items),
    ]


async def _list(request: web.Request) -> web.Response:
    lists = request[APPLICATION].lists
    return page(request, paged(lists, page_request(request)), lists.as_json)


async def _create(request: web.Request) -> web.Response:
    lists = request[APPLICATION].lists
    return answer(request, lists.as_json(lists.create(await body_of(request, ListCreation, _ERRORS))), 201)


async def _show(request: web.Request) -> web.Response:
    lists = request[APPLICATION].lists
    return answer(request, lists.as_json(lists.get(request.match_info["list_id"])))


async def _change(request: web.Request) -> web.Response:
    lists = request[APPLICATION].lists
    body = await body_of(request, ListChange, _ERRORS)
    return answer(request, lists.as_json(lists.change(request.match_info["list_id"], body)))


async def _remove(request: web.Request) -> web.Response:
    request[APPLICATION].lists.remove(request.match_info["list_id"])
    return deleted(request)


async def _items(request: web.Request) -> web.Response:
    known = request[APPLICATION].lists.get(request.match_info["list_id"])
    return page(request, paged(known.items.values(), page_request(request)), ListItem.as_json)


async def _add_items(request: web.Request) -> web.Response:
    lists = request[APPLICATION].lists
    body = await body_of(request, ItemsBody, _ERRORS)
    return answer(request, lists.as_json(lists.add_items(request.match_info["list_id"], body)))


async def _remove_items(request: web.Request) -> web.Response:
    lists = request[APPLICATION].lists
    body = await body_of(request, ItemsBody, _ERRORS)
    return answer(request, lists.as_json(lists.remove_items(request.match_info["list_id"], body)))
