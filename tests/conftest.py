"""A real PostgreSQL for every test that asks: one server a session, a fresh migrated database a test."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import asyncpg
import hypothesis
import pytest

from breaker.adapters.postgres.embedded import EmbeddedPostgres, temporary_home
from breaker.adapters.postgres.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

T = TypeVar("T")

# A shared machine is slow at times, and no test here is about time.
# What CI says must not be a matter of chance: there, examples follow from the test alone.
hypothesis.settings.register_profile("breaker", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("breaker")

_TEMPLATE = "breaker_template"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The session's server.

    Attributes:
        admin_url: The connection string of its maintenance database.
    """

    admin_url: str

    def url(self, database: str) -> str:
        """Return the connection string of one of its databases."""
        return urlsplit(self.admin_url)._replace(path=f"/{database}").geturl()

    @contextlib.asynccontextmanager
    async def database(self, template: str = _TEMPLATE) -> AsyncIterator[str]:
        """Give a fresh database, migrated unless another template is named, and drop it, whoever is still connected."""
        name = f"test_{uuid.uuid4().hex}"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield self.url(name)
        finally:
            await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def migrate_template(self) -> None:
        """Make the database that all others are copied from; to be copied, it must have no connections."""
        await self._execute(f"CREATE DATABASE {_TEMPLATE}")
        await upgrade(self.url(_TEMPLATE))

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.admin_url, statement_cache_size=0)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One server for this session (with pytest-xdist: for this worker), without any care for crashes."""
    binaries = os.environ.get("BREAKER_POSTGRES_BIN")
    with temporary_home("breaker-tests-") as home:
        embedded = EmbeddedPostgres(
            home / "postgres", durable=False, binaries=Path(binaries) if binaries else None, database="postgres"
        )
        try:
            yield _run(_ready(embedded))
        finally:
            _run(embedded.stop())


@pytest.fixture
async def database_url(cluster: Cluster) -> AsyncIterator[str]:
    """The connection string of a fresh, migrated database."""
    async with cluster.database() as url:
        yield url


@pytest.fixture
async def empty_database_url(cluster: Cluster) -> AsyncIterator[str]:
    """The connection string of a fresh database without any schema."""
    async with cluster.database("template0") as url:
        yield url


async def _ready(embedded: EmbeddedPostgres) -> Cluster:
    cluster = Cluster(await embedded.start())
    await cluster.migrate_template()
    return cluster


def _run(work: Coroutine[None, None, T]) -> T:
    """Run to the end on a loop in a thread of its own: the loops of the tests are pytest-asyncio's."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()
