from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from breaker.adapters.postgres.embedded import EmbeddedPostgres, temporary_home
from tests.acceptance.processes import bare_environment
from tests.acceptance.world import World, environment_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes of this session keep compiled modules."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
async def world(database_url: str, tmp_path: Path, bytecode: Path) -> AsyncIterator[World]:
    """A world on a fresh, migrated database; nothing of it outlives the test."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        world = World(tmp_path, session, environment_of(tmp_path, bare_environment(bytecode), database_url))
        try:
            yield world
        finally:
            world.end()


@pytest.fixture
async def local_world(bytecode: Path) -> AsyncIterator[World]:
    """A world without a configured database; its embedded server does not outlive the test either."""
    with temporary_home("breaker-acceptance-") as home:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            world = World(home, session, environment_of(home, bare_environment(bytecode), None))
            try:
                yield world
            finally:
                world.end()
                await EmbeddedPostgres(home / "data" / "postgres").stop()
