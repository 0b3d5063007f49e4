"""The schema's revisions: bring a database to one, and refuse to work on another.

The revisions are alembic's, written in SQL, in `migrations/` of the repository and `breaker/migrations` of the wheel.
One upgrade is one transaction: it happens as a whole or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import breaker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

_CONNECT_SECONDS = 30.0
# What a revision calls as `op` and env.py as `context` is one per process.
_ALEMBIC = threading.Lock()


class SchemaError(Exception):
    """The database's schema is not the one that this Breaker needs; the text names both and the command that helps."""


class MigrationError(Exception):
    """An upgrade failed and left the database as it was; the text says why."""


class Queryable(Protocol):
    """A connection or a pool of asyncpg, as far as it is needed here."""

    async def fetchval(self, query: str) -> object:
        """Return the first value of the first row, or None."""
        ...


async def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring a database to a revision; one that is there already is left alone.

    Args:
        database_url: A `postgresql://` connection string, best one past any pooler.
        revision: A revision's name, or `head`.

    Raises:
        MigrationError: The database cannot be reached, or a revision failed; nothing was changed.
    """
    try:
        await asyncio.to_thread(_upgrade, database_url, revision)
    except (CommandError, OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise MigrationError(
            f"the database was not migrated to {revision}, and is as it was: {_reason(error)}"
        ) from error


async def current_revision(database_url: str) -> str | None:
    """Return the revision that a database is at, or None where it has no schema of ours.

    Raises:
        OSError: The database cannot be reached.
        asyncpg.PostgresError: It refuses.
    """
    connection = await asyncpg.connect(database_url, timeout=_CONNECT_SECONDS, statement_cache_size=0)
    try:
        return await _revision(connection)
    finally:
        await connection.close()


@functools.cache
def head_revision() -> str:
    """Return the revision that this Breaker works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise SchemaError(f"there are no revisions in {migrations_folder()}: this installation is incomplete")
    return head


async def check_schema(database: Queryable) -> None:
    """Refuse a database at any revision but the head.

    Raises:
        SchemaError: It is older, newer, or has no schema at all.
    """
    found, needed = await _revision(database), head_revision()
    if found == needed:
        return
    if found is None:
        raise SchemaError(f"the database has no schema yet, this Breaker needs {needed}: run `breaker migrate`")
    if found not in _known_revisions():
        raise SchemaError(
            f"the database's schema is {found}, which this Breaker ({breaker.__version__}) does not know; it needs "
            f"{needed}: run the newer Breaker that migrated it"
        )
    raise SchemaError(f"the database's schema is {found}, this Breaker needs {needed}: run `breaker migrate`")


def sql(revisions: str = "head") -> str:
    """Return the SQL of an upgrade for people who review it first; no database is needed.

    Args:
        revisions: The revision to reach from nothing, or `from:to`.
    """
    output = io.StringIO()
    with _ALEMBIC:
        command.upgrade(_config(output), revisions, sql=True)
    return output.getvalue()


def migrations_folder() -> Path:
    """Return the folder of the revisions: the wheel's, or in an editable installation the repository's.

    Raises:
        SchemaError: Neither is there.
    """
    package = Path(breaker.__file__).parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise SchemaError(f"no migrations were found beside {package}: this installation is incomplete, install it again")


@contextlib.asynccontextmanager
async def migration_engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine for one migration; nothing else in Breaker uses SQLAlchemy.

    The connection string goes to asyncpg as it is, so both read it in one way, and statements are neither cached nor
    named twice, so that a pooler in between does no harm.
    """
    engine = create_async_engine(
        "postgresql+asyncpg://",
        poolclass=NullPool,
        connect_args={
            "dsn": database_url,
            "timeout": _CONNECT_SECONDS,
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"breaker_{uuid.uuid4().hex}",
        },
    )
    try:
        yield engine
    finally:
        await engine.dispose()


def _upgrade(database_url: str, revision: str) -> None:
    """Upgrade on an event loop of this thread's own, while nobody else in this process uses alembic."""
    config = _config()

    def run(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async def upgrade_here() -> None:
        async with migration_engine(database_url) as engine, engine.connect() as connection:
            await connection.run_sync(run)

    with _ALEMBIC:
        asyncio.run(upgrade_here())


def _config(output: io.StringIO | None = None) -> Config:
    # Without a buffer alembic would print to our standard output.
    config = Config(stdout=io.StringIO(), output_buffer=output or io.StringIO())
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@functools.cache
def _known_revisions() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


async def _revision(database: Queryable) -> str | None:
    # Asked first, because a missing table would break off a transaction that the caller may be in.
    if await database.fetchval("SELECT to_regclass('alembic_version') IS NULL"):
        return None
    found = await database.fetchval("SELECT string_agg(version_num, ', ' ORDER BY version_num) FROM alembic_version")
    return None if found is None else str(found)


def _reason(error: Exception) -> str:
    """Return what happened without the statement and the values that SQLAlchemy adds."""
    return str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
