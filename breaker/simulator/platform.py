"""The simulated platform: applications, their API over HTTP, and the delivery of their notifications.

Its state lives apart from HTTP (`state/`, `webhooks/`); `api/` is how it is asked. Everything is drawn from one seed
and runs on one clock, so that two runs with the same seed and the same calls say the same.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from breaker.simulator.agenda import Agenda
from breaker.simulator.api.server import build
from breaker.simulator.application import Application
from breaker.simulator.control.bursts import Bursts
from breaker.simulator.faults import Fault, FaultKind, Faults
from breaker.simulator.identifiers import Identifiers, derived
from breaker.simulator.journal import Journal
from breaker.simulator.options import SimulationOptions
from breaker.simulator.state.base import Surroundings
from breaker.simulator.webhooks.delivery import Deliveries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breaker.ports import Clock

#: The least and the most sends that R is drawn between: SES, which the platform rides on, has told senders of both.
_REPRESENTATIVE_VOLUMES = (1000, 10_000)

#: Real seconds that calls under way get when the port is closed; a silent one would wait for ever.
_SHUTDOWN_TIMEOUT = 0.5


class SimulatedPlatform:
    """The platform on a port of its own, without an application at first.

    Args:
        clock: The simulation's time.
        seed: What all randomness is drawn from.
        options: How it behaves where the real one can be read in more than one way.
    """

    def __init__(self, clock: Clock, seed: int = 1, options: SimulationOptions | None = None) -> None:
        self.clock = clock
        self.seed = seed
        self.options = options or SimulationOptions()
        self.agenda = Agenda(clock)
        self.journal = Journal(self.options.journal_limit)
        self.deliveries = Deliveries(clock, self.agenda, seed, self.options)
        self.bursts = Bursts(derived(seed, "bursts"))
        self.faults = Faults(derived(seed, "faults"))
        self.request_identifiers = Identifiers(derived(seed, "requests"))
        self._identifiers = Identifiers(derived(seed, "identifiers"))
        self.representative_volume = self.options.enforcement.representative_volume or derived(
            seed, "representative volume"
        ).randint(*_REPRESENTATIVE_VOLUMES)
        self._applications: dict[str, Application] = {}
        self._runner: web.AppRunner | None = None
        self._bound = ("127.0.0.1", 0)
        self._restarting: asyncio.Task[None] | None = None

    @property
    def applications(self) -> list[Application]:
        """All applications, in the order in which they were added."""
        return list(self._applications.values())

    def add_application(
        self, application_id: str | None = None, api_key: str | None = None, domains: Iterable[str] = ()
    ) -> Application:
        """Add an application; its id and API key are drawn where they are not given."""
        surroundings = Surroundings(
            application_id=application_id or self._identifiers.unique(),
            organization_id=self._identifiers.unique(),
            clock=self.clock,
            identifiers=self._identifiers,
            options=self.options,
            agenda=self.agenda,
            representative_volume=self.representative_volume,
        )
        key = api_key or f"nyk_v0_{self._identifiers.challenge()}"
        application = Application(key, surroundings, (domain.lower() for domain in domains), self.deliveries)
        self._applications[key] = application
        return application

    def authenticated(self, api_key: str) -> Application | None:
        """Return the application of an API key, or None where nobody has it."""
        return self._applications.get(api_key)

    def add_fault(self, fault: Fault) -> Fault:
        """Put a fault in force; a stale one answers from the state of this moment."""
        if fault.kind is FaultKind.STALE:
            for application in self.applications:
                fault.freeze(application)
        return self.faults.add(fault)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Open the port, begin to deliver, and return the base URL.

        Args:
            host: The address to listen on.
            port: The port; any free one if 0.
        """
        await self.deliveries.start()
        self.start_offline()
        return await self._open(host, port)

    def start_offline(self) -> None:
        """Begin to live without a port: things happen, and nobody can ask or be told."""
        self.agenda.start()

    async def stop(self) -> None:
        """Close the port and cease to deliver; the state stays, and `start` goes on with it."""
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)
        await self._close()
        await self.agenda.stop()
        await self.deliveries.stop()

    async def restart(self, seconds: float = 0.0) -> None:
        """Close the port for so many real seconds and open it again; deliveries go on meanwhile."""
        host, port = self._bound
        await self._close()
        await asyncio.sleep(seconds)
        await self._open(host, port)

    def restart_later(self, seconds: float) -> None:
        """Have a restart begin once the call that asks for it is answered."""
        self._restarting = asyncio.create_task(self.restart(seconds), name="simulator restart")

    async def settled(self) -> None:
        """Return when no notification is waiting or under way; retries that are due later do not count."""
        await self.deliveries.settled()

    async def _open(self, host: str, port: int) -> str:
        self._runner = web.AppRunner(build(self), access_log=None, shutdown_timeout=_SHUTDOWN_TIMEOUT)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound = self._runner.addresses[0]
        self._bound = bound[0], bound[1]
        return f"http://{bound[0]}:{bound[1]}"

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
