"""How PostgreSQL answers the hot path's statements: by index, and from the days in question alone.

The statements are those that the daemon really sends. They are planned without looking at the values, as prepared
statements are after some uses, and run: what a plan leaves out while it runs is left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from breaker.domain.outcomes.outcomes import OutcomeKind
from tests.counting.daemons import DAY, NOW, daemon, event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import asyncpg

    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from tests.conftest import Cluster
    from tests.counting.daemons import Daemon

DELIVERED, BOUNCED = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED
TODAY = int(NOW // DAY)
FULL_DAYS = (TODAY - 40, TODAY - 1, TODAY)

_FILL = """
    INSERT INTO ledger (send, sent_at, account, application, outcomes)
    SELECT gen_random_uuid(), $1::bigint + n, 1000 + n % 400, 1, 1 FROM generate_series(1, 12000) n
"""
_FILL_ACCOUNTS = """
    WITH made AS (
        INSERT INTO accounts (application, grant_id, address, domain, known_since)
        SELECT 1, 'other-' || n, 'other-' || n || '@x.example', 'x.example', 0 FROM generate_series(1, 5000) n
        RETURNING account
    )
    INSERT INTO circuits (account, since) SELECT account, 0 FROM made
"""


class Scan(NamedTuple):
    """A scan of a table that a plan really ran."""

    table: str
    kind: str


class Logged:
    """A daemon, and the statements that it sends."""

    def __init__(self) -> None:
        self.statements: list[asyncpg.connection.LoggedQuery] = []
        self.daemon: Daemon

    async def take(self, *events: DeliveryEvent) -> dict[str, set[Scan]]:
        """Count a batch; return the scans of each of its statements, by statement."""
        self.statements.clear()
        await self.daemon.take(*events)
        last_of_each = {logged.query: logged for logged in self.statements if logged.args}
        return {query: await self._scans(logged) for query, logged in last_of_each.items()}

    async def _scans(self, logged: asyncpg.connection.LoggedQuery) -> set[Scan]:
        async with self.daemon.pool.acquire() as connection:
            parameters = (await connection.prepare(logged.query)).get_parameters()
            types = ", ".join(f"{one.schema}.{one.name}" for one in parameters)
            values = ", ".join(_literal(value) for value in logged.args)
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
                if "INSERT INTO ledger" in logged.query:  # it was run already
                    await connection.execute("DELETE FROM ledger WHERE account NOT BETWEEN 1000 AND 1399")
                await connection.execute(f"PREPARE hot ({types}) AS {logged.query}")
                plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE hot ({values})")
            finally:
                await transaction.rollback()
                await connection.execute("DEALLOCATE hot")
        return set(_scans_in(json.loads(plan)[0]["Plan"]))


def _scans_in(node: dict[str, Any]) -> Iterator[Scan]:
    if "Scan" in node["Node Type"] and "Relation Name" in node and node["Actual Loops"]:
        yield Scan(node["Relation Name"], node["Node Type"])
    for child in node.get("Plans", []):
        yield from _scans_in(child)


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        elements = ("NULL" if one is None else '"' + _text(one).replace("\\", "\\\\") + '"' for one in value)
        return "'{" + ",".join(elements) + "}'"
    return "'" + _text(value) + "'"


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return rf"\x{value.hex()}"
    return str(value).replace("'", "''").replace('"', "")


def partition(day: int, table: str = "ledger") -> str:
    """Return the name of a day's partition."""
    return {TODAY - 1: f"{table}_20260920", TODAY: f"{table}_20260921", TODAY - 40: f"{table}_20260812"}[day]


def ledger_scans(scans: dict[str, set[Scan]]) -> dict[str, set[Scan]]:
    """Return the scans of the ledger, by statement, where there are any."""
    found = {name: {one for one in of if one.table.startswith("ledger")} for name, of in scans.items()}
    return {name: of for name, of in found.items() if of}


def whole_tables(scans: dict[str, set[Scan]]) -> set[str]:
    """Return the large tables that were read as a whole."""
    large = {*map(partition, FULL_DAYS), "accounts", "circuits"}
    return {one.table for of in scans.values() for one in of if one.kind == "Seq Scan"} & large


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def template(cluster: Cluster) -> AsyncIterator[str]:
    """The name of a database of 5,000 accounts and 92 days, three of which hold 12,000 sends each."""
    async with cluster.database() as url:
        async with daemon(url) as one:
            await one.take(event(DELIVERED, "known", sent_at=NOW - 60))
            await one.partitions.make(range(TODAY - 90, TODAY + 2))
            for day in FULL_DAYS:
                await one.pool.execute(_FILL, day * DAY)
            await one.pool.execute(_FILL_ACCOUNTS)
            await one.pool.execute("ANALYZE")
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
async def logged(cluster: Cluster, template: str) -> AsyncIterator[Logged]:
    """A daemon on a copy of that database."""
    one = Logged()
    async with (
        cluster.database(template) as url,
        daemon(url, connections=1, log=one.statements.append) as one.daemon,
    ):
        yield one


async def test_a_batch_of_today_reads_by_index_and_only_the_days_around(logged: Logged) -> None:
    scans = await logged.take(event(BOUNCED, "known", sent_at=NOW - 60), event(DELIVERED, "new", sent_at=NOW - 50))

    allowed = {Scan(partition(day), "Index Scan") for day in (TODAY - 1, TODAY)} | {
        Scan("ledger_20260922", "Index Scan"),
        Scan("ledger_20260922", "Seq Scan"),  # tomorrow, which is empty
    }
    assert ledger_scans(scans)
    assert all(of <= allowed for of in ledger_scans(scans).values())
    assert whole_tables(scans) == set()


async def test_a_batch_of_two_distant_days_reads_nothing_between(logged: Logged) -> None:
    scans = await logged.take(
        event(BOUNCED, "old", sent_at=(TODAY - 40) * DAY + 40_000), event(BOUNCED, "known", sent_at=NOW - 60)
    )
    days = {one.table for of in ledger_scans(scans).values() for one in of}

    assert days <= {
        "ledger_20260811",
        "ledger_20260812",
        "ledger_20260813",
        "ledger_20260920",
        "ledger_20260921",
        "ledger_20260922",
    }
    assert whole_tables(scans) == set()


async def test_new_accounts_are_looked_up_by_index(logged: Logged) -> None:
    scans = await logged.take(
        event(DELIVERED, "m", grant="other-77", sender="other-77@x.example"),
        event(DELIVERED, "m", grant="new", sender="new@x.example"),
        event(DELIVERED, "m", grant=None, sender="alone@x.example"),
    )

    assert whole_tables(scans) == set()


async def test_a_recount_reads_an_accounts_sends_by_index(logged: Logged) -> None:
    scans = await logged.take(
        *(event(DELIVERED, f"m{number}", sent_at=NOW - 3000 + number * 37 % 500) for number in range(400))
    )

    assert any("ORDER BY sent_at DESC" in " ".join(one.query.split()) for one in logged.statements)
    assert whole_tables(scans) == set()


async def test_a_merge_reads_the_sends_of_its_accounts_by_index(logged: Logged) -> None:
    await logged.take(
        event(DELIVERED, "m1", grant="new", sender=None), event(BOUNCED, "m2", grant=None, sender="new@x.example")
    )
    scans = await logged.take(event(DELIVERED, "m3", grant="new", sender="new@x.example"))

    assert any("merged_into = $2" in one.query for one in logged.statements)
    assert whole_tables(scans) == set()
