"""The composition root: settings become wired parts. The only file that names concrete adapters."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from breaker.adapters.clock import SystemClock
from breaker.adapters.http.presentation import (
    account_as_json,
    explanation_as_json,
    report_as_json,
    verdict_as_json,
)
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.directory import PostgresDirectory
from breaker.adapters.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.migrate import (
    MigrationError,
    SchemaError,
    check_schema,
    current_revision,
    head_revision,
    sql,
    upgrade,
)
from breaker.adapters.postgres.modes import PostgresModes
from breaker.adapters.postgres.pool import connection_pool
from breaker.adapters.postgres.reading.accounts import PostgresAccounts
from breaker.adapters.postgres.reading.explanation import PostgresExplanations
from breaker.adapters.postgres.reading.fleet import PostgresFleet
from breaker.adapters.postgres.reading.trail import PostgresTrail
from breaker.domain.counters import WindowSizes
from breaker.domain.modes import ConfiguredModes
from breaker.domain.outcomes import COUNTED_BY_DEFAULT, Counting
from breaker.flows.operate import Operator
from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping

    from breaker.config import Settings
    from breaker.domain.commands import Actuator
    from breaker.ports import Account, Clock

# What the command line may not fetch from the adapters itself.
__all__ = ["account_as_json", "explanation_as_json", "report_as_json", "verdict_as_json"]


class UnavailableError(Exception):
    """Something that Breaker needs cannot be used now; the sentence says what, and what to do about it."""


# --- What follows from the settings ---------------------------------------------------------------------------------


def window_sizes(settings: Settings) -> WindowSizes:
    """Return the R that are assumed."""
    return WindowSizes(settings.counting.representative_volumes, settings.counting.complaint_volumes)


def counting(settings: Settings) -> Counting:
    """Return which bounce classes count."""
    said = settings.counting.counted_classes
    counted = {name for name in COUNTED_BY_DEFAULT if said.get(name, True)} | {name for name, on in said.items() if on}
    return Counting(frozenset(counted))


def configured_modes(settings: Settings) -> ConfiguredModes:
    """Return the modes that the configuration names."""
    return ConfiguredModes(
        daemon=settings.mode,
        applications={one.id: one.mode for one in settings.applications if one.mode},
        workspaces={
            (one.id, workspace_id): workspace.mode
            for one in settings.applications
            for workspace_id, workspace in one.workspaces.items()
            if workspace.mode
        },
    )


def actuators_of(settings: Settings) -> Callable[[Account], Collection[Actuator]]:
    """Return which ways to stop are on for an account."""
    applications = settings.guarded_applications()
    by_id = {one.id: one for one in applications}

    def of(account: Account) -> Collection[Actuator]:
        application = by_id.get(account.application_id) or by_id.get(None)
        if application is None:
            return settings.actuators
        return application.workspace(account.home_workspace_id or account.workspace_id).actuators

    return of


# --- The database ---------------------------------------------------------------------------------------------------


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """Return the server of our own, which may or may not run."""
    return EmbeddedPostgres(settings.data_dir / "postgres", binaries=settings.postgres_bin)


@asynccontextmanager
async def database(settings: Settings, *, make: bool = False) -> AsyncIterator[str]:
    """Give the connection string of the database, embedded where none is configured.

    A running embedded server is used as it is; else it is started, and stopped in the end unless somebody else uses it
    by then.

    Args:
        settings: Where it is.
        make: Whether to make an embedded one that does not exist.

    Raises:
        UnavailableError: There is none, or it cannot be started.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    embedded = embedded_postgres(settings)
    if not make and not embedded.data_dir.exists():
        raise UnavailableError(
            f"no database is configured, and there is no embedded one in {embedded.data_dir} yet: set "
            "BREAKER_DATABASE_URL, or try `breaker demo`"
        )
    try:
        url = await embedded.attach()
        started_here = url is None
        url = url or await embedded.start()
    except EmbeddedPostgresError as error:
        raise UnavailableError(f"the embedded PostgreSQL cannot be used: {error}") from error
    try:
        yield url
    finally:
        if started_here and not await _others_use(url):
            await embedded.stop()


async def _others_use(url: str) -> bool:
    """Tell whether somebody else has come to use a server that we started."""
    try:
        connection = await asyncpg.connect(url, statement_cache_size=0)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    try:
        others = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
    return bool(others)


def place_of(settings: Settings) -> str:
    """Say where the database is, without a password."""
    if settings.database_url is None:
        return f"the embedded PostgreSQL in {embedded_postgres(settings).data_dir}"
    parts = urlsplit(settings.database_url.get_secret_value())
    return f"the database {parts.hostname or 'on a local socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"


@asynccontextmanager
async def connections(settings: Settings, url: str) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool of connections to a database whose schema is known.

    Where the configuration names a direct address too, the other one is taken for a pooler in transaction mode.

    Raises:
        UnavailableError: It does not answer, refuses, or has another schema.
    """
    pooled = settings.database_direct_url is not None
    async with AsyncExitStack() as stack:
        try:
            pool = await stack.enter_async_context(connection_pool(url, settings.database_connections, pooled=pooled))
            await check_schema(pool)
        except SchemaError as error:
            raise UnavailableError(f"{place_of(settings)} cannot be used: {error}") from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError(_unreachable(settings, error)) from error
        yield pool


def _unreachable(settings: Settings, error: Exception) -> str:
    what = str(error) or type(error).__name__
    return (
        f"{place_of(settings)} does not answer as it should ({what}): is BREAKER_DATABASE_URL right, and does it run?"
    )


# --- Use-cases ------------------------------------------------------------------------------------------------------


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
            raise UnavailableError(_unreachable(settings, error)) from error


# --- Readiness ------------------------------------------------------------------------------------------------------


def readiness_checks(
    pool: asyncpg.Pool, secret_known: Callable[[], bool]
) -> Mapping[str, Callable[[], Awaitable[str | None]]]:
    """Return what makes a daemon ready, by name; each says what is wrong, or None.

    Args:
        pool: Connections to the database.
        secret_known: Whether a webhook secret is known, without which nothing can be taken in.
    """

    async def database_problem() -> str | None:
        with translated():
            await pool.fetchval("SELECT 1")
        return None

    async def schema_problem() -> str | None:
        try:
            with translated():
                await check_schema(pool)
        except SchemaError as error:
            return str(error)
        return None

    async def secret_problem() -> str | None:
        return None if secret_known() else "no webhook secret is known yet: run `breaker setup`"

    return {"database": database_problem, "schema": schema_problem, "webhook_secret": secret_problem}


# --- The schema -----------------------------------------------------------------------------------------------------


async def migrate(settings: Settings) -> tuple[str | None, str]:
    """Bring the database to the schema that this Breaker needs; return the revisions before and after.

    Raises:
        UnavailableError: It was not done, and nothing was changed.
    """
    async with database(settings, make=True) as found:
        direct = settings.database_direct_url
        url = direct.get_secret_value() if direct else found
        try:
            before = await current_revision(url)
            await upgrade(url)
        except MigrationError as error:
            raise UnavailableError(f"{place_of(settings)}: {error}") from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnavailableError(_unreachable(settings, error)) from error
    return before, head_revision()


def migration_sql() -> str:
    """Return the SQL of the whole schema, for people who review it first."""
    return sql()
