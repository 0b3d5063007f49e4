"""Idempotent sends (SPEC `Idempotency-Key`): the answer to a key is kept for an hour and given again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from breaker.simulator.errors import ApiError

if TYPE_CHECKING:
    from breaker.ports import Clock

_KEPT = 3600
_LONGEST_KEY = 256


@dataclass(frozen=True, slots=True)
class _Kept:
    at: float
    fingerprint: bytes
    status: int
    body: bytes


class IdempotentAnswers:
    """The answers of the last hour, by scope (a grant, or an application) and key.

    Args:
        clock: The simulation's time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}

    def known(self, scope: str, key: str, payload: bytes) -> web.Response | None:
        """Return the answer that was given to this key and payload before, or None.

        Raises:
            ApiError: 400 for a key that is too long, 409 for a known key with another payload.
        """
        if len(key) > _LONGEST_KEY:
            raise ApiError(400, "api.invalid_idempotency_key", "Idempotency-Key must be 256 characters or fewer.")
        kept = self._kept.get((scope, key))
        if kept is None or kept.at < self._clock.now() - _KEPT:
            return None
        if kept.fingerprint != _fingerprint(payload):
            raise ApiError(
                409,
                "api.invalid_idempotent_request",
                "The Idempotency-Key was reused with a different request payload.",
            )
        return web.Response(
            body=kept.body,
            status=kept.status,
            content_type="application/json",
            headers={"Idempotent-Response": "true"},
        )

    def keep(self, scope: str, key: str, payload: bytes, response: web.Response) -> None:
        """Keep an answer, success or error."""
        body = response.body
        content = bytes(body) if isinstance(body, bytes | bytearray | memoryview) else b""
        self._kept[scope, key] = _Kept(self._clock.now(), _fingerprint(payload), response.status, content)


def _fingerprint(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()
