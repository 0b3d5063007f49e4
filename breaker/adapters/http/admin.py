"""The admin listener: the API for people and programs, beside health and metrics."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

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
from breaker.adapters.http.fleet_presentation import fleet_act_as_json, guard_as_json, hold_as_json
from breaker.adapters.http.gate import answer_gate
from breaker.adapters.http.observations import take_observations
from breaker.adapters.http.presentation import (
    account_as_json,
    domain_as_json,
    explanation_as_json,
    feedback_as_json,
    report_as_json,
    verdict_as_json,
)
from breaker.adapters.http.problems import Problem, problems_as_json, respond
from breaker.adapters.http.queries import Query
from breaker.config import Role
from breaker.domain.circuit import Mode
from breaker.domain.listing import AccountFilter, Sort
from breaker.domain.selectors import Scope, Selector, parse_selector
from breaker.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from breaker.adapters.http.gate import Gate
    from breaker.adapters.http.health import Health
    from breaker.adapters.http.observations import Refusals
    from breaker.config import AdminToken, Settings
    from breaker.domain.acts import Act, Report
    from breaker.domain.fleet_acts import FleetAct, Hold
    from breaker.domain.guard import HeldStop, Raise, Usage
    from breaker.domain.listing import Page
    from breaker.domain.standing import DomainStanding, Explanation, Standing, VerdictRecord
    from breaker.ports import Clock, LearntDomain

PAGE, LARGEST_PAGE = 100, 1_000
_OF_A_DOMAIN = f"{Scope.DOMAIN}:"


class Accounts(Protocol):
    """Accounts as they stand."""

    async def find(self, selector: Selector, limit: int = ...) -> Sequence[Standing]:
        """Return the accounts that a selector speaks of."""
        ...

    async def page(self, wanted: AccountFilter, sort: Sort, limit: int, cursor: str | None) -> Page[Standing]:
        """Return one page of the accounts that pass a filter."""
        ...


class Explanations(Protocol):
    """Accounts in full."""

    async def explain(self, standing: Standing) -> Explanation:
        """Return all that is known of an account."""
        ...


class Domains(Protocol):
    """Sending domains as they stand."""

    async def all(self, states: Collection[State] = ..., name: str | None = ...) -> Sequence[DomainStanding]:
        """Return the domains that were ever decided about."""
        ...


class Feedback(Protocol):
    """Recipient domains that were seen to send complaint feedback."""

    async def all(self) -> Sequence[LearntDomain]:
        """Return all that were ever learnt."""
        ...


class InForce(Protocol):
    """The configuration in force."""

    @property
    def settings(self) -> Settings: ...  # noqa: D102 - as the class says


class Trail(Protocol):
    """The audit trail."""

    async def page(
        self,
        accounts: Sequence[int] | None,
        since: float | None,
        limit: int,
        cursor: str | None,
        scope: str | None = ...,
    ) -> Page[VerdictRecord]:
        """Return one page of entries, the newest first."""
        ...


class Operator(Protocol):
    """People's acts."""

    async def plan(self, act: Act, selectors: Sequence[Selector]) -> Report:
        """Return what an act would do."""
        ...

    async def carry_out(self, act: Act, selectors: Sequence[Selector]) -> Report:
        """Do it."""
        ...

    async def wait(self, report: Report, seconds: float) -> Sequence[object]:
        """Wait until the platform was read back; return who is still unconfirmed."""
        ...


class FleetActs(Protocol):
    """People's acts on the whole fleet."""

    async def carry_out(self, act: FleetAct, now: float) -> None:
        """Do it."""
        ...


class HeldStops(Protocol):
    """What the fleet guard holds."""

    async def stops(self) -> Sequence[HeldStop]:
        """Return what is held, the most urgent first."""
        ...

    async def usage(self, now: float) -> Sequence[Usage]:
        """Return how much of every limit is used."""
        ...

    async def raises(self, now: float) -> Sequence[Raise]:
        """Return what people raised and has not expired."""
        ...


class Holds(Protocol):
    """Whether automatic changes are on hold."""

    async def refresh(self) -> None:
        """Read it, unless that was done just now."""
        ...

    def hold(self, now: float) -> Hold | None:
        """Return the hold that has not expired, or None."""
        ...


class Operations(Protocol):
    """What the API offers."""

    @property
    def accounts(self) -> Accounts: ...  # noqa: D102 - as the class says
    @property
    def explanations(self) -> Explanations: ...  # noqa: D102
    @property
    def domains(self) -> Domains: ...  # noqa: D102
    @property
    def feedback(self) -> Feedback: ...  # noqa: D102
    @property
    def in_force(self) -> InForce: ...  # noqa: D102
    @property
    def trail(self) -> Trail: ...  # noqa: D102
    @property
    def operator(self) -> Operator: ...  # noqa: D102
    @property
    def fleet_acts(self) -> FleetActs: ...  # noqa: D102
    @property
    def guard(self) -> HeldStops: ...  # noqa: D102
    @property
    def modes(self) -> Holds: ...  # noqa: D102
    @property
    def clock(self) -> Clock: ...  # noqa: D102


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

    def configure(self, tokens: Sequence[AdminToken]) -> None:
        """Admit these bearers from now on."""
        self._doorkeeper = Doorkeeper(tokens)

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application(middlewares=[problems_as_json], client_max_size=LARGEST_BODY)
        application.add_routes(
            [
                web.get("/livez", self._health.livez),
                web.get("/readyz", self._health.readyz),
                web.get("/metrics", self._health.metrics),
                web.get("/api/v1/accounts", self.accounts),
                web.get("/api/v1/accounts/{id}", self.account),
                web.get("/api/v1/domains", self.domains),
                web.get("/api/v1/domains/{name}", self.domain),
                web.get("/api/v1/feedback-domains", self.feedback_domains),
                web.get("/api/v1/verdicts", self.verdicts),
                web.get("/api/v1/gate/{id}", self.gate),
                web.post("/api/v1/observations", self.observe),
                web.post("/api/v1/actions", self.act),
                web.get("/api/v1/guard", self.guard),
                web.get("/api/v1/hold", self.hold),
            ]
        )
        return application

    async def accounts(self, request: web.Request) -> web.Response:
        """List accounts, page by page."""
        self._doorkeeper.admit(request, Role.READ)
        query = Query(
            request, "state", "mode", "domain", "workspace", "application", "pending", "sort", "limit", "cursor"
        )
        domain = query.text("domain")
        page = await self._operations.accounts.page(
            AccountFilter(
                states=query.choices("state", State),
                modes=query.choices("mode", Mode),
                domain=domain.lower() if domain else None,
                workspace_id=query.text("workspace"),
                application_id=query.text("application"),
                pending=query.flag("pending"),
            ),
            query.choice("sort", Sort.STATE),
            query.integer("limit", PAGE, LARGEST_PAGE),
            query.text("cursor"),
        )
        return respond({"data": [account_as_json(one) for one in page.items], "next_cursor": page.next_cursor})

    async def account(self, request: web.Request) -> web.Response:
        """Tell everything of one account."""
        self._doorkeeper.admit(request, Role.READ)
        query = Query(request, "application")
        application = query.text("application")
        found = [
            one
            for one in await self._find(request.match_info["id"])
            if application is None or one.application_id == application
        ]
        if not found:
            raise _not_found(request.match_info["id"])
        if len(found) > 1:
            raise _ambiguous(request.match_info["id"], [one.application_id for one in found])
        return respond(explanation_as_json(await self._operations.explanations.explain(found[0])))

    async def domains(self, request: web.Request) -> web.Response:
        """List the sending domains that have a circuit of their own, the worst state first."""
        self._doorkeeper.admit(request, Role.READ)
        found = await self._operations.domains.all(Query(request, "state").choices("state", State))
        return respond({"data": [domain_as_json(one) for one in found]})

    async def domain(self, request: web.Request) -> web.Response:
        """Tell everything of one domain's circuit."""
        self._doorkeeper.admit(request, Role.READ)
        name = request.match_info["name"].lower()
        application = Query(request, "application").text("application")
        standings = await self._operations.domains.all((), name)
        found = [one for one in standings if application in {None, one.application_id}]
        if not found:
            raise Problem(HTTPStatus.NOT_FOUND, "not_found", f"nothing was ever decided about the domain {name}")
        if len(found) > 1:
            raise _ambiguous(name, [one.application_id for one in found])
        page = await self._operations.trail.page(None, None, PAGE, None, found[0].id)
        return respond({**domain_as_json(found[0]), "verdicts": [verdict_as_json(one) for one in page.items]})

    async def feedback_domains(self, request: web.Request) -> web.Response:
        """List the recipient domains that are known to send complaint feedback."""
        self._doorkeeper.admit(request, Role.READ)
        configured = self._operations.in_force.settings.counting.feedback_domains
        return respond(feedback_as_json(configured, await self._operations.feedback.all()))

    async def verdicts(self, request: web.Request) -> web.Response:
        """List the audit trail, the newest first."""
        self._doorkeeper.admit(request, Role.READ)
        query = Query(request, "account", "since", "limit", "cursor")
        since, limit = query.moment("since"), query.integer("limit", PAGE, LARGEST_PAGE)
        cursor, name = query.text("cursor"), query.text("account")
        accounts = None
        if name is not None and name.lower().startswith(_OF_A_DOMAIN):
            page = await self._operations.trail.page(None, since, limit, cursor, name.lower())
            return respond({"data": [verdict_as_json(one) for one in page.items], "next_cursor": page.next_cursor})
        if name is not None:
            accounts = [one.key for one in await self._find(name)]
            if not accounts:
                raise _not_found(name)
        page = await self._operations.trail.page(accounts, since, limit, cursor)
        return respond({"data": [verdict_as_json(one) for one in page.items], "next_cursor": page.next_cursor})

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
        act, selectors = act_of(action, bearer.name), selectors_of(action)
        operator = self._operations.operator
        if action.plan:
            return respond(report_as_json(await operator.plan(act, selectors), plan=True))
        report = await operator.carry_out(act, selectors)
        self._acted()
        unconfirmed = await operator.wait(report, action.wait)
        return respond(report_as_json(report, plan=False, unconfirmed=len(unconfirmed)))

    async def guard(self, request: web.Request) -> web.Response:
        """Tell how much of the fleet guard's limits is used, and what it holds."""
        self._doorkeeper.admit(request, Role.READ)
        held, now = self._operations.guard, self._operations.clock.now()
        return respond(guard_as_json(await held.usage(now), await held.raises(now), await held.stops()))

    async def hold(self, request: web.Request) -> web.Response:
        """Tell whether automatic changes are on hold."""
        self._doorkeeper.admit(request, Role.READ)
        await self._operations.modes.refresh()
        return respond(hold_as_json(self._operations.modes.hold(self._operations.clock.now())))

    async def _find(self, name: str) -> Sequence[Standing]:
        try:
            selector = parse_selector(name)
        except ValueError:
            return []
        return await self._operations.accounts.find(selector) if selector.scope is Scope.ACCOUNT else []


def _ambiguous(name: str, applications: Sequence[str]) -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "ambiguous",
        f"{name} is known in several applications: add ?application= with one of {', '.join(applications)}",
    )


def _not_found(name: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "not_found", f"no account is known by {name}")
