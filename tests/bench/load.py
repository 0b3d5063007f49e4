"""A lean HTTP client: it writes requests that are ready, one at a time on each connection, and counts the answers.

It has to cost little, since it shares the machine with what it measures; a client library would cost as much as the
server.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIMIT = 300.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load came to.

    Args:
        per_second: Requests answered in a second.
        answered: How many were answered with 200.
        refused: How many with another status.
    """

    per_second: float
    answered: int
    refused: int


async def measure(port: int, requests: Iterable[bytes], connections: int) -> Measured:
    """Send all requests over so many connections, each of which waits for an answer before it goes on."""
    load = _Load(list(requests))
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(load), "127.0.0.1", port)
    async with asyncio.timeout(_LIMIT):
        await load.ended
    return Measured(load.answered / (time.perf_counter() - begun), load.answered, load.refused)


class _Load:
    def __init__(self, requests: list[bytes]) -> None:
        self._requests = iter(requests)
        self._left = len(requests)
        self.answered = 0
        self.refused = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def next(self) -> bytes | None:
        return next(self._requests, None)

    def count(self, *, good: bool) -> None:
        self.answered += good
        self.refused += not good
        self._left -= 1
        if self._left == 0:
            self.ended.set_result(None)

    def fail(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(error or ConnectionError("the server closed a connection"))


class _Connection(asyncio.Protocol):
    def __init__(self, load: _Load) -> None:
        self._load = load
        self._received = b""
        self._finished = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        good = self._received.startswith(b"HTTP/1.1 200 ")
        self._received = body[length:]
        self._load.count(good=good)
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._finished:
            self._load.fail(exc)

    def _go_on(self) -> None:
        request = self._load.next()
        if request is None:
            self._finished = True
            self._transport.close()
        else:
            self._transport.write(request)
