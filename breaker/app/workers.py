"""Workers: what a daemon does beside its listeners, again and again until it stops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from breaker.app.database import UnavailableError
from breaker.ports import PlatformError, StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

BREATH = 5.0
"""Seconds after which what failed is tried again, where it is not due sooner."""

log = structlog.get_logger(__name__)


class Workers:
    """The tasks of a daemon."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def every(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        seconds: float,
        sleep: Callable[[float], Awaitable[None]],
    ) -> asyncio.Task[None]:
        """Do some work for ever, so many seconds apart.

        Args:
            name: What the log calls it.
            work: The work; what it raises is logged, and it is done again.
            seconds: Between two of its ends and beginnings.
            sleep: The sleep of the wall or of the daemon's clock.
        """
        return self.start(name, again_and_again(name, work, seconds, sleep))

    def start(self, name: str, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Do some work beside all else until it ends or the daemon stops."""
        task = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        return task

    async def stop(self) -> None:
        """End them all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []


async def again_and_again(
    name: str, work: Callable[[], Awaitable[object]], seconds: float, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Do some work for ever; what fails is logged and done again."""
    while True:
        try:
            await work()
        except (StoreError, PlatformError, OSError, UnavailableError) as error:
            log.warning("worker failed, and goes on", worker=name, error=str(error) or type(error).__name__)
            await sleep(min(seconds, BREATH))
            continue
        except Exception:
            log.exception("worker failed unexpectedly, and goes on", worker=name)
        await sleep(seconds)
