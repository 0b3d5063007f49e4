"""The simulated platform on a real socket, and a client of it, for the tests of whatever talks to the platform."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from breaker.adapters.clock import SystemClock
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.transport import Transport
from breaker.simulator.faults import Fault
from breaker.simulator.platform import SimulatedPlatform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.simulator.application import Application
    from breaker.simulator.faults import FaultKind
    from breaker.simulator.options import SimulationOptions

APPLICATION = "app-1"
KEY = "nyk_v0_test"


@dataclass(frozen=True, slots=True)
class Simulated:
    """A running platform with one application.

    Attributes:
        platform: The simulation.
        application: Its application.
        client: Breaker's client of it.
        statuses: How each request of that client ended.
        session: The client's HTTP session.
        url: Where the platform listens.
    """

    platform: SimulatedPlatform
    application: Application
    client: NylasPlatform
    session: aiohttp.ClientSession
    url: str
    statuses: list[str] = field(default_factory=list)

    def fault(self, kind: FaultKind, **settings: object) -> Fault:
        """Put a fault in force."""
        return self.platform.add_fault(Fault(kind, **settings))  # type: ignore[arg-type] # the names are checked by Fault

    def changing_calls(self) -> list[tuple[str, str]]:
        """Return method and path of every call that changes something."""
        return [(call.method, call.path) for call in self.platform.journal.changing()]

    def another_client(self, key: str = KEY, *, url: str | None = None, answer_within: float = 5.0) -> NylasPlatform:
        """Return a client of its own budget."""
        clock = SystemClock()
        transport = Transport(
            self.session,
            url or self.url,
            key,
            budget=Budget(clock, 1000.0),
            clock=clock,
            observe=self.statuses.append,
            answer_within=answer_within,
        )
        return NylasPlatform(transport)


@asynccontextmanager
async def simulated(
    options: SimulationOptions | None = None, *, answer_within: float = 5.0
) -> AsyncIterator[Simulated]:
    """Run a platform for as long as the block lasts."""
    clock = SystemClock()
    platform = SimulatedPlatform(clock, options=options)
    application = platform.add_application(APPLICATION, KEY)
    url = await platform.start()
    statuses: list[str] = []
    try:
        async with aiohttp.ClientSession() as session:
            transport = Transport(
                session,
                url,
                KEY,
                budget=Budget(clock, 1000.0),
                clock=clock,
                observe=statuses.append,
                answer_within=answer_within,
            )
            yield Simulated(platform, application, NylasPlatform(transport), session, url, statuses)
    finally:
        await platform.stop()
