"""The admin listener: the API for people and programs, beside health and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from breaker.adapters.http.actions import (
    LARGEST_BODY,
    FleetAction,
    act_of,
    fleet_act_of,
    read_action,
    selectors_of,
)
from breaker.adapters.http.authentication import Doorkeeper
from breaker.adapters.http.fleet_presentation import fleet_act_as_json
from breaker.adapters.http.gate import answer_gate
from breaker.adapters.http.observations import take_observations
from breaker.adapters.http.presentation import report_as_json
from breaker.adapters.http.problems import problems_as_json, respond
from breaker.adapters.http.reading import Reading
from breaker.config import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breaker.adapters.http.gate import Gate
    from breaker.adapters.http.health import Health
    from breaker.adapters.http.observations import Refusals
    from breaker.adapters.http.offered import Operations
    from breaker.config import AdminToken


class AdminListener:
    """The handlers of the admin listener's paths.

    Args:
        operations: What it offers.
        health: Liveness, readiness and metrics.
        gate: Answers send paths.
        refusals: Takes in what send paths saw the platform refuse.
        tokens: Who may use it.
        acted: Called after an act, so that what was ordered is carried out at once.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its parts, wired once
        self,
        operations: Operations,
        health: Health,
        gate: Gate,
        refusals: Refusals,
        tokens: Sequence[AdminToken],
        acted: Callable[[], None] = lambda: None,
    ) -> None:
        """Keep the parts; nothing listens yet."""
        self._operations = operations
        self._health = health
        self._gate = gate
        self._refusals = refusals
        self._doorkeeper = Doorkeeper(tokens)
        self._acted = acted
        self._reading = Reading(operations, self._doorkeeper)

    def configure(self, tokens: Sequence[AdminToken]) -> None:
        """Admit these bearers from now on."""
        self._doorkeeper.configure(tokens)

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application(middlewares=[problems_as_json], client_max_size=LARGEST_BODY)
        application.add_routes(
            [
                web.get("/livez", self._health.livez),
                web.get("/readyz", self._health.readyz),
                web.get("/metrics", self._health.metrics),
                web.get("/api/v1/gate/{id}", self.gate),
                web.post("/api/v1/observations", self.observe),
                web.post("/api/v1/actions", self.act),
                *self._reading.routes(),
            ]
        )
        return application

    async def gate(self, request: web.Request) -> web.Response:
        """Answer a send path, from memory."""
        self._doorkeeper.admit(request, Role.GATE)
        return answer_gate(request, self._gate)

    async def observe(self, request: web.Request) -> web.Response:
        """Take in what a send path saw the platform answer."""
        self._doorkeeper.admit(request, Role.GATE)
        return respond(await take_observations(request, self._refusals, self._operations.clock.now()))

    async def act(self, request: web.Request) -> web.Response:
        """Do what a person or a program asks for, or say what it would do."""
        bearer = self._doorkeeper.admit(request, Role.ACT)
        action = await read_action(request)
        if isinstance(action, FleetAction):
            fleet_act = fleet_act_of(action, bearer.name)
            if not action.plan:
                await self._operations.fleet_acts.carry_out(fleet_act, self._operations.clock.now())
            return respond(fleet_act_as_json(fleet_act, plan=action.plan))
        act, selectors = act_of(action, bearer.name, self._operations.clock.now()), selectors_of(action)
        operator = self._operations.operator
        if action.plan:
            return respond(report_as_json(await operator.plan(act, selectors), plan=True))
        report = await operator.carry_out(act, selectors)
        self._acted()
        unconfirmed = await operator.wait(report, action.wait)
        return respond(report_as_json(report, plan=False, unconfirmed=len(unconfirmed)))
