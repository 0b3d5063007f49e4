"""Listening: a listener serves from its address until the daemon stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from breaker.app.database import UnavailableError

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from breaker.config.values import ListenAddress


async def listen(stack: AsyncExitStack, application: web.Application, at: ListenAddress) -> tuple[str, int]:
    """Serve an application until the stack is closed; requests under way end first.

    Raises:
        UnavailableError: Its address can't be listened on.
    """
    runner = web.AppRunner(application, auto_decompress=False, access_log=None, shutdown_timeout=10.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, at.host, at.port).start()
    except OSError as error:
        raise UnavailableError(
            f"nothing can be listened for on {at} ({error.strerror or error}): is another daemon running? Else set "
            "BREAKER_LISTEN and BREAKER_ADMIN_LISTEN to addresses of this machine that are free"
        ) from error
    host, port = runner.addresses[0][:2]
    return str(host), int(port)
