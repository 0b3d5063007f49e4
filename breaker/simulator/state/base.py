"""What all records share: identifiers, times, and a place in the order of making."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breaker.ports import Clock
    from breaker.simulator.agenda import Agenda
    from breaker.simulator.identifiers import Identifiers
    from breaker.simulator.options import SimulationOptions

#: What an answer or a notification is made of, before it is written as JSON.
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every part of an application is given.

    Attributes:
        application_id: The application that all records belong to.
        organization_id: The organization that owns it.
        clock: The simulation's time.
        identifiers: Where new identifiers come from.
        options: How the platform behaves.
        agenda: What is to happen later.
        representative_volume: R, over which accounts are judged; hidden from every client.
    """

    application_id: str
    organization_id: str
    clock: Clock
    identifiers: Identifiers
    options: SimulationOptions
    agenda: Agenda
    representative_volume: int
    _order: itertools.count[int] = field(default_factory=itertools.count)

    def now(self) -> int:
        """Return the time as the platform writes it: whole Unix seconds."""
        return int(self.clock.now())

    def next_sequence(self) -> int:
        """Return the place of a new record in the order of all."""
        return next(self._order)
