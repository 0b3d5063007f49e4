"""The moments at which a daemon reaches the outside world: where it can be killed, or others can come in between.

Nothing that happens between two of them can be told from outside, so that these are all the moments there are.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import SimpleNamespace


class Killed(BaseException):
    """The process is no more: nothing of it runs on, neither clean-ups nor excuses."""


class Moment(StrEnum):
    """Where a daemon is."""

    STATEMENT = "statement"
    """It is about to send a statement to the database."""
    DONE = "done"
    """The database has carried one out, and the daemon does not know yet."""
    REQUEST = "request"
    """It is about to send a request to the platform."""
    ANSWERED = "answered"
    """The platform has answered, and the daemon does not know yet."""
    SLEEP = "sleep"
    """It is about to wait."""


BETWEEN = frozenset({Moment.STATEMENT, Moment.ANSWERED, Moment.SLEEP})
"""Where others may come in between and be noticed: after them the daemon can still ask the database."""

Change = tuple[str, str, tuple[str, ...]]
"""A change that is asked of the platform: method, path, and the values or the workspace that it names."""


@dataclass(slots=True)
class Moments:
    """One daemon's moments.

    Attributes:
        dead: Whether the daemon was killed.
        left: Moments until something happens, or None.
        happens: What happens then, where it is no kill.
        asking: Told of each change that is asked of the platform, just before it is sent.
        in_transaction: Connections with an open transaction.
        statements: Statements under way.
        requests: Requests under way.
    """

    asking: Callable[[Change], Awaitable[None]]
    dead: bool = False
    left: int | None = None
    happens: Callable[[], Awaitable[None]] | None = None
    in_transaction: set[asyncpg.Connection] = field(default_factory=set)
    statements: int = 0
    requests: int = 0

    @property
    def waits_for_the_platform(self) -> bool:
        """Whether nothing but requests to the platform is under way."""
        return self.requests > 0 and not self.statements

    def kill_after(self, moments: int) -> None:
        """Have the daemon killed so many moments from now."""
        self.left, self.happens = moments, None

    def interrupt_after(self, moments: int, happens: Callable[[], Awaitable[None]]) -> None:
        """Have something happen at the first fitting moment that is so many from now."""
        self.left, self.happens = moments, happens

    def spare(self) -> None:
        """Let nothing happen any more."""
        self.left = self.happens = None

    async def reached(self, moment: Moment) -> None:
        """Be told that the daemon is somewhere.

        Raises:
            Killed: It is dead.
        """
        if self.dead:
            raise Killed
        if self.left is None:
            return
        self.left = max(0, self.left - 1)
        if self.left:
            return
        if self.happens is None:
            self.dead = True
            raise Killed
        # Whoever came in between might wait for what an open transaction has locked, and it for him.
        if moment in BETWEEN and not self.in_transaction:
            happens = self.happens
            self.spare()
            await happens()


def connection_class(moments: Moments) -> type[asyncpg.Connection]:
    """Return connections that tell of each statement."""

    async def told(connection: asyncpg.Connection, statement: Awaitable[Any]) -> Any:  # noqa: ANN401 - asyncpg's
        try:
            await moments.reached(Moment.STATEMENT)
        except BaseException:
            statement.close()  # type: ignore[attr-defined] # it is a coroutine
            raise
        moments.statements += 1
        try:
            result = await statement
        finally:
            moments.statements -= 1
            (moments.in_transaction.add if connection.is_in_transaction() else moments.in_transaction.discard)(
                connection
            )
        await moments.reached(Moment.DONE)
        return result

    class Watched(asyncpg.Connection):  # type: ignore[misc] # asyncpg has no types
        async def execute(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            return await told(self, super().execute(*arguments, **named))

        async def executemany(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            return await told(self, super().executemany(*arguments, **named))

        async def fetch(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            return await told(self, super().fetch(*arguments, **named))

        async def fetchrow(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            return await told(self, super().fetchrow(*arguments, **named))

        async def fetchval(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            return await told(self, super().fetchval(*arguments, **named))

    return Watched


def trace(moments: Moments) -> aiohttp.TraceConfig:
    """Return what tells of each request of an HTTP client."""
    config = aiohttp.TraceConfig()

    async def begins(_session: object, _context: SimpleNamespace, _params: aiohttp.TraceRequestStartParams) -> None:
        await moments.reached(Moment.REQUEST)
        moments.requests += 1

    async def writes(_session: object, _context: SimpleNamespace, params: aiohttp.TraceRequestChunkSentParams) -> None:
        with suppress(msgspec.DecodeError):
            body = msgspec.json.decode(params.chunk)
            named = tuple(body.get("items", ())) or (body.get("workspace_id"),)
            await moments.asking((params.method, params.url.path, named))

    async def ends(_session: object, _context: SimpleNamespace, params: aiohttp.TraceRequestEndParams) -> None:
        moments.requests -= 1
        try:
            await moments.reached(Moment.ANSWERED)
        except BaseException:
            params.response.close()
            raise

    async def fails(_session: object, _context: SimpleNamespace, _params: aiohttp.TraceRequestExceptionParams) -> None:
        moments.requests -= 1

    config.on_request_start.append(begins)
    config.on_request_exception.append(fails)
    config.on_request_chunk_sent.append(writes)
    config.on_request_end.append(ends)
    return config
