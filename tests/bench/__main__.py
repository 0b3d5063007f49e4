"""Measure what section "Speed and size" of the README promises; ratios within one run, on the machine it runs on."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import asyncpg
import uvloop
from rich.console import Console
from rich.table import Table

from breaker.adapters.postgres.embedded import EmbeddedPostgres, temporary_home
from breaker.adapters.postgres.migrate import upgrade
from tests.bench.events import Fleet
from tests.bench.load import measure
from tests.bench.replay import replay
from tests.bench.servers import breaker, server, yardstick
from tests.bench.stops import LATENCY, storm

if TYPE_CHECKING:
    from pathlib import Path

_LEDGER_SIZE = """
    SELECT sum(pg_total_relation_size(inhrelid))::float8 / (SELECT count(*) FROM ledger)
    FROM pg_inherits WHERE inhparent = 'ledger'::regclass
"""
_DAY = 86_400
_LARGEST_CIRCUIT = "SELECT max(pg_column_size(c.*)) FROM circuits c"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Args:
        what: What was measured.
        value: What came out.
        bar: What it has to be, as text.
        holds: Whether it is.
        detail: The figures behind it.
    """

    what: str
    value: float
    bar: str
    holds: bool
    detail: str


async def ingest(home: Path, connections: int, requests: int, rounds: int) -> list[Row]:
    """Compare durable ingest with the yardstick, and look at the size of what was written."""
    postgres = EmbeddedPostgres(home / "postgres", durable=True)
    url = await postgres.start()
    try:
        await upgrade(url)
        fleet = Fleet(accounts=1_000, first_sent_at=int(time.time()) - _DAY // 2)
        bare, durable = [], []
        async with server(yardstick) as (bare_port, _), server(breaker, url, str(home / "secrets")) as (port, _):
            await measure(bare_port, fleet.requests(requests // 4, seed=1), connections)
            await measure(port, fleet.requests(requests // 4, seed=2), connections)
            for number in range(rounds):
                bare.append(await measure(bare_port, fleet.requests(requests, 10 + 2 * number), connections))
                durable.append(await measure(port, fleet.requests(requests, 11 + 2 * number), connections))
        connection = await asyncpg.connect(url)
        counted = await connection.fetchval("SELECT count(*) FROM ledger")
        bytes_a_send = await connection.fetchval(_LEDGER_SIZE)
        largest = await connection.fetchval(_LARGEST_CIRCUIT)
        fsync = await connection.fetchval("SHOW fsync")
        await connection.close()
    finally:
        await postgres.stop()
    expected = requests // 4 + rounds * requests
    bare_rate = statistics.median(one.per_second for one in bare)
    durable_rate = statistics.median(one.per_second for one in durable)
    ratio = durable_rate / bare_rate
    refused = sum(one.refused for one in durable)
    return [
        Row(
            f"durable ingest against a bare handler, {connections} connections",
            round(ratio, 3),
            "at least 0.3",
            ratio >= 0.3 and counted == expected,
            f"{durable_rate:,.0f}/s against {bare_rate:,.0f}/s, fsync {fsync}, {refused} refused, "
            f"{counted:,} of {expected:,} counted",
        ),
        Row("ledger, bytes a send with indexes", round(bytes_a_send, 1), "at most 200", bytes_a_send <= 200, ""),
        Row("largest account row, bytes", largest, "at most 4,096", largest <= 4096, ""),
    ]


def through_the_domain(home: Path, notifications: int) -> Row:
    """Replay a record, decoding included, in this process, which is one core's work."""
    fleet = Fleet(accounts=1_000, first_sent_at=int(time.time()) - 60 * _DAY)
    found = replay(home, fleet, notifications)
    seconds = found.processor_seconds
    a_second = found.outcomes / seconds
    return Row(
        "replay through the domain, outcomes a second",
        round(a_second),
        "at least 100,000",
        a_second >= 100_000 and found.replay.counted == notifications,
        f"{found.replay.counted:,} of {notifications:,} counted in {seconds:.1f} s of one core, decoding included",
    )


async def stops(home: Path, accounts: int, actuators: str) -> list[Row]:
    """Stop many accounts at once, and one in the middle of it."""
    found = await storm(home / actuators.replace(",", "-"), accounts, actuators)
    requests = ", ".join(f"{number} {route}" for route, number in sorted(found.requests.items()))
    sound = not found.refused
    return [
        Row(
            f"{accounts:,} stops at once ({actuators}), seconds until all are blocked",
            round(found.blocked, 1),
            "at most 60, no 429",
            found.blocked <= 60 and sound,
            f"all confirmed after {found.confirmed:.1f} s; {sum(found.requests.values())} requests ({requests}), "
            f"{found.busiest} in the busiest second, {found.refused} answered with 429; each takes {LATENCY:g} s",
        ),
        Row(
            "one stop in the middle of that, seconds until it is blocked",
            round(found.middle_blocked, 2),
            "at most 2",
            found.middle_blocked <= 2,
            f"decided while {found.waiting:,} others waited; confirmed after {found.middle_confirmed:.1f} s",
        ),
    ]


def main() -> int:
    """Measure, print a table and one line of JSON; 0 where every bar holds, else 3."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a third of the load: under a minute")
    parser.add_argument("--only", choices=("replay", "ingest", "stops"), help="one of the measurements")
    parser.add_argument("--connections", type=int, default=64, help="connections of the load")
    asked = parser.parse_args()
    requests, rounds = (12_000, 3) if asked.quick else (30_000, 5)
    with temporary_home("breaker-bench-") as home:
        rows = []
        if asked.only in {None, "replay"}:
            rows.append(through_the_domain(home, 200_000 if asked.quick else 1_000_000))
        if asked.only in {None, "ingest"}:
            rows += uvloop.run(ingest(home, asked.connections, requests, rounds))
        if asked.only in {None, "stops"}:
            for actuators in ("block", "block,quarantine")[: 1 if asked.quick else 2]:
                rows += uvloop.run(stops(home, 5_000, actuators))
    table = Table("what", "value", "bar", "", "figures", title=f"{os.cpu_count()} cores, shared by all")
    for row in rows:
        table.add_row(row.what, str(row.value), row.bar, "holds" if row.holds else "FAILS", row.detail)
    Console().print(table)
    print(json.dumps([asdict(row) for row in rows]))  # noqa: T201 - a command's output
    return 0 if all(row.holds for row in rows) else 3


if __name__ == "__main__":
    raise SystemExit(main())
