"""The routes below `/simulator/`, on the platform's port, without a key. Bodies and answers are JSON.

    GET    /simulator/state            the world: time, accounts and where they stand, deliveries
    POST   /simulator/workspaces       {"name", "domain"?, "auto_group"?}
    POST   /simulator/grants           {"email", "workspace_id"?, "name"?}
    POST   /simulator/grants/{id}/expire   a grant becomes invalid, and says so
    POST   /simulator/bursts           an account sends: see BurstOrder
    GET    /simulator/bursts/{number}  what came of it so far
    POST   /simulator/bursts/{number}/repeat   the same notifications again, byte by byte
    GET    /simulator/books            what the platform did about its senders, and every account's rates
    POST   /simulator/notifications    {"type", "data", "source"?, "id"?}: any event, to every active destination
    GET    /simulator/standing         what the platform holds against senders
    POST   /simulator/standing         {"paused": [grant], "restrictions": [[scope, name]], "evaluation_fails": bool}
    GET    /simulator/faults           the faults in force
    POST   /simulator/faults           a fault: see Fault
    DELETE /simulator/faults           take all faults back; `/simulator/faults/{id}` one
    PUT    /simulator/feed             the state of the feed: see Feed
    POST   /simulator/clock            {"speed"} where it follows the wall, {"advance": seconds} where it is driven
    POST   /simulator/restart          {"seconds"}: close the port for real seconds, then open it with the same state
    GET    /simulator/journal          the API calls received; `?changing=true` only those that change something
    DELETE /simulator/journal          forget them

Where there are several applications, `?application=ID` chooses one; else it is the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from breaker.simulator.api.exchange import body_of, json_response
from breaker.simulator.clock import PacedClock, SimulatedClock
from breaker.simulator.control.bursts import BurstOrder
from breaker.simulator.control.view import books_json, burst_json, call_json, state_json
from breaker.simulator.errors import ApiError, ErrorFamily
from breaker.simulator.faults import Fault, FaultKind
from breaker.simulator.state.standing import RestrictionScope
from breaker.simulator.webhooks.feed import Feed
from breaker.simulator.webhooks.notifications import SEND_SOURCE, Notification

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from breaker.simulator.application import Application
    from breaker.simulator.platform import SimulatedPlatform

_ERRORS = ErrorFamily.RESOURCE


class _WorkspaceOrder(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    domain: str | None = None
    auto_group: bool = False


class _GrantOrder(msgspec.Struct, forbid_unknown_fields=True):
    email: str
    workspace_id: str | None = None
    name: str | None = None


class _FaultOrder(msgspec.Struct, forbid_unknown_fields=True):
    kind: FaultKind
    method: str | None = None
    path: str = "/v3/"
    times: int | None = None
    probability: float = 1.0
    seconds: float = 0.0
    status: int = 500
    retry_after: int | None = None
    executes: bool = False


class _NotificationOrder(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    data: dict[str, object]
    source: str = SEND_SOURCE
    id: str | None = None


class _StandingOrder(msgspec.Struct, forbid_unknown_fields=True):
    paused: list[str] | None = None
    restrictions: list[tuple[RestrictionScope, str]] | None = None
    evaluation_fails: bool | None = None


class _ClockOrder(msgspec.Struct, forbid_unknown_fields=True):
    speed: float | None = None
    advance: float | None = None


class _RestartOrder(msgspec.Struct, forbid_unknown_fields=True):
    seconds: float = 0.0


def routes(platform: SimulatedPlatform) -> list[web.RouteDef]:
    """Return the routes of the control surface."""
    surface = _Surface(platform)
    return [
        web.get("/simulator/state", _guarded(surface.state)),
        web.post("/simulator/workspaces", _guarded(surface.add_workspace)),
        web.post("/simulator/grants", _guarded(surface.add_grant)),
        web.post("/simulator/grants/{grant_id}/expire", _guarded(surface.expire_grant)),
        web.post("/simulator/bursts", _guarded(surface.burst)),
        web.get("/simulator/bursts/{number:\\d+}", _guarded(surface.show_burst)),
        web.post("/simulator/bursts/{number:\\d+}/repeat", _guarded(surface.repeat)),
        web.get("/simulator/books", _guarded(surface.books)),
        web.post("/simulator/notifications", _guarded(surface.notify)),
        web.get("/simulator/standing", _guarded(surface.standing)),
        web.post("/simulator/standing", _guarded(surface.set_standing)),
        web.get("/simulator/faults", _guarded(surface.faults)),
        web.post("/simulator/faults", _guarded(surface.add_fault)),
        web.delete("/simulator/faults", _guarded(surface.clear_faults)),
        web.delete("/simulator/faults/{id:\\d+}", _guarded(surface.remove_fault)),
        web.put("/simulator/feed", _guarded(surface.feed)),
        web.post("/simulator/clock", _guarded(surface.clock)),
        web.post("/simulator/restart", _guarded(surface.restart)),
        web.get("/simulator/journal", _guarded(surface.journal)),
        web.delete("/simulator/journal", _guarded(surface.clear_journal)),
    ]


def _guarded(
    handler: Callable[[web.Request], Awaitable[object]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return json_response(await handler(request))
        except ApiError as error:
            return json_response({"error": {"type": error.kind, "message": error.message}}, error.status)

    return answered


class _Surface:
    def __init__(self, platform: SimulatedPlatform) -> None:
        self._platform = platform

    async def state(self, _request: web.Request) -> object:
        return state_json(self._platform)

    async def add_workspace(self, request: web.Request) -> object:
        order = await body_of(request, _WorkspaceOrder, _ERRORS)
        made = self._application(request).add_workspace(order.name, domain=order.domain, auto_group=order.auto_group)
        return made.as_json()

    async def add_grant(self, request: web.Request) -> object:
        order = await body_of(request, _GrantOrder, _ERRORS)
        grant = self._application(request).add_grant(order.email, workspace_id=order.workspace_id, name=order.name)
        return grant.as_json()

    async def expire_grant(self, request: web.Request) -> object:
        application, grant_id = self._application(request), request.match_info["grant_id"]
        application.expire_grant(grant_id)
        return application.grants.get(grant_id).as_json()

    async def burst(self, request: web.Request) -> object:
        order = await body_of(request, BurstOrder, _ERRORS)
        return burst_json(self._platform.bursts.make(self._application(request), order))

    async def show_burst(self, request: web.Request) -> object:
        return burst_json(self._platform.bursts.get(int(request.match_info["number"])))

    async def repeat(self, request: web.Request) -> object:
        burst = self._platform.bursts.get(int(request.match_info["number"]))
        destinations = self._application(request).destinations
        for notification in burst.notifications:
            self._platform.deliveries.repeat(notification, destinations)
        return {"repeated": len(burst.notifications)}

    async def books(self, request: web.Request) -> object:
        return books_json(self._application(request))

    async def notify(self, request: web.Request) -> object:
        order = await body_of(request, _NotificationOrder, _ERRORS)
        application = self._application(request)
        identifier = order.id or application.surroundings.identifiers.unique()
        now = application.surroundings.now()
        notification = Notification(identifier, order.type, order.source, now, application.id, order.data)
        return {
            "id": identifier,
            "destinations": self._platform.deliveries.tell_all(notification, application.destinations),
        }

    async def standing(self, request: web.Request) -> object:
        standing = self._application(request).standing
        return {
            "under_review": sorted(standing.under_review),
            "paused": sorted(standing.paused),
            "restrictions": sorted(standing.restrictions),
            "evaluation_fails": standing.evaluation_fails,
        }

    async def set_standing(self, request: web.Request) -> object:
        standing = self._application(request).standing
        order = await body_of(request, _StandingOrder, _ERRORS)
        if order.paused is not None:
            standing.paused = set(order.paused)
        if order.restrictions is not None:
            standing.restrictions = set(order.restrictions)
        if order.evaluation_fails is not None:
            standing.evaluation_fails = order.evaluation_fails
        return await self.standing(request)

    async def faults(self, _request: web.Request) -> object:
        return [
            {name: getattr(fault, name) for name in ("id", *_FaultOrder.__struct_fields__)}
            for fault in self._platform.faults
        ]

    async def add_fault(self, request: web.Request) -> object:
        order = await body_of(request, _FaultOrder, _ERRORS)
        fault = self._platform.add_fault(Fault(**msgspec.structs.asdict(order)))
        return {"id": fault.id}

    async def remove_fault(self, request: web.Request) -> object:
        self._platform.faults.remove(int(request.match_info["id"]))
        return await self.faults(request)

    async def clear_faults(self, request: web.Request) -> object:
        self._platform.faults.clear()
        return await self.faults(request)

    async def feed(self, request: web.Request) -> object:
        self._platform.deliveries.feed = await body_of(request, Feed, _ERRORS)
        return self._platform.deliveries.feed

    async def clock(self, request: web.Request) -> object:
        order = await body_of(request, _ClockOrder, _ERRORS)
        clock = self._platform.clock
        try:
            if order.speed is not None and isinstance(clock, PacedClock):
                clock.set_speed(order.speed)
            elif order.advance is not None and isinstance(clock, SimulatedClock):
                await clock.advance(order.advance)
            else:
                raise _ERRORS.bad_request("a clock that follows the wall takes speed, one that is driven takes advance")
        except ValueError as error:
            raise _ERRORS.bad_request(str(error)) from None
        return {"now": clock.now()}

    async def restart(self, request: web.Request) -> object:
        order = await body_of(request, _RestartOrder, _ERRORS)
        self._platform.restart_later(order.seconds)
        return {"closed_for": order.seconds}

    async def journal(self, request: web.Request) -> object:
        journal = self._platform.journal
        calls = journal.changing() if request.query.get("changing") == "true" else journal
        return [call_json(call) for call in calls]

    async def clear_journal(self, _request: web.Request) -> object:
        self._platform.journal.clear()
        return []

    def _application(self, request: web.Request) -> Application:
        wanted = request.query.get("application")
        for application in self._platform.applications:
            if wanted is None or application.id == wanted:
                return application
        raise _ERRORS.not_found("application")
