"""Connections to the database."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CONNECT_SECONDS = 10.0
_COMMAND_SECONDS = 60.0
_STATEMENTS_CACHED = 256
_CLOSE_SECONDS = 10.0


@asynccontextmanager
async def connection_pool(url: str, largest: int, *, pooled: bool = False) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool, and close it in the end.

    Args:
        url: A `postgresql://` connection string.
        largest: The most connections; they are opened as they are needed.
        pooled: Whether a pooler in transaction mode stands in between: nothing then relies on a session, prepared
            statements included.

    Raises:
        OSError: The server cannot be reached.
        asyncpg.PostgresError: It refuses.
    """
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=largest,
        timeout=_CONNECT_SECONDS,
        command_timeout=_COMMAND_SECONDS,
        statement_cache_size=0 if pooled else _STATEMENTS_CACHED,
        # Nothing here leaves anything behind in a session, so that nothing has to be sent to clean one up.
        reset=_leave_as_it_is,
    )
    try:
        yield pool
    finally:
        await _close(pool)


async def _leave_as_it_is(connection: asyncpg.Connection) -> None:
    """Send no RESET between two uses."""


async def _close(pool: asyncpg.Pool) -> None:
    """Close in good order, or after some seconds in any."""
    try:
        await asyncio.wait_for(pool.close(), _CLOSE_SECONDS)
    except TimeoutError:
        pool.terminate()
