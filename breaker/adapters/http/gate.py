"""`GET /api/v1/gate/{id}`: whether an account may send now, asked before each send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from breaker.adapters.http.problems import bad_value, respond
from breaker.adapters.http.queries import Query
from breaker.domain.acts.selectors import Scope, parse_selector
from breaker.domain.standing.gate import SendKind

if TYPE_CHECKING:
    from aiohttp import web

    from breaker.domain.standing.gate import Answer


class Gate(Protocol):
    """Answers from memory."""

    def answer(self, name: str, kind: SendKind, application_id: str | None = ...) -> Answer:
        """Answer whether an account may send now."""
        ...


def answer_gate(request: web.Request, gate: Gate) -> web.Response:
    """Answer a send path.

    Raises:
        Problem: The id is neither a grant id nor an address, or a parameter is wrong.
    """
    query = Query(request, "type", "application")
    kind, application_id = query.choice("type", SendKind.COMPOSE), query.text("application")
    try:
        selector = parse_selector(request.match_info["id"])
    except ValueError as error:
        raise bad_value("id", "must be a grant id or an address") from error
    if selector.scope is not Scope.ACCOUNT:
        raise bad_value("id", "must be a grant id or an address: one account is asked about")
    answer = gate.answer(selector.name, kind, application_id)
    return respond(answer._asdict())
