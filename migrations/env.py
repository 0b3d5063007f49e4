"""How alembic reaches the database.

`breaker migrate` hands over a connection; a developer's `alembic upgrade head` takes the database from `-x url=...`,
BREAKER_DATABASE_DIRECT_URL or BREAKER_DATABASE_URL; `--sql` needs none. Nothing here touches logging.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from alembic import context
from alembic.util import CommandError
from sqlalchemy import text

from breaker.adapters.postgres.migrate import migration_engine

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

# Any number that is the same in all daemons: two that migrate at once go one after the other.
_LOCK = 0x627265616B6572


def run_offline() -> None:
    context.configure(dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run(connection: Connection) -> None:
    context.configure(connection=connection)
    with context.begin_transaction():
        # Held to the end of the transaction; whoever waited sees the other's revision and has nothing left to do.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        context.run_migrations()


async def run_from_the_command_line() -> None:
    url = (
        context.get_x_argument(as_dictionary=True).get("url")
        or os.environ.get("BREAKER_DATABASE_DIRECT_URL")
        or os.environ.get("BREAKER_DATABASE_URL")
    )
    if not url:
        raise CommandError("no database is named: set BREAKER_DATABASE_URL, or give -x url=postgresql://...")
    async with migration_engine(url) as engine, engine.connect() as connection:
        await connection.run_sync(run)


if context.is_offline_mode():
    run_offline()
elif (handed_over := context.config.attributes.get("connection")) is not None:
    run(handed_over)
else:
    asyncio.run(run_from_the_command_line())
