"""An admin listener on a real socket, over a fleet in a real database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp.test_utils import TestClient, TestServer

from breaker.adapters.http.admin import AdminListener
from breaker.adapters.http.health import Health
from breaker.adapters.metrics import Metrics
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.gate import PostgresCircuitChanges
from breaker.adapters.postgres.platform_standings import PostgresPlatformStandings
from breaker.app import readiness_checks, window_sizes
from breaker.app.reporter import Reporter
from breaker.domain.standing.gate import GateMemory
from breaker.flows.keep_gate import KeepGate
from breaker.flows.note_refusals import NoteRefusals
from breaker.ports import NoHolds
from tests.fleet import Fleet, fleet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

TOKENS = "ada:act:token-of-ada,eve:read:token-of-eve,mta:gate:token-of-mta"


@dataclass(slots=True)
class Admin:
    """The listener, as its clients see it."""

    fleet: Fleet
    client: TestClient[web.Request, web.Application]
    metrics: Metrics
    gate: KeepGate
    secret_known: bool = True
    acts: list[str] = field(default_factory=list)

    async def get(self, path: str, token: str | None = "token-of-eve") -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        async with self.client.get(path, headers=_bearer(token)) as response:
            return response.status, await response.json()

    async def post(
        self, body: object, token: str | None = "token-of-ada", path: str = "/api/v1/actions"
    ) -> tuple[int, Any]:
        """Ask for an action, or post something else; return the status and the JSON of the answer."""
        async with self.client.post(path, json=body, headers=_bearer(token)) as response:
            return response.status, await response.json()


@asynccontextmanager
async def admin(
    database_url: str, folder: Path, *, tokens: str = TOKENS, actuators: str = "block,quarantine"
) -> AsyncIterator[Admin]:
    """Give a listener over an empty fleet."""
    async with fleet(database_url, folder, actuators=actuators, admin_tokens=tokens) as known:
        metrics = Metrics()
        held: list[Admin] = []
        health = Health(readiness_checks(known.pool, lambda: held[0].secret_known), metrics.registry)
        changes = PostgresCircuitChanges(database_url)
        gate = KeepGate(changes, GateMemory(), known.clock, metrics)
        noted = NoteRefusals(
            PostgresPlatformStandings(known.pool),
            PostgresCircuits(known.pool, window_sizes(known.settings)),
            known.operations.modes,
            NoHolds(),
            known.operations.in_force.actuators_of,
            known.clock,
            Reporter(metrics, lambda: None),
        )
        listener = AdminListener(
            known.operations, health, gate, noted, known.settings.admin_tokens, lambda: held[0].acts.append("acted")
        )
        try:
            async with TestClient(TestServer(listener.application())) as client:
                held.append(Admin(known, client, metrics, gate))
                yield held[0]
        finally:
            await changes.close()


def _bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}
