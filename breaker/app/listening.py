"""Listening: a listener serves from its address until the daemon stops."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aiohttp import web

from breaker.adapters.systemd import inherited_sockets
from breaker.app.database import UnavailableError

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from contextlib import AsyncExitStack

    from breaker.config.values import ListenAddress

WEBHOOKS, ADMIN = "webhooks", "admin"
"""What a socket unit calls the sockets that it hands over (`FileDescriptorName=`)."""


def sockets_handed_over() -> Mapping[str, socket.socket]:
    """Return the listening sockets that systemd started this process with, by name.

    Raises:
        UnavailableError: They are not what the daemon listens on.
    """
    try:
        sockets = inherited_sockets(os.environ, os.getpid())
    except ValueError as error:
        raise UnavailableError(f"the sockets that systemd hands over: {error}") from error
    unknown = sorted(set(sockets) - {WEBHOOKS, ADMIN})
    if unknown:
        raise UnavailableError(
            f"the socket unit hands over {', '.join(unknown)}: set FileDescriptorName= in it to {WEBHOOKS} or {ADMIN}"
        )
    return sockets


async def listen(
    stack: AsyncExitStack, application: web.Application, at: ListenAddress, handed_over: socket.socket | None = None
) -> tuple[str, int]:
    """Serve an application until the stack is closed; requests under way end first.

    Args:
        stack: What closes it.
        application: What is served.
        at: Where to listen.
        handed_over: A socket that listens already, in place of `at`: whoever owns it keeps it while nobody serves.

    Raises:
        UnavailableError: Its address can't be listened on.
    """
    runner = web.AppRunner(application, auto_decompress=False, access_log=None, shutdown_timeout=10.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    if handed_over is not None:
        await web.SockSite(runner, handed_over).start()
    else:
        try:
            await web.TCPSite(runner, at.host, at.port).start()
        except OSError as error:
            raise UnavailableError(
                f"nothing can be listened for on {at} ({error.strerror or error}): is another daemon running? Else set "
                "BREAKER_LISTEN and BREAKER_ADMIN_LISTEN to addresses of this machine that are free"
            ) from error
    host, port = runner.addresses[0][:2]
    return str(host), int(port)
