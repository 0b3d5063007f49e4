"""Where examples are played: one database for all of them, emptied between two, and a loop whose time can be moved."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import aiohttp
import asyncpg

from tests.whole.loop import MovableLoop
from tests.whole.world import World

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

# What the database itself is remembered by stays.
_TABLES = """
    SELECT string_agg(format('%I', c.relname), ', ') FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname NOT IN ('alembic_version', 'facts')
"""


class Stage:
    """Worlds, one after the other.

    Args:
        database_url: A migrated database that nobody else uses.
    """

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self.loop = MovableLoop()
        self._folder = tempfile.TemporaryDirectory(prefix="breaker-whole-")
        self._database: asyncpg.Connection = self.run(asyncpg.connect(database_url))
        self._tables: str = self.run(self._database.fetchval(_TABLES))

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Do something to its end."""
        return self.loop.run_until_complete(work)

    def world(self) -> World:
        """Begin a new world in an empty database."""
        return self.run(self._world())

    def end(self, world: World) -> None:
        """End a world."""
        self.run(self._end(world))

    def close(self) -> None:
        """Close everything."""
        self.run(self._database.close())
        self._folder.cleanup()
        self.run(self.loop.shutdown_asyncgens())
        self.loop.close()

    async def _world(self) -> World:
        await self._database.execute(f"TRUNCATE {self._tables} RESTART IDENTITY CASCADE")
        session = aiohttp.ClientSession()
        world = World(self.loop, self._url, self._database, Path(self._folder.name), session)
        await world.begin()
        return world

    async def _end(self, world: World) -> None:
        await world.end()
        await world.session.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # calls that the platform would never have answered
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
