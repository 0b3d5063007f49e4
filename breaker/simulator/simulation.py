"""A simulation: the platform, the world of mail and a fleet on one clock, moved by one driver."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from breaker.simulator.clock import SimulatedClock
from breaker.simulator.fleets.fleet import Fleet
from breaker.simulator.fleets.truth import FleetTruth, truth_of
from breaker.simulator.mail.world import Mail, MailOptions
from breaker.simulator.platform import SimulatedPlatform

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from breaker.simulator.fleets.plan import FleetPlan
    from breaker.simulator.options import SimulationOptions

#: At most so many simulated seconds pass before what they brought is waited for.
STEP = 60.0
#: Whoever is not done after so many real seconds may be waiting for the clock, on a retry or a budget for instance;
_PATIENCE = 0.05
#: then it is moved to the next waking, if that is not further away than this many simulated seconds.
_PIECE = 2.0


class Simulation:
    """A fleet on a simulated platform.

    Args:
        plan: The fleet.
        seed: What all randomness is drawn from.
        options: How the platform behaves.
        mail_options: How the world treats mail.
        clock: The one clock; a new one if None.

    Attributes:
        clock: The one clock of all parts.
        platform: The platform.
        mail: The world of mail.
        fleet: The fleet, in the platform's only application.
    """

    def __init__(
        self,
        plan: FleetPlan,
        seed: int,
        options: SimulationOptions | None = None,
        mail_options: MailOptions | None = None,
        clock: SimulatedClock | None = None,
    ) -> None:
        self.seed = seed
        self.clock = clock or SimulatedClock()
        self.platform = SimulatedPlatform(self.clock, seed, options)
        self.mail = Mail(self.platform.agenda, seed, mail_options)
        application = self.platform.add_application("app-simulated", "nyk_simulated")
        self.mail.attach(application)
        self.fleet = Fleet(plan, application, seed)

    def start_fleet(self) -> None:
        """Set the fleet to work from this moment on."""
        self.fleet.start(self.mail, self.platform.deliveries)

    async def run(
        self,
        seconds: float,
        settled: Callable[[], Awaitable[None]] | None = None,
        step: float = STEP,
    ) -> None:
        """Let time pass, and after each step wait until what it brought is dealt with.

        So fast time does not turn the milliseconds of real sockets and databases into simulated hours. Steps in which
        nobody wakes are skipped.

        Args:
            seconds: How long, in simulated seconds.
            settled: Returns when whoever listens to the platform is idle; None where nobody listens.
            step: Simulated seconds between two waits.
        """
        end = self.clock.now() + seconds
        while (now := self.clock.now()) < end:
            wakes_at = self.clock.next_wake()
            idle_steps = 0.0 if wakes_at is None else max((wakes_at - now) // step, 0.0)
            await self.clock.advance(min((idle_steps + 1) * step, end - now) if wakes_at is not None else end - now)
            await self._wait_for(self.platform.settled)
            if settled is not None:
                await self._wait_for(settled)
                await self._wait_for(self.platform.settled)

    async def _wait_for(self, settled: Callable[[], Awaitable[None]]) -> None:
        """Wait, and give simulated time in small pieces to who turns out to be waiting for the clock himself."""
        waiting = asyncio.ensure_future(settled())
        try:
            while not (await asyncio.wait({waiting}, timeout=_PATIENCE))[0]:
                if self.clock.advancing:  # by whoever is waited for: on a busy machine that takes its time
                    continue
                wakes_at = self.clock.next_wake()
                if wakes_at is not None and wakes_at - self.clock.now() <= _PIECE:
                    await self.clock.advance(max(wakes_at - self.clock.now(), 0.0))
        finally:
            waiting.cancel()
        await waiting

    def truth(self) -> FleetTruth:
        """Return the truth about the fleet, from the platform's own books."""
        return truth_of(self.fleet, self.seed)
