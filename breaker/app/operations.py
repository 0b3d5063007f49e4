"""The use-cases: what people and programs can ask and do, wired on one database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.adapters.clock import SystemClock
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.directory import PostgresDirectory
from breaker.adapters.postgres.modes import PostgresModes
from breaker.adapters.postgres.reading.accounts import PostgresAccounts
from breaker.adapters.postgres.reading.explanation import PostgresExplanations
from breaker.adapters.postgres.reading.fleet import PostgresFleet
from breaker.adapters.postgres.reading.trail import PostgresTrail
from breaker.app.database import UnavailableError, connections, database, unreachable
from breaker.app.derived import actuators_of, configured_modes, counting, window_sizes
from breaker.flows.operate import Operator
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
        accounts: Accounts as they stand.
        explanations: Accounts in full.
        trail: The audit trail.
        fleet: Counts over all accounts.
        directory: Who is meant by a selector.
        modes: How far Breaker may go.
        operator: People's acts.
    """

    clock: Clock
    accounts: PostgresAccounts
    explanations: PostgresExplanations
    trail: PostgresTrail
    fleet: PostgresFleet
    directory: PostgresDirectory
    modes: PostgresModes
    operator: Operator


def wire_operations(settings: Settings, pool: asyncpg.Pool, clock: Clock) -> Operations:
    """Put the use-cases together on a pool that is open."""
    configured = configured_modes(settings)
    sizes = window_sizes(settings)
    modes = PostgresModes(pool, configured)
    directory = PostgresDirectory(pool)
    trail = PostgresTrail(pool)
    return Operations(
        clock=clock,
        accounts=PostgresAccounts(pool, sizes, lambda: configured, clock.now),
        explanations=PostgresExplanations(pool, trail, counting(settings), clock.now),
        trail=trail,
        fleet=PostgresFleet(pool, lambda: configured, clock.now),
        directory=directory,
        modes=modes,
        operator=Operator(PostgresCircuits(pool, sizes), directory, modes, clock, actuators=actuators_of(settings)),
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
