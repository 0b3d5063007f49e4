"""Whether the daemon lives, and whether it is ready; no token is asked for."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from prometheus_client.exposition import choose_encoder

from breaker.adapters.http.problems import respond
from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp import web
    from prometheus_client import CollectorRegistry

    Check = Callable[[], Awaitable[str | None]]

CHECK_SECONDS = 2.0
"""Seconds that a check may take: orchestrators ask every few seconds and wait for little more than one."""


class Health:
    """The handlers of `/livez`, `/readyz` and `/metrics`.

    Args:
        checks: What makes the daemon ready, by name: each returns what is wrong, or None.
        registry: The metrics.
        check_seconds: Seconds that each may take.
    """

    def __init__(
        self, checks: Mapping[str, Check], registry: CollectorRegistry, check_seconds: float = CHECK_SECONDS
    ) -> None:
        """Check nothing yet."""
        self._checks = checks
        self._registry = registry
        self._check_seconds = check_seconds

    async def livez(self, _request: web.Request) -> web.Response:
        """Say that the event loop turns; nothing else is asked, least of all the database."""
        return respond({"status": "alive"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """Say what is ready and what is not."""
        wrong = dict(
            zip(self._checks, await asyncio.gather(*(self._check(one) for one in self._checks.values())), strict=True)
        )
        ready = not any(wrong.values())
        return respond(
            {
                "status": "ready" if ready else "not_ready",
                "checks": {name: text or "ok" for name, text in wrong.items()},
            },
            HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE,
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """Give the metrics in the format that the scraper prefers."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        response = respond(None)
        response.body = encode(self._registry)
        response.headers["Content-Type"] = content_type
        return response

    async def _check(self, check: Check) -> str | None:
        try:
            async with asyncio.timeout(self._check_seconds):
                return await check()
        except TimeoutError:
            return f"no answer within {self._check_seconds:g} s"
        except StoreError as error:
            return str(error)
