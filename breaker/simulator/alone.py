"""The simulated platform by itself, as `breaker simulate` runs it: live on a port, or at full speed into a record."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.simulator.clock import PacedClock
from breaker.simulator.fleets.agents import DAY
from breaker.simulator.fleets.fleet import Fleet
from breaker.simulator.fleets.scenarios import SCENARIOS, FleetSize
from breaker.simulator.mail.world import Mail, MailOptions
from breaker.simulator.options import SimulationOptions
from breaker.simulator.platform import SimulatedPlatform
from breaker.simulator.record import Recorder
from breaker.simulator.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from breaker.simulator.application import Application
    from breaker.simulator.fleets.truth import FleetTruth
    from breaker.simulator.webhooks.feed import Feed

#: How much of a simulated record is run between two reports of progress.
_SLICE = DAY / 4


@dataclass(frozen=True, slots=True)
class StartingFleet:
    """What an application has at the start, where no scenario is chosen: accounts that do nothing by themselves.

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
    """How the platform is run by itself.

    Attributes:
        host: The address to listen on.
        port: The port; any free one if 0.
        seed: What all randomness is drawn from.
        speed: Simulated seconds in one real second.
        application_id: The application's id.
        api_key: The application's API key.
        fleet: What the application has at the start.
        scenario: A fleet that sends by itself, by its name in `SCENARIOS`; None for one that does nothing.
        size: How large the scenario's fleet is.
        options: How the platform behaves.
        mail_options: How the world treats mail.
        feed: The state of the feed at the start; a perfect one if None.
        history: For how many days the scenario's fleet has been sending when the port opens; nobody was told of it.
    """

    host: str = "127.0.0.1"
    port: int = 8590
    seed: int = 1
    speed: float = 1.0
    application_id: str = "app-simulated"
    api_key: str = "nyk_simulated"
    fleet: StartingFleet = field(default_factory=StartingFleet)
    scenario: str | None = None
    size: FleetSize = field(default_factory=FleetSize)
    options: SimulationOptions = field(default_factory=SimulationOptions)
    mail_options: MailOptions = field(default_factory=MailOptions)
    feed: Feed | None = None
    history: float = 0.0

    async def run(
        self,
        announce: Callable[[str, SimulatedPlatform], None],
        progress: Callable[[float], None] = lambda _days: None,
    ) -> None:
        """Run until SIGTERM or SIGINT.

        Args:
            announce: Told the base URL once the port is open.
            progress: Told from time to time how many days of history have passed.

        Raises:
            OSError: If the port cannot be opened.
        """
        clock = PacedClock(self.speed)
        platform = SimulatedPlatform(clock, self.seed, self.options)
        application = platform.add_application(self.application_id, self.api_key)
        mail = Mail(platform.agenda, self.seed, self.mail_options)
        mail.attach(application)
        if self.feed is not None:
            platform.deliveries.feed = self.feed
        if self.scenario is None:
            self.fleet.populate(application)
        else:
            now = clock.now()
            clock.stand(now - self.history * DAY)
            plan = SCENARIOS[self.scenario](self.size, self.seed)
            Fleet(plan, application, self.seed).start(mail, platform.deliveries)
            self._make_history(platform, clock, now, progress)
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        async with contextlib.AsyncExitStack() as cleanup:
            cleanup.push_async_callback(platform.stop)
            announce(await platform.start(self.host, self.port), platform)
            await ended.wait()

    def _make_history(
        self, platform: SimulatedPlatform, clock: PacedClock, now: float, progress: Callable[[float], None]
    ) -> None:
        left = self.history * DAY
        while left > 0:
            left = max(left - _SLICE, 0.0)
            platform.agenda.run_through(now - left, clock.stand)
            progress(self.history - left / DAY)
        clock.go_on()

    async def record(self, path: Path, progress: Callable[[float, int], None]) -> tuple[FleetTruth, int]:
        """Run the scenario without a port, as fast as may be, and write what its webhooks would have got.

        Args:
            path: The record; the truth goes beside it.
            progress: Told from time to time how many simulated days have passed and how many lines are written.

        Returns:
            The truth, and how many notifications were written.

        Raises:
            OSError: If a file cannot be written.
        """
        plan = SCENARIOS[self.scenario or "mixed"](self.size, self.seed)
        simulation = Simulation(plan, self.seed, self.options, self.mail_options)
        if self.feed is not None:
            simulation.platform.deliveries.feed = self.feed
        with Recorder(path, simulation.platform.deliveries) as recorder:
            simulation.platform.start_offline()
            simulation.start_fleet()
            left = self.size.days * DAY
            while left > 0:
                await simulation.run(min(_SLICE, left))
                left -= _SLICE
                progress(self.size.days - max(left, 0) / DAY, recorder.written)
            truth = simulation.truth()
            recorder.write_truth(truth)
        return truth, recorder.written
