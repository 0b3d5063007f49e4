"""Who may use the admin listener: bearer tokens, each with a name and a role."""

from __future__ import annotations

import hashlib
import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING

from breaker.adapters.http.problems import Problem
from breaker.config import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web

    from breaker.config import AdminToken

MAY: Mapping[Role, frozenset[Role]] = {
    Role.READ: frozenset({Role.READ}),
    Role.GATE: frozenset({Role.GATE}),
    Role.ACT: frozenset({Role.READ, Role.GATE, Role.ACT}),
}
"""What each role may do. `gate` is for send paths, which need not see the fleet."""

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="breaker"'}


class Doorkeeper:
    """Tells bearers apart by their tokens.

    Args:
        tokens: The tokens that are configured.
    """

    def __init__(self, tokens: Sequence[AdminToken]) -> None:
        """Admit the bearers of these tokens."""
        self.configure(tokens)

    def configure(self, tokens: Sequence[AdminToken]) -> None:
        """Admit the bearers of these tokens from now on; their digests are kept, which all have one length."""
        self._tokens = [(_digest(one.token.get_secret_value()), one) for one in tokens]

    def admit(self, request: web.Request, needs: Role) -> AdminToken:
        """Return the bearer of a request's token.

        Raises:
            Problem: 401 where there is no valid token, 403 where its role does not allow this.
        """
        if not self._tokens:
            raise _unauthorized(
                "nobody may use this listener yet: set BREAKER_ADMIN_TOKENS to name:token or name:role:token"
            )
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not credentials.strip():
            raise _unauthorized("send the header `Authorization: Bearer TOKEN`")
        bearer = self._bearer(credentials.strip())
        if bearer is None:
            raise _unauthorized("the token is not one of BREAKER_ADMIN_TOKENS")
        if needs not in MAY[bearer.role]:
            raise Problem(
                403, "forbidden", f"this needs a token with the role {needs}; {bearer.name}'s is {bearer.role}"
            )
        return bearer

    def _bearer(self, token: str) -> AdminToken | None:
        """Compare with every token, so that the time taken says nothing about which was near."""
        given = _digest(token)
        found = None
        for digest, one in self._tokens:
            if hmac.compare_digest(digest, given):
                found = one
        return found


def _unauthorized(sentence: str) -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", sentence, _CHALLENGE)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
