"""Looking for what is due costs what is held, and not what the fleet is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

from breaker.adapters.postgres.probes import PostgresProbes
from tests.counting.daemons import APPLICATION, COUNTING, NOW, SIZES

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLEET = """
    WITH made AS (
        INSERT INTO accounts (application, grant_id, address, domain, known_since)
        SELECT 1, 'grant-' || n, 'agent-' || n || '@x.example', 'x.example', 0 FROM generate_series(1, 20000) n
        RETURNING account
    )
    INSERT INTO circuits (account, since, state)
    SELECT account, 0, CASE WHEN account % 1000 = 0 THEN 'stopped' ELSE 'sending' END FROM made
"""


def _nodes(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield how each table is read."""
    if "Relation Name" in plan:
        yield plan["Relation Name"], plan["Node Type"]
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


async def test_accounts_that_send_are_not_looked_at(database_url: str) -> None:
    asked: list[asyncpg.connection.LoggedQuery] = []

    async def listen(connection: asyncpg.Connection) -> None:
        connection.add_query_logger(asked.append)

    async with asyncpg.create_pool(database_url, min_size=0, max_size=2) as pool:
        await pool.execute("INSERT INTO applications (id) VALUES ($1)", APPLICATION)
        await pool.execute(_FLEET)
        await pool.execute("ANALYZE")
    async with asyncpg.create_pool(database_url, min_size=0, max_size=2, setup=listen) as pool:
        probes = PostgresProbes(pool, SIZES, lambda: COUNTING)

        due = await probes.due(APPLICATION, 0, NOW, 200)
        await probes.open(APPLICATION)

        assert (len(due), {one.outdated for one in due}) == (20, {True})
        looks = [one for one in asked if one.args and one.args[0] == APPLICATION]
        assert len(looks) == 2
        for look in looks:
            async with pool.acquire() as connection:
                await connection.execute("SET plan_cache_mode = force_generic_plan")
                prepared = await connection.prepare(look.query)
                plan = await prepared.explain(*look.args)
            read = dict(_nodes(plan[0]["Plan"]))
            assert read["circuits"] != "Seq Scan", plan
