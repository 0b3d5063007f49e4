"""What makes a daemon ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.migrate import SchemaError, check_schema

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import asyncpg


def readiness_checks(
    pool: asyncpg.Pool, secret_known: Callable[[], bool]
) -> Mapping[str, Callable[[], Awaitable[str | None]]]:
    """Return what makes a daemon ready, by name; each says what is wrong, or None.

    Args:
        pool: Connections to the database.
        secret_known: Whether a webhook secret is known, without which nothing can be taken in.
    """

    async def database_problem() -> str | None:
        with translated():
            await pool.fetchval("SELECT 1")
        return None

    async def schema_problem() -> str | None:
        try:
            with translated():
                await check_schema(pool)
        except SchemaError as error:
            return str(error)
        return None

    async def secret_problem() -> str | None:
        return None if secret_known() else "no webhook secret is known yet: run `breaker setup`"

    return {"database": database_problem, "schema": schema_problem, "webhook_secret": secret_problem}
