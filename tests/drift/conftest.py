from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.domains import PostgresDomains
from breaker.adapters.postgres.identities import Identities
from breaker.adapters.postgres.lost import PostgresLostHolds
from breaker.adapters.postgres.placements import PostgresPlacements
from breaker.adapters.postgres.roster import PostgresRoster
from breaker.adapters.postgres.unordered import PostgresUnordered
from breaker.domain.outcomes.outcomes import Counting
from breaker.domain.platform.commands import Actuator
from breaker.flows.adopt import Sweep
from breaker.flows.adopt_domains import SweepDomains
from breaker.flows.find_lost import FindLost
from breaker.flows.order_again import order_again
from breaker.flows.put_back import PutBack
from breaker.flows.sweep_placements import SweepPlacements
from breaker.ports import Account
from breaker.simulator.options import SimulationOptions
from tests.guarded import NAMES, SIZES, guarded
from tests.outbox.test_carry_out import finish
from tests.setup.conftest import Place, done
from tests.simulated import APPLICATION, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from breaker.domain.platform.lost import Response
    from breaker.domain.platform.placement import Move
    from breaker.domain.platform.placement import Place as WhereItIs
    from breaker.ports import Lost, Platform, SendingDomain

BLOCKING = frozenset({Actuator.BLOCK, Actuator.LIMIT, Actuator.BLOCK_DOMAIN})


@dataclass
class Drifting:
    """An installation that somebody else changes, and what Breaker tells of it.

    Attributes:
        place: The installation.
        enforce: Whether Breaker may act.
        actuators: The ways to stop that are on.
        told: Who was told to be missing, and what was done about it.
        found_again: Who was told to be back.
        moves: Who was told to be elsewhere.
        deletions: The grants that were told to be gone.
    """

    place: Place
    enforce: bool = True
    actuators: Collection[Actuator] = BLOCKING
    told: list[tuple[str, str, str]] = field(default_factory=list)
    found_again: list[str] = field(default_factory=list)
    moves: list[tuple[str | None, WhereItIs, Move]] = field(default_factory=list)
    deletions: list[str] = field(default_factory=list)

    def lost(self, application_id: str, lost: Lost, response: Response) -> None:
        assert application_id == APPLICATION
        self.told.append((_name(lost.about), lost.held, response))

    def found(self, application_id: str, lost: Lost) -> None:
        assert application_id == APPLICATION
        self.found_again.append(_name(lost.about))

    def moved(self, application_id: str, account: Account, place: WhereItIs, move: Move) -> None:
        assert application_id == APPLICATION
        self.moves.append((account.address, place, move))

    def deleted(self, application_id: str, grant_id: str) -> None:
        assert application_id == APPLICATION
        self.deletions.append(grant_id)

    def put_back(self) -> PutBack:
        async def may_act(_about: Account | SendingDomain) -> bool:
            return self.enforce

        return PutBack(
            application_id=APPLICATION,
            holds=PostgresLostHolds(self.place.store.pool),
            may_act=may_act,
            clock=self.place.store.clock,
            told=self,
        )

    async def sweep(self, platform: Platform | None = None, *, quarantines: tuple[str, ...] = ()) -> None:
        """Make a sweep of the lists, as a daemon that has just started does."""
        put_back = self.put_back()
        await Sweep(
            application_id=APPLICATION,
            names=NAMES,
            platform=platform or self.place.world.client,
            inventory=self.place.store.inventory,
            adoption=self.place.store.adoption,
            clock=self.place.store.clock,
            quarantines=quarantines,
            find_lost=FindLost(
                put_back=put_back, actuators_of=lambda _account: self.actuators, quarantines=quarantines
            ),
        )()
        await SweepDomains(
            application_id=APPLICATION,
            platform=platform or self.place.world.client,
            inventory=self.place.store.inventory,
            domains=PostgresDomains(self.place.store.pool),
            clock=self.place.store.clock,
            put_back=put_back,
        )()

    async def sweep_placements(self, quarantines: tuple[str, ...] = ()) -> None:
        """Make a sweep of the placements."""
        store = self.place.store
        sweep = SweepPlacements(
            application_id=APPLICATION,
            names=NAMES,
            platform=self.place.world.client,
            inventory=store.inventory,
            placements=PostgresPlacements(store.pool, PostgresRoster(store.pool, store.identities)),
            put_back=self.put_back(),
            actuators_of=lambda _account: self.actuators,
            clock=store.clock,
            told=self,
            quarantines=quarantines,
        )
        await sweep()

    def identities(self) -> Identities:
        """Return what another daemon knows of who is who."""
        return Identities(self.place.store.pool, SIZES, Counting())

    async def carry_out(self) -> None:
        """Order what is missing, and carry it out."""
        store = self.place.store
        circuits = PostgresCircuits(store.pool, SIZES)
        await order_again(PostgresUnordered(store.pool), circuits, lambda _account: self.actuators, store.clock.now())
        await finish(store.sender(self.place.world.client), store)

    async def long_ago(self) -> None:
        """Let all that was read back have been so long ago."""
        await self.place.store.pool.execute("UPDATE circuits SET confirmed_at = 0 WHERE confirmed IS NOT NULL")
        await self.place.store.pool.execute("UPDATE domain_circuits SET confirmed_at = 0 WHERE confirmed IS NOT NULL")


def _name(about: Account | SendingDomain) -> str:
    return str(about.address) if isinstance(about, Account) else about.id


@pytest.fixture
async def drifting(database_url: str) -> AsyncIterator[Drifting]:
    """An installation with lists and rules for all that stops by lists."""
    unhurried = SimulationOptions(requests_per_second=1_000)
    async with simulated(unhurried) as world, guarded(database_url) as store:
        place = Place(world, store, None, ["known"])  # type: ignore[arg-type] # no webhook is made
        await done(place.set_up(url=None, actuators=BLOCKING))
        yield Drifting(place)
