"""`/v3/activity/send`: send events, newest first (DOC list-send-events).

The names of the filters are documented; those of the window and of the pages are not in what could be read, so they are
taken from the platform's other endpoints: `start` and `end` in Unix seconds, `limit` and `page_token`, `next_cursor`.
"""

from __future__ import annotations

from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, answer, number, page, page_request
from breaker.simulator.errors import ErrorFamily
from breaker.simulator.state.activity import DEFAULT_SPAN, RETENTION, EventFilter
from breaker.simulator.state.paging import paged

_ERRORS = ErrorFamily.RESOURCE
_LARGEST = 2**62
_EVENT_TYPES = frozenset({"accepted", "delivered", "bounced", "complaint", "rejected"})
_BOUNCE_CLASSES = frozenset({"hard", "soft", "undetermined"})


def routes() -> list[web.RouteDef]:
    """Return the routes of this resource."""
    return [web.get("/v3/activity/send", _list), web.get("/v3/activity/send/{event_id}", _show)]


async def _list(request: web.Request) -> web.Response:
    activity = request[APPLICATION].activity
    found = paged(activity.newest_first(_filter(request)), page_request(request), newest_first=True)
    return page(request, found, activity.as_json)


async def _show(request: web.Request) -> web.Response:
    application = request[APPLICATION]
    now = application.surroundings.now()
    for event in application.activity.newest_first(EventFilter(now - RETENTION, now)):
        if event.id(application.id) == request.match_info["event_id"]:
            return answer(request, application.activity.as_json(event))
    raise _ERRORS.not_found("event")


def _filter(request: web.Request) -> EventFilter:
    query = request.query
    types = frozenset((*query.getall("event_type", []), *query.getall("event_type[]", [])))
    bounce_class = query.get("bounce_class")
    if not types <= _EVENT_TYPES:
        raise _ERRORS.bad_request("event_type is invalid")
    if bounce_class is not None and bounce_class not in _BOUNCE_CLASSES:
        raise _ERRORS.bad_request("bounce_class is invalid")
    end = number(request, "end", request[APPLICATION].surroundings.now(), _LARGEST, _ERRORS)
    return EventFilter(
        start=number(request, "start", end - DEFAULT_SPAN, _LARGEST, _ERRORS),
        end=end,
        event_types=types,
        bounce_class=bounce_class,
        recipient=_lowered(request, "recipient"),
        recipient_domain=_lowered(request, "recipient_domain"),
        sending_domain=_lowered(request, "sending_domain"),
        sender=_lowered(request, "from"),
        grant_id=query.get("grant_id"),
        message_id=query.get("message_id"),
    )


def _lowered(request: web.Request, name: str) -> str | None:
    given = request.query.get(name)
    return None if given is None else given.lower()
