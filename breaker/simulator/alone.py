"""The simulated platform alone, as `breaker simulate` runs it: a small fleet, a port, and an end by signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.simulator.clock import PacedClock
from breaker.simulator.options import SimulationOptions
from breaker.simulator.platform import SimulatedPlatform

if TYPE_CHECKING:
    from collections.abc import Callable

    from breaker.simulator.application import Application


@dataclass(frozen=True, slots=True)
class StartingFleet:
    """What an application has at the start.

    Attributes:
        accounts: How many Agent Accounts.
        domains: Over how many sending domains they are spread.
        workspaces: Over how many workspaces beside the default one they are spread.
    """

    accounts: int = 20
    domains: int = 2
    workspaces: int = 2

    def populate(self, application: Application) -> None:
        """Make the workspaces and accounts, in an order that depends on nothing but the numbers."""
        homes = [application.add_workspace(f"Team {number + 1}").workspace_id for number in range(self.workspaces)]
        homes = homes or [application.workspaces.default.workspace_id]
        for number in range(self.accounts):
            domain = f"agents-{number % max(self.domains, 1) + 1}.example.com"
            address = f"agent-{number + 1:03}@{domain}"
            application.add_grant(address, workspace_id=homes[number % len(homes)], name=f"Agent {number + 1}")


@dataclass(frozen=True, slots=True)
class Alone:
    """How the platform is run alone.

    Attributes:
        host: The address to listen on.
        port: The port; any free one if 0.
        seed: What all randomness is drawn from.
        speed: Simulated seconds in one real second.
        application_id: The application's id.
        api_key: The application's API key.
        fleet: What the application has at the start.
        options: How the platform behaves.
    """

    host: str = "127.0.0.1"
    port: int = 8590
    seed: int = 1
    speed: float = 1.0
    application_id: str = "app-simulated"
    api_key: str = "nyk_simulated"
    fleet: StartingFleet = field(default_factory=StartingFleet)
    options: SimulationOptions = field(default_factory=SimulationOptions)

    async def run(self, announce: Callable[[str, SimulatedPlatform], None]) -> None:
        """Run until SIGTERM or SIGINT.

        Args:
            announce: Told the base URL once the port is open.

        Raises:
            OSError: If the port cannot be opened.
        """
        platform = SimulatedPlatform(PacedClock(self.speed), self.seed, self.options)
        self.fleet.populate(platform.add_application(self.application_id, self.api_key))
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        async with contextlib.AsyncExitStack() as cleanup:
            cleanup.push_async_callback(platform.stop)
            announce(await platform.start(self.host, self.port), platform)
            await ended.wait()
