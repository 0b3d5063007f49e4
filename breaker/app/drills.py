"""Drills, wired: by command, beside a daemon that carries out what is ordered."""

from __future__ import annotations

import os
import socket
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from breaker.adapters.clock import SystemClock
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.drills import PostgresDrills
from breaker.adapters.postgres.examination.records import PostgresExamination
from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.app.database import UnavailableError, connections, database, unreachable
from breaker.app.derived import window_sizes
from breaker.app.operations import wire_operations
from breaker.config import ConfigurationError
from breaker.domain.acts.acts import RefusedError
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.findings.daemons import ALIVE_WITHIN
from breaker.flows.drill import LEASE, ConductDrill, DrillLimits, DrillTakenOverError, DrillUnderWayError
from breaker.flows.drill_canary import HoldCanary
from breaker.flows.drill_mail import TrySending
from breaker.flows.find_scope import FindScope
from breaker.flows.fixtures import Names
from breaker.flows.lease import Lease
from breaker.ports import PlatformError, StoreError, Urgency

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

    from breaker.adapters.postgres.directory import PostgresDirectory
    from breaker.app.operations import Operations
    from breaker.config import GuardedApplication, Settings
    from breaker.config.drill import DrillSettings
    from breaker.domain.drill import Drill, StepResult
    from breaker.ports import Account, Clock

_NOBODY = (
    "no `breaker serve` that has an API key runs on this database, and it is what carries a stop out: start it first"
)
_NOT_CONFIGURED = (
    "drill: nothing is configured to drill. Set BREAKER_DRILL__ACCOUNT to the address of an Agent Account that nobody "
    "else sends with, and BREAKER_DRILL__RECIPIENT to a mailbox of yours that it may write to"
)


def limits_of(settings: DrillSettings) -> DrillLimits:
    """Return how long a drill waits."""
    return DrillLimits(settings.read_back_seconds, settings.refusal_seconds, settings.event_seconds)


async def canaries_of(directory: PostgresDirectory, settings: DrillSettings) -> dict[str, list[Account]]:
    """Return the accounts that are configured as canaries, by how they are configured; nobody where none is known.

    Raises:
        StoreError: The database can't be used now.
    """
    found: dict[str, list[Account]] = {}
    for name in settings.account:
        keys = await directory.keys(parse_selector(name))
        found[name] = [account for account, _ in await directory.circuits(keys)]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillParts:
    """What a conductor of drills is wired from.

    Args:
        application_id: The application.
        platform: The application on the platform.
        names: What this installation's things are called.
        pool: Connections to the database.
        operations: The use-cases.
        holder: This process's name among those that drill.
        ordered: Told when something was ordered of the platform.
        told: Told of each step.
        nobody: Returns why nobody would carry out what is ordered, or None.
    """

    application_id: str
    platform: NylasPlatform
    names: Names
    pool: asyncpg.Pool
    operations: Operations
    holder: str
    ordered: Callable[[], None]
    told: Callable[[Drill, StepResult], None]
    nobody: Callable[[], Awaitable[str | None]]

    def conductor(self) -> ConductDrill:
        """Put a conductor together."""
        operations, clock = self.operations, self.operations.clock
        drills = PostgresDrills(self.pool, window_sizes(operations.in_force.settings))
        platform = self.platform.at(Urgency.RESET)
        return ConductDrill(
            application_id=self.application_id,
            drills=drills,
            canary=HoldCanary(
                drills=drills,
                actuators_of=operations.in_force.actuators_of,
                clock=clock,
                ordered=self.ordered,
                nobody=self.nobody,
            ),
            find_scope=FindScope(
                application_id=self.application_id,
                platform=platform,
                inventory=PostgresInventory(self.pool),
                names=self.names,
                clock=clock,
            ),
            mail=TrySending(send_path=platform.send_path(), platform=platform, clock=clock),
            lease=Lease(PostgresLeases(self.pool), f"drill:{self.application_id}", self.holder, LEASE),
            clock=clock,
            told=self.told,
        )


async def drill_now(
    settings: Settings, by: str, told: Callable[[Drill, StepResult], None], clock: Clock | None = None
) -> list[Drill]:
    """Drill the configured canaries, one after the other, beside a daemon.

    Args:
        settings: The configuration.
        by: Who asks for it.
        told: Told of each step when it is over.
        clock: The time; the machine's unless told otherwise.

    Raises:
        ConfigurationError: It is not configured whom to drill, or there is no API key.
        RefusedError: A canary is not known, or another drill is under way; nothing was changed by this one.
        UnavailableError: The database can't be used, what an earlier drill left can't be taken back yet, or this
            process stood still for so long that another ended its drill.
    """
    if not settings.drill.configured:
        raise ConfigurationError(_NOT_CONFIGURED)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database(settings))
        pool = await stack.enter_async_context(connections(settings, url))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        operations = wire_operations(settings, pool, clock or SystemClock())
        try:
            return await _drill_all(settings, operations, pool, session, by, told)
        except StoreError as error:
            raise UnavailableError(unreachable(settings, error)) from error
        except DrillTakenOverError as error:
            raise UnavailableError(f"{error}, its canary let go; run it again") from error
        except PlatformError as error:
            raise UnavailableError(f"what an earlier drill left could not be taken back yet: {error}") from error
        except DrillUnderWayError as error:
            raise RefusedError(f"{error}: nothing was changed by this one; it is over in some minutes") from error


async def _drill_all(  # noqa: PLR0913, PLR0917 - what drills are wired from
    settings: Settings,
    operations: Operations,
    pool: asyncpg.Pool,
    session: aiohttp.ClientSession,
    by: str,
    told: Callable[[Drill, StepResult], None],
) -> list[Drill]:
    canaries = await canaries_of(operations.directory, settings.drill)
    if unknown := [name for name, accounts in canaries.items() if not accounts]:
        raise RefusedError(
            f"drill.account: no account is known as {', '.join(unknown)}; nothing was changed. `breaker serve` reads "
            "the platform's grants every five minutes, and `breaker status` lists those that are known"
        )
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    done: list[Drill] = []
    for account in [account for accounts in canaries.values() for account in accounts]:
        application = _application_of(settings, account)
        platform = _platform(settings, application, session, operations.clock)
        parts = DrillParts(
            application_id=account.application_id,
            platform=platform,
            names=Names(application.installation or account.application_id),
            pool=pool,
            operations=operations,
            holder=holder,
            ordered=lambda: None,  # the daemon looks by itself, four times a second
            told=told,
            nobody=_nobody(pool, account.application_id),
        )
        done.append(
            await parts.conductor()(
                account,
                settings.drill.recipient or "",
                limits_of(settings.drill),
                by=by,
                nightly=False,
                scope=settings.drill.rule_scope,
            )
        )
    return done


def _application_of(settings: Settings, account: Account) -> GuardedApplication:
    for one in settings.guarded_applications():
        if one.id == account.application_id or (one.id is None and one.sole):
            return one
    raise ConfigurationError(
        f"drill.account: {account.address or account.id} is of the application {account.application_id}, which is not "
        "configured"
    )


def _platform(
    settings: Settings, application: GuardedApplication, session: aiohttp.ClientSession, clock: Clock
) -> NylasPlatform:
    if application.api_key is None:
        raise ConfigurationError("nylas_api_key: no API key is known, so that the canary can't send: give it here too")
    transport = Transport(
        session,
        application.api_url,
        application.api_key.get_secret_value(),
        Budget(clock, settings.platform.requests_per_second),
        clock,
        answer_within=settings.platform.timeout_seconds,
    )
    return NylasPlatform(transport, Urgency.RESET)


def _nobody(pool: asyncpg.Pool, application_id: str) -> Callable[[], Awaitable[str | None]]:
    async def nobody() -> str | None:
        daemons = await PostgresExamination(pool).daemons(application_id)
        alive = any(one.acts and one.installation is not None and one.silent <= ALIVE_WITHIN for one in daemons)
        return None if alive else f"{_NOBODY[0].upper()}{_NOBODY[1:]}."

    return nobody


def drill_as_json(drill: Drill) -> dict[str, object]:
    """Return a drill as JSON."""
    return {
        "number": drill.number,
        "application_id": drill.application_id,
        "account": drill.account,
        "by": drill.by,
        "at": drill.begun_at,
        "outcome": drill.outcome,
        "failed_at": drill.failed_at,
        "rule_scope": drill.rule_scope,
        "steps": [
            {"step": one.step, "passed": one.passed, "seconds": round(one.seconds, 3), "says": one.says}
            for one in drill.steps
        ],
    }
