"""The database: configured or embedded, its connections, and its schema."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from breaker.adapters.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from breaker.adapters.postgres.migrate import (
    MigrationError,
    SchemaError,
    check_schema,
    current_revision,
    head_revision,
    sql,
    upgrade,
)
from breaker.adapters.postgres.pool import connection_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.config import Settings


class UnavailableError(Exception):
    """Something that Breaker needs cannot be used now; the sentence says what, and what to do about it."""


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """Return the server of our own, which may or may not run."""
    return EmbeddedPostgres(settings.data_dir / "postgres", binaries=settings.postgres_bin)


@asynccontextmanager
async def database(settings: Settings, *, make: bool = False) -> AsyncIterator[str]:
    """Give the connection string of the database, embedded where none is configured.

    A running embedded server is used as it is; else it is started, and stopped in the end unless somebody else uses it
    by then.

    Args:
        settings: Where it is.
        make: Whether to make an embedded one that does not exist.

    Raises:
        UnavailableError: There is none, or it cannot be started.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    embedded = embedded_postgres(settings)
    if not make and not embedded.data_dir.exists():
        raise UnavailableError(
            f"no database is configured, and there is no embedded one in {embedded.data_dir} yet: set "
            "BREAKER_DATABASE_URL, or try `breaker demo`"
        )
    try:
        url = await embedded.attach()
        started_here = url is None
        url = url or await embedded.start()
    except EmbeddedPostgresError as error:
        raise UnavailableError(f"the embedded PostgreSQL cannot be used: {error}") from error
    try:
        yield url
    finally:
        if started_here and not await _others_use(url):
            await embedded.stop()


async def _others_use(url: str) -> bool:
    """Tell whether somebody else has come to use a server that we started."""
    try:
        connection = await asyncpg.connect(url, statement_cache_size=0)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    try:
        others = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
    return bool(others)


def place_of(settings: Settings) -> str:
    """Say where the database is, without a password."""
    if settings.database_url is None:
        return f"the embedded PostgreSQL in {embedded_postgres(settings).data_dir}"
    parts = urlsplit(settings.database_url.get_secret_value())
    return f"the database {parts.hostname or 'on a local socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"


@asynccontextmanager
async def connections(settings: Settings, url: str) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool of connections to a database whose schema is known.

    Where the configuration names a direct address too, the other one is taken for a pooler in transaction mode.

    Raises:
        UnavailableError: It does not answer, refuses, or has another schema.
    """
    pooled = settings.database_direct_url is not None
    async with AsyncExitStack() as stack:
        try:
            pool = await stack.enter_async_context(connection_pool(url, settings.database_connections, pooled=pooled))
            await check_schema(pool)
        except SchemaError as error:
            raise UnavailableError(f"{place_of(settings)} cannot be used: {error}") from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError(unreachable(settings, error)) from error
        yield pool


def unreachable(settings: Settings, error: Exception) -> str:
    """Say that the database does not answer, and what to look at."""
    what = str(error) or type(error).__name__
    return (
        f"{place_of(settings)} does not answer as it should ({what}): is BREAKER_DATABASE_URL right, and does it run?"
    )


async def migrate(settings: Settings) -> tuple[str | None, str]:
    """Bring the database to the schema that this Breaker needs; return the revisions before and after.

    Raises:
        UnavailableError: It was not done, and nothing was changed.
    """
    async with database(settings, make=True) as found:
        direct = settings.database_direct_url
        url = direct.get_secret_value() if direct else found
        try:
            before = await current_revision(url)
            await upgrade(url)
        except MigrationError as error:
            raise UnavailableError(f"{place_of(settings)}: {error}") from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError(unreachable(settings, error)) from error
    return before, head_revision()


def migration_sql() -> str:
    """Return the SQL of the whole schema, for people who review it first."""
    return sql()
