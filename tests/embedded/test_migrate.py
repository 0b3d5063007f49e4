from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import asyncpg
import pytest

from breaker.adapters.postgres.migrate import (
    MigrationError,
    SchemaError,
    check_schema,
    current_revision,
    head_revision,
    sql,
    upgrade,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_database_url)
    yield connection
    await connection.close()


async def test_an_empty_database_is_brought_to_the_head(empty_database_url: str) -> None:
    assert await current_revision(empty_database_url) is None

    await upgrade(empty_database_url)

    assert await current_revision(empty_database_url) == head_revision()


async def test_a_test_database_is_migrated_already(database_url: str) -> None:
    assert await current_revision(database_url) == head_revision()


async def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    await upgrade(database_url)

    assert await current_revision(database_url) == head_revision()


async def test_upgrades_at_once_go_one_after_the_other(empty_database_url: str) -> None:
    await asyncio.gather(*(upgrade(empty_database_url) for _ in range(3)))

    assert await current_revision(empty_database_url) == head_revision()


async def test_an_upgrade_that_cannot_be_says_why_and_changes_nothing(empty_database_url: str) -> None:
    with pytest.raises(MigrationError, match="not migrated to nowhere, and is as it was: Can't locate revision"):
        await upgrade(empty_database_url, "nowhere")

    assert await current_revision(empty_database_url) is None


async def test_a_server_that_refuses_is_told_without_the_password(empty_database_url: str) -> None:
    with pytest.raises(MigrationError, match="password authentication failed") as caught:
        await upgrade(empty_database_url.replace("breaker:", "breaker:hunter2-"))

    assert "hunter2" not in str(caught.value)


async def test_a_database_nobody_serves_is_a_migration_error() -> None:
    with pytest.raises(MigrationError, match="not migrated"):
        await upgrade("postgresql://breaker:secret@127.0.0.1:1/breaker?sslmode=disable")


async def test_a_schema_at_the_head_passes(database_url: str) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
        await check_schema(pool)


async def test_a_database_without_a_schema_is_refused_with_the_command_that_mends_it(empty: asyncpg.Connection) -> None:
    with pytest.raises(SchemaError, match=r"has no schema yet, this Breaker needs \w+: run `breaker migrate`"):
        await check_schema(empty)


async def test_a_schema_from_the_future_asks_for_a_newer_breaker(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")

        with pytest.raises(SchemaError, match=r"schema is 9999, which this Breaker .* does not know; .* run the newer"):
            await check_schema(connection)
    finally:
        await connection.close()


async def test_the_sql_for_review_makes_the_same_schema(empty: asyncpg.Connection, database_url: str) -> None:
    columns = """
        SELECT string_agg(format('%s.%s %s', table_name, column_name, data_type), ', ' ORDER BY 1)
        FROM (SELECT table_name, column_name, data_type FROM information_schema.columns
              WHERE table_schema = 'public' ORDER BY table_name, column_name)
    """
    migrated = await asyncpg.connect(database_url)
    try:
        await empty.execute(sql())

        assert await empty.fetchval(columns) == await migrated.fetchval(columns)
    finally:
        await migrated.close()


async def test_an_upgrade_prints_nothing_and_leaves_logging_alone(
    empty_database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = (list(logging.getLogger().handlers), logging.getLogger().level, logging.getLogger("alembic").level)

    await upgrade(empty_database_url)

    assert capfd.readouterr() == ("", "")
    assert (list(logging.getLogger().handlers), logging.getLogger().level, logging.getLogger("alembic").level) == before
