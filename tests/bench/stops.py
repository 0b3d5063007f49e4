"""Many stops at once: 5,000 accounts are stopped in one moment, and one more account in the middle of that.

A real daemon, a real database and real HTTP; the platform is simulated, answers each request late and allows as many
requests a second as the real one does.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg

from breaker.adapters.clock import SystemClock
from breaker.adapters.postgres.embedded import EmbeddedPostgres
from breaker.adapters.postgres.migrate import upgrade
from breaker.domain.platform.commands import CommandKind
from breaker.simulator.faults import Fault, FaultKind
from breaker.simulator.platform import SimulatedPlatform
from tests.acceptance.processes import run, until
from tests.bench.events import APPLICATION
from tests.bench.servers import enforcing, server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from pathlib import Path

    from breaker.simulator.application import Application
    from breaker.simulator.journal import Call

KEY = "nyk_v0_bench"
MIDDLE = "agent-in-the-middle@agents.example.com"
TOKEN = "token-of-the-bench"
LATENCY = 0.1
"""Seconds that the platform takes to answer, as a far one does."""

_LIMIT = 600.0
_TOO_MANY_REQUESTS = 429
_WORKSPACES = 10
_KNOWN = "SELECT count(*) FROM accounts WHERE grant_id IS NOT NULL AND workspace_id IS NOT NULL"
_CONFIRMED = """
    SELECT a.address, c.confirmed_at FROM circuits c JOIN accounts a USING (account)
    WHERE c.state = 'stopped' AND c.confirmed = 'stopped'
"""
_STOP = """
    WITH stopped AS (
        UPDATE circuits c SET state = 'stopped', since = $1, epoch = c.epoch + 1 FROM accounts a
        WHERE a.account = c.account AND a.address <> $2
        RETURNING c.account, c.epoch, a.application
    )
    INSERT INTO commands (application, account, epoch, kind, step, priority, created_at, next_attempt_at)
    SELECT application, account, epoch, kind, step, 0, $1, $1
    FROM stopped, unnest($3::text[]) WITH ORDINALITY AS k(kind, step)
"""
_SINCE = "SELECT a.address, c.since FROM circuits c JOIN accounts a USING (account) WHERE c.state = 'stopped'"


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a storm came to; seconds, real ones.

    Args:
        accounts: How many were stopped, the one in the middle left out.
        blocked: From the decisions until all were blocked on the platform.
        confirmed: From the decisions until the platform was read back for all, moves included.
        middle_blocked: From the decision about the one in the middle until it was blocked.
        middle_confirmed: The same until it was shown as confirmed, a move included.
        waiting: How many of the others were not yet blocked when it was decided about.
        requests: How many requests the platform was asked with, by method and route.
        refused: How many of them it answered with 429.
        busiest: The most requests in any second.
    """

    accounts: int
    blocked: float
    confirmed: float
    middle_blocked: float
    middle_confirmed: float
    waiting: int
    requests: Mapping[str, int]
    refused: int
    busiest: int


@dataclass(slots=True)
class _World:
    platform: SimulatedPlatform
    application: Application
    database: asyncpg.Connection
    session: aiohttp.ClientSession
    admin: str

    @property
    def blocked(self) -> Mapping[str, object]:
        """The addresses in the list of the stopped."""
        return next(one.items for one in self.application.lists if "stopped accounts" in one.name)

    async def act(self, **action: object) -> Any:  # noqa: ANN401 - whatever it answers
        """Ask the daemon for an act."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.session.post(f"{self.admin}/api/v1/actions", json=action, headers=headers) as answer:
            said = await answer.json()
            if answer.status >= 300:
                raise ValueError(f"the daemon refused an act: {said}")
            return said


async def storm(home: Path, accounts: int, actuators: str, latency: float = LATENCY) -> Stopped:
    """Stop so many accounts at once, and measure until the platform refuses all of them."""
    async with _world(home, accounts, actuators) as world:
        await until("the daemon knows all accounts", lambda: _knows(world, accounts + 1), _LIMIT)
        world.platform.add_fault(Fault(FaultKind.LATENCY, seconds=latency))
        world.platform.journal.clear()
        watching = asyncio.create_task(_watch(world, accounts + 1))
        await _stop_all_others(world, actuators)
        await until("a quarter of them is blocked", lambda: _are_blocked(world, accounts // 4), _LIMIT)
        await _trip(world)
        blocked_at, confirmed_at = await watching
        since = dict(await world.database.fetch(_SINCE))
    begun = min(since.values())
    ours = [call for call in world.platform.journal if call.application_id == APPLICATION]
    return Stopped(
        accounts=accounts,
        blocked=max(blocked_at.values()) - begun,
        confirmed=max(confirmed_at.values()) - begun,
        middle_blocked=blocked_at[MIDDLE] - since[MIDDLE],
        middle_confirmed=confirmed_at[MIDDLE] - since[MIDDLE],
        waiting=sum(at > since[MIDDLE] for at in blocked_at.values()) - 1,
        requests=_by_route(ours),
        refused=sum(call.status == _TOO_MANY_REQUESTS for call in ours),
        busiest=_busiest(ours),
    )


def _populate(application: Application, accounts: int) -> None:
    """Make workspaces with that many accounts, and one account more."""
    places = [application.add_workspace(f"Team {number}").workspace_id for number in range(_WORKSPACES)]
    for number in range(accounts):
        application.add_grant(f"agent-{number}@agents.example.com", workspace_id=places[number % _WORKSPACES])
    application.add_grant(MIDDLE)


async def _knows(world: _World, accounts: int) -> bool:
    return bool(await world.database.fetchval(_KNOWN) >= accounts)


async def _are_blocked(world: _World, accounts: int) -> bool:
    return len(world.blocked) >= accounts


async def _stop_all_others(world: _World, actuators: str) -> None:
    """Decide about all others in one transaction, as many daemons would in the same second."""
    kinds = [kind for kind in (CommandKind.BLOCK, CommandKind.QUARANTINE) if kind in actuators.split(",")]
    await world.database.execute(_STOP, world.platform.clock.now(), MIDDLE, kinds)


async def _trip(world: _World) -> None:
    await world.act(selector=MIDDLE, action="trip", reason="in the middle of a storm")


async def _watch(world: _World, accounts: int) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return when each address was blocked on the platform, and when the platform was read back for it."""
    blocked_at: dict[str, float] = {}
    confirmed_at: dict[str, float] = {}

    async def all_blocked() -> bool:
        blocked_at.update(dict.fromkeys(world.blocked.keys() - blocked_at.keys(), world.platform.clock.now()))
        return len(blocked_at) == accounts

    async def all_confirmed() -> bool:
        confirmed_at.update(await world.database.fetch(_CONFIRMED))
        return len(confirmed_at) == accounts

    await until("all are blocked", all_blocked, _LIMIT)
    await until("all are confirmed", all_confirmed, _LIMIT)
    return blocked_at, confirmed_at


def _by_route(calls: Iterable[Call]) -> Mapping[str, int]:
    """Count requests by method and what they are about."""
    counted: Counter[str] = Counter()
    for call in calls:
        parts = call.path.split("/")
        counted[f"{call.method} {'/'.join([parts[2], *parts[4:]])}"] += 1
    return dict(counted)


def _busiest(calls: Iterable[Call]) -> int:
    """Return the most requests answered within any second."""
    most, latest = 0, deque[float]()
    for at in sorted(call.at for call in calls):
        latest.append(at)
        while latest[0] <= at - 1.0:
            latest.popleft()
        most = max(most, len(latest))
    return most


@asynccontextmanager
async def _world(home: Path, accounts: int, actuators: str) -> AsyncIterator[_World]:
    """Give a platform, a database and a daemon that acts, all set up, the fleet guard raised."""
    postgres = EmbeddedPostgres(home / "postgres", durable=True)
    database_url = await postgres.start()
    platform = SimulatedPlatform(SystemClock())
    application = platform.add_application(APPLICATION, KEY)
    try:
        await upgrade(database_url)
        _populate(application, accounts)  # before there is a webhook that would be told of each
        url = await platform.start()
        flags = {
            "mode": "enforce",
            "actuators": actuators,
            "nylas_api_url": url,
            "nylas_api_key": KEY,
            "admin_tokens": f"bench:{TOKEN}",
        }
        connection = await asyncpg.connect(database_url)
        async with (
            server(enforcing, database_url, str(home / "secrets"), flags) as ((admin, webhooks), _),
            aiohttp.ClientSession() as session,
        ):
            world = _World(platform, application, connection, session, f"http://127.0.0.1:{admin}")
            environment = {
                "BREAKER_DATABASE_URL": database_url,
                "BREAKER_SECRETS_DIR": str(home / "secrets"),
                "BREAKER_DATA_DIR": str(home / "data"),
                "BREAKER_PUBLIC_URL": f"http://127.0.0.1:{webhooks}",
                "BREAKER_APPLICATION_ID": APPLICATION,
                **{f"BREAKER_{name.upper()}": value for name, value in flags.items()},
            }
            said = await run(("setup",), environment)
            if said.code:
                raise ValueError(f"setup failed: {said.out}{said.err}")
            await world.act(action="guard_raise", to="100%", reason="measured")
            yield world
        await connection.close()
    finally:
        await platform.stop()
        await postgres.stop()
