"""The two that are compared, each in one process on the same event loop: Breaker, and a bare handler as yardstick."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import uvloop
from aiohttp import web

from breaker.adapters.logs import configure_logging
from breaker.adapters.nylas.notifications import decode
from breaker.adapters.nylas.signature import HEADER, matching_secret
from breaker.app import running, spare_the_collector
from breaker.app.rhythm import Rhythm
from breaker.config import load
from tests.bench.events import APPLICATION, PATH, SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from multiprocessing.connection import Connection

    from breaker.config import Settings

_START_LIMIT = 60.0


@asynccontextmanager
async def server(serve: Callable[..., Awaitable[None]], *arguments: object) -> AsyncIterator[tuple[Any, int]]:
    """Run a server in a process of its own; give what it tells, such as its port, and its process id."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(serve, theirs, *arguments), daemon=True)
    process.start()
    try:
        if not await asyncio.to_thread(ours.poll, _START_LIMIT):
            raise TimeoutError(f"the server did not start within {_START_LIMIT:.0f} s")
        yield ours.recv(), process.pid or 0
    finally:
        ours.send("stop")
        await asyncio.to_thread(process.join, 30)
        if process.is_alive():
            process.kill()


async def yardstick(pipe: Connection) -> None:
    """Read, check the signature, decode, answer: what any receiver of webhooks has to do at least."""

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        if matching_secret(body, request.headers.get(HEADER), [SECRET]) is None:
            return web.Response(status=401)
        decode(body, 0.0)
        return web.Response(text="committed\n")

    application = web.Application()
    application.router.add_post(PATH, receive)
    runner = web.AppRunner(application, auto_decompress=False, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pipe.send(runner.addresses[0][1])
    await asyncio.to_thread(pipe.recv)
    await runner.cleanup()


async def breaker(pipe: Connection, database_url: str, secrets_dir: str) -> None:
    """Run the daemon as `breaker serve` does; its webhook listener's port is told."""
    async with running(_settings(database_url, secrets_dir)) as daemon:
        spare_the_collector()
        pipe.send(daemon.webhook_address[1])
        await asyncio.to_thread(pipe.recv)


async def gate(pipe: Connection, database_url: str, secrets_dir: str, token: str) -> None:
    """Run the same, with a send path's token; its admin listener's port is told."""
    async with running(_settings(database_url, secrets_dir, admin_tokens=f"bench:gate:{token}")) as daemon:
        spare_the_collector()
        pipe.send(daemon.admin_address[1])
        await asyncio.to_thread(pipe.recv)


async def enforcing(pipe: Connection, database_url: str, secrets_dir: str, flags: dict[str, str]) -> None:
    """Run the same as it acts on a platform; the ports of its admin and its webhook listener are told."""
    configure_logging("json", "error")
    rhythm = Rhythm(grants=10.0)
    async with running(_settings(database_url, secrets_dir, **flags), rhythm=rhythm) as daemon:
        spare_the_collector()
        pipe.send((daemon.admin_address[1], daemon.webhook_address[1]))
        await asyncio.to_thread(pipe.recv)


def _settings(database_url: str, secrets_dir: str, **more: object) -> Settings:
    return load(
        None,
        {
            "database_url": database_url,
            "secrets_dir": secrets_dir,
            "listen": "127.0.0.1:0",
            "admin_listen": "127.0.0.1:0",
            "application_id": APPLICATION,
            "webhook_secrets": SECRET,
            **more,
        },
        {},
    )


def _run(serve: Callable[..., Any], pipe: Connection, *arguments: object) -> None:
    uvloop.run(serve(pipe, *arguments))
