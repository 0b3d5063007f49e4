"""A plain HTTP client of the simulated platform and a plain receiver of its webhooks, knowing nothing of Breaker."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import msgspec
from aiohttp import web

from breaker.simulator.clock import SimulatedClock
from breaker.simulator.options import SimulationOptions
from breaker.simulator.platform import SimulatedPlatform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from breaker.simulator.application import Application

#: What a decoded answer, or a request that is to be wrong, is made of.
Loose = Any

DELIVERY = [
    f"{family}.{outcome}"
    for family in ("message", "message.transactional")
    for outcome in ("delivered", "bounced", "complaint", "rejected")
]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer with its decoded body."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def data(self) -> Loose:
        return self.body["data"]

    @property
    def error(self) -> tuple[int, str, str]:
        return self.status, self.body["error"]["type"], self.body["error"]["message"]


class Client:
    def __init__(self, session: aiohttp.ClientSession, base_url: str, api_key: str) -> None:
        self.session = session
        self.base_url = base_url
        self.api_key = api_key

    async def call(
        self, method: str, path: str, json: Loose = None, *, api_key: str | None = None, **rest: Loose
    ) -> Answer:
        headers = {"Authorization": f"Bearer {api_key or self.api_key}", **rest.pop("headers", {})}
        async with self.session.request(method, self.base_url + path, json=json, headers=headers, **rest) as response:
            content = await response.read()
            decoded = msgspec.json.decode(content) if response.content_type == "application/json" else content
            return Answer(response.status, decoded, dict(response.headers))

    async def get(self, path: str, **rest: Loose) -> Answer:
        return await self.call("GET", path, **rest)

    async def post(self, path: str, json: Loose = None, **rest: Loose) -> Answer:
        return await self.call("POST", path, json, **rest)

    async def put(self, path: str, json: Loose = None) -> Answer:
        return await self.call("PUT", path, json)

    async def patch(self, path: str, json: Loose = None) -> Answer:
        return await self.call("PATCH", path, json)

    async def delete(self, path: str, json: Loose = None, **rest: Loose) -> Answer:
        return await self.call("DELETE", path, json, **rest)

    async def send(self, grant_id: str, *recipients: str, **rest: Loose) -> Answer:
        body = {"to": [{"email": recipient} for recipient in recipients], "subject": "Hello", "body": "…", **rest}
        return await self.post(f"/v3/grants/{grant_id}/messages/send", body)


@dataclass
class World:
    clock: SimulatedClock
    platform: SimulatedPlatform
    application: Application
    client: Client
    base_url: str

    @classmethod
    @asynccontextmanager
    async def open(cls, seed: int = 1, **options: Loose) -> AsyncIterator[World]:
        clock = SimulatedClock()
        platform = SimulatedPlatform(clock, seed, SimulationOptions(**options))
        application = platform.add_application("app-1", "key-1", ["agents.example.com"])
        base_url = await platform.start()
        try:
            async with aiohttp.ClientSession() as session:
                yield cls(clock, platform, application, Client(session, base_url, "key-1"), base_url)
        finally:
            await platform.stop()


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    raw: bytes
    content: Any

    def signed_with(self, secret: str) -> bool:
        return self.headers["X-Nylas-Signature"] == hmac.new(secret.encode(), self.raw, hashlib.sha256).hexdigest()


@dataclass
class Receiver:
    """A webhook endpoint that keeps what it gets, raw, and answers as it is told."""

    status: Callable[[int], int] = lambda _number: 200
    headers: dict[str, str] = field(default_factory=dict)
    echo: Callable[[str], web.Response] = lambda challenge: web.Response(text=challenge)
    received: list[Received] = field(default_factory=list)
    challenges: list[str] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.add_routes([web.get("/hook", self._challenge), web.post("/hook", self._take)])
        self._runner = web.AppRunner(application, auto_decompress=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _challenge(self, request: web.Request) -> web.Response:
        self.challenges.append(request.query["challenge"])
        return self.echo(request.query["challenge"])

    async def _take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        content = None if "Content-Encoding" in request.headers else msgspec.json.decode(raw)
        self.received.append(Received(dict(request.headers), raw, content))
        return web.Response(status=self.status(len(self.received)), headers=self.headers)
