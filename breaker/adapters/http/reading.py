"""What the admin API tells: accounts, domains, the audit trail, the fleet guard."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from breaker.adapters.http.fleet_presentation import guard_as_json, hold_as_json, modes_as_json
from breaker.adapters.http.lookup_presentation import past_as_json
from breaker.adapters.http.presentation import (
    account_as_json,
    domain_as_json,
    explanation_as_json,
    feedback_as_json,
    verdict_as_json,
)
from breaker.adapters.http.problems import Problem, bad_value, respond
from breaker.adapters.http.queries import Query
from breaker.config import Role
from breaker.domain.acts.selectors import Scope, parse_selector
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.states import State
from breaker.domain.standing.listing import AccountFilter, Sort

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.adapters.http.authentication import Doorkeeper
    from breaker.adapters.http.offered import Operations
    from breaker.domain.standing.standing import Standing

PAGE, LARGEST_PAGE = 100, 1_000
_OF_A_DOMAIN = f"{Scope.DOMAIN}:"


class Reading:
    """The handlers of the paths that only read.

    Args:
        operations: What is read.
        doorkeeper: Says who may.
    """

    def __init__(self, operations: Operations, doorkeeper: Doorkeeper) -> None:
        """Keep the parts."""
        self._operations = operations
        self._doorkeeper = doorkeeper

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return the paths."""
        return [
            web.get("/api/v1/accounts", self.accounts),
            web.get("/api/v1/accounts/{id}", self.account),
            web.get("/api/v1/domains", self.domains),
            web.get("/api/v1/domains/{name}", self.domain),
            web.get("/api/v1/feedback-domains", self.feedback_domains),
            web.get("/api/v1/verdicts", self.verdicts),
            web.get("/api/v1/guard", self.guard),
            web.get("/api/v1/hold", self.hold),
            web.get("/api/v1/modes", self.modes),
        ]

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
        """Tell everything of one account, or how it stood at a moment."""
        self._doorkeeper.admit(request, Role.READ)
        query = Query(request, "application", "at")
        application, at = query.text("application"), query.moment("at")
        found = [
            one
            for one in await self._find(request.match_info["id"])
            if application is None or one.application_id == application
        ]
        if not found:
            raise await self._not_found(request.match_info["id"])
        if len(found) > 1:
            raise _ambiguous(request.match_info["id"], [one.application_id for one in found])
        explanations = self._operations.explanations
        if at is not None:
            if at > self._operations.clock.now():
                raise bad_value("at", "is a moment to come: nothing is known of it")
            return respond(past_as_json(await explanations.past(found[0], at)))
        return respond(explanation_as_json(await explanations.explain(found[0])))

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
                raise await self._not_found(name)
        page = await self._operations.trail.page(accounts, since, limit, cursor)
        return respond({"data": [verdict_as_json(one) for one in page.items], "next_cursor": page.next_cursor})

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

    async def modes(self, request: web.Request) -> web.Response:
        """List the modes in force: what people set, and what the configuration says beneath."""
        self._doorkeeper.admit(request, Role.READ)
        listed = await self._operations.modes.listed(self._operations.clock.now())
        return respond(modes_as_json(listed, self._operations.in_force.modes))

    async def _find(self, name: str) -> Sequence[Standing]:
        try:
            selector = parse_selector(name)
        except ValueError:
            return []
        return await self._operations.accounts.find(selector) if selector.scope is Scope.ACCOUNT else []

    async def _not_found(self, name: str) -> Problem:
        try:
            known = await self._operations.directory.nearest(parse_selector(name))
        except ValueError:
            known = None
        hint = f"; the nearest known is {known}" if known else ""
        return Problem(HTTPStatus.NOT_FOUND, "not_found", f"no account is known by {name}{hint}")


def _ambiguous(name: str, applications: Sequence[str]) -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "ambiguous",
        f"{name} is known in several applications: add ?application= with one of {', '.join(applications)}",
    )
