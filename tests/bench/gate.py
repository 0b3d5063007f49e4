"""Measure the gate: how long an answer takes, and what it keeps in memory, with a fleet in the database.

python -m tests.bench.gate --accounts 1000000 --held 20000
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import time
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

import asyncpg
import uvloop
from rich.console import Console
from rich.table import Table

from breaker.adapters.postgres.embedded import EmbeddedPostgres, temporary_home
from breaker.adapters.postgres.migrate import upgrade
from tests.bench.events import APPLICATION
from tests.bench.servers import gate, server

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKEN = "token-of-the-bench"
_LIMIT = 300.0

_MAKE = (
    """
    INSERT INTO accounts (application, grant_id, address, domain, known_since)
    SELECT p.application, 'grant-' || n, 'agent-' || n || '@agents-' || n % 1000 || '.example.com',
           'agents-' || n % 1000 || '.example.com', 0
    FROM applications p, generate_series(1, {accounts}) AS n WHERE p.id = '{application}'
    """,
    "INSERT INTO circuits (account, since, confirmed_at) SELECT account, 0, 0 FROM accounts",
    """
    UPDATE circuits SET state = CASE WHEN account % 2 = 0 THEN 'stopped' ELSE 'limited' END, epoch = 1
    WHERE account IN (SELECT account FROM accounts ORDER BY account LIMIT {held})
    """,
)


async def answers(port: int, names: Sequence[str], connections: int) -> list[float]:
    """Ask about every name, one question at a time on each connection; return the seconds that each answer took."""
    waiting = iter(names)
    taken: list[float] = []

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for name in waiting:
            begun = time.perf_counter()
            writer.write(
                f"GET /api/v1/gate/{name} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                raise ValueError(f"the gate answered {head.splitlines()[0]!r}")
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
            taken.append(time.perf_counter() - begun)
        writer.close()

    async with asyncio.timeout(_LIMIT):
        await asyncio.gather(*(ask() for _ in range(connections)))
    return taken


async def measure(home: Path, accounts: int, held: int, questions: int) -> list[tuple[str, float]]:
    """Return what came out, by name."""
    postgres = EmbeddedPostgres(home / "postgres", durable=True)
    url = await postgres.start()
    figures: list[tuple[str, float]] = []
    try:
        await upgrade(url)
        connection = await asyncpg.connect(url)
        await connection.execute("INSERT INTO applications (id) VALUES ($1)", APPLICATION)
        for statement in _MAKE:
            await connection.execute(statement.format(accounts=accounts, held=held, application=APPLICATION))
        await connection.execute("ANALYZE")
        chance = random.Random(1)
        names = [f"grant-{chance.randint(1, accounts)}" for _ in range(questions)]
        async with server(gate, url, str(home / "secrets"), TOKEN) as (port, process):
            await answers(port, names[: questions // 10], 1)
            for connections in (1, 8, 32):
                taken = await answers(port, names, connections)
                cuts = quantiles(taken, n=1000)
                figures += [(f"p{q} ms, {connections} at once", 1e3 * cuts[10 * q - 1]) for q in (50, 99)]
            status = Path(f"/proc/{process}/status").read_text()  # noqa: ASYNC240 - of the kernel's, not a disk
            figures.append(("MB of the daemon", int(status.split("VmRSS:")[1].split()[0]) / 1024))
            delays = [await _until_denied(connection, port, held + 1 + number) for number in range(50)]
            figures += [("ms from commit to denial, median", 1e3 * sorted(delays)[25]), ("at most", 1e3 * max(delays))]
        await connection.close()
    finally:
        await postgres.stop()
    return figures


async def _until_denied(connection: asyncpg.Connection, port: int, number: int) -> float:
    name = f"grant-{number}"
    account = await connection.fetchval("SELECT account FROM accounts WHERE grant_id = $1", name)
    await connection.execute("UPDATE circuits SET state = 'stopped', epoch = epoch + 1 WHERE account = $1", account)
    begun = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            writer.write(
                f"GET /api/v1/gate/{name} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
            if not json.loads(body)["allow"]:
                return time.perf_counter() - begun
            if time.perf_counter() - begun > 10:
                raise TimeoutError(f"the gate still lets {name} send")
            await asyncio.sleep(0.002)
    finally:
        writer.close()


def main() -> int:
    """Measure, print a table and one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gate", description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000, help="accounts in the database")
    parser.add_argument("--held", type=int, default=5_000, help="those of them that are stopped or limited")
    parser.add_argument("--questions", type=int, default=20_000, help="questions in each round")
    asked = parser.parse_args()
    with temporary_home("breaker-bench-") as home:
        figures = uvloop.run(measure(home, asked.accounts, asked.held, asked.questions))
    table = Table("what", "value", title=f"{asked.accounts:,} accounts, {asked.held:,} held, {os.cpu_count()} cores")
    for name, value in figures:
        table.add_row(name, f"{value:.2f}")
    Console().print(table)
    print(json.dumps(dict(figures)))  # noqa: T201 - a command's output
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
