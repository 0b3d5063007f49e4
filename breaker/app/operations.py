"""The use-cases: what people and programs can ask and do, wired on one database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.adapters.clock import SystemClock
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.directory import PostgresDirectory
from breaker.adapters.postgres.domains import PostgresDomains
from breaker.adapters.postgres.feed import PostgresFeed
from breaker.adapters.postgres.feedback import PostgresFeedback
from breaker.adapters.postgres.fleet_acts import PostgresFleetActs
from breaker.adapters.postgres.modes import PostgresModes
from breaker.adapters.postgres.reading.accounts import PostgresAccounts
from breaker.adapters.postgres.reading.active import PostgresActive
from breaker.adapters.postgres.reading.domains import PostgresDomainStandings
from breaker.adapters.postgres.reading.explanation import PostgresExplanations
from breaker.adapters.postgres.reading.fleet import PostgresFleet
from breaker.adapters.postgres.reading.held import PostgresHeld
from breaker.adapters.postgres.reading.trail import PostgresTrail
from breaker.app.database import UnavailableError, connections, database, unreachable
from breaker.app.derived import counting, guard_limits, probe_rules, window_sizes
from breaker.app.in_force import InForce
from breaker.flows.operate import Operator
from breaker.flows.operate_domains import DomainOperator
from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from breaker.config import Settings
    from breaker.ports import Clock


@dataclass(frozen=True, slots=True)
class Operations:
    """What people and programs can ask and do, for the command line and the API.

    Args:
        clock: The time.
        in_force: The configuration.
        accounts: Accounts as they stand.
        explanations: Accounts in full.
        domains: Sending domains as they stand.
        feedback: Recipient domains that were seen to send complaint feedback.
        trail: The audit trail.
        fleet: Counts over all accounts.
        active: The accounts that send, with all that they are judged by.
        directory: Who is meant by a selector.
        modes: How far Breaker may go.
        operator: People's acts.
        fleet_acts: People's acts on the whole fleet.
        guard: What the fleet guard holds.
        feed: What was heard of the platform.
    """

    clock: Clock
    in_force: InForce
    accounts: PostgresAccounts
    explanations: PostgresExplanations
    domains: PostgresDomainStandings
    feedback: PostgresFeedback
    trail: PostgresTrail
    fleet: PostgresFleet
    active: PostgresActive
    directory: PostgresDirectory
    modes: PostgresModes
    operator: Operator
    fleet_acts: PostgresFleetActs
    guard: PostgresHeld
    feed: PostgresFeed


def wire_operations(settings: Settings, pool: asyncpg.Pool, clock: Clock) -> Operations:
    """Put the use-cases together on a pool that is open."""
    in_force = InForce(settings)
    sizes = window_sizes(settings)
    modes = PostgresModes(pool, in_force.modes)
    directory = PostgresDirectory(pool)
    trail = PostgresTrail(pool)
    return Operations(
        clock=clock,
        in_force=in_force,
        accounts=PostgresAccounts(
            pool,
            sizes,
            lambda: in_force.modes,
            lambda: in_force.profiles,
            clock.now,
            lambda: probe_rules(in_force.settings),
            in_force.protected_now,
        ),
        explanations=PostgresExplanations(pool, trail, counting(settings), clock.now),
        domains=PostgresDomainStandings(pool, lambda: probe_rules(in_force.settings)),
        feedback=PostgresFeedback(pool),
        trail=trail,
        fleet=PostgresFleet(pool, lambda: in_force.modes, clock.now),
        active=PostgresActive(pool, sizes),
        directory=directory,
        modes=modes,
        operator=Operator(
            PostgresCircuits(pool, sizes),
            directory,
            modes,
            DomainOperator(PostgresDomains(pool), clock, in_force.protected_now),
            clock,
            actuators=in_force.actuators_of,
            protected=in_force.protected_now,
        ),
        fleet_acts=PostgresFleetActs(pool),
        guard=PostgresHeld(pool, sizes, lambda: guard_limits(in_force.settings)),
        feed=PostgresFeed(pool),
    )


@asynccontextmanager
async def operations(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Operations]:
    """Give the use-cases on the database of the settings.

    Raises:
        UnavailableError: The database cannot be used, now or at any moment inside the block.
    """
    async with database(settings) as url, connections(settings, url) as pool:
        try:
            yield wire_operations(settings, pool, clock or SystemClock())
        except StoreError as error:
            raise UnavailableError(unreachable(settings, error)) from error
