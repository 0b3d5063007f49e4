"""Setting up and tearing down, wired: each application of the settings, on the database and on the platform."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import aiohttp

from breaker.adapters.clock import SystemClock
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.adoption import PostgresAdoption
from breaker.adapters.postgres.identities import Identities
from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.outbox import PostgresOutbox
from breaker.adapters.secrets import read_webhook_secrets, webhook_secrets_file, write_secret
from breaker.app.database import UnavailableError, connections, database, migrate, place_of
from breaker.app.derived import counting, window_sizes
from breaker.app.suppression import with_suppression
from breaker.config import ConfigurationError
from breaker.flows.fixtures import Names
from breaker.flows.set_up import SetUp
from breaker.flows.set_up_plan import Need, SetUpRefusedError
from breaker.flows.tear_down import TearDown
from breaker.ports import CredentialsRejectedError, PlatformError, StoreError, Urgency

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import asyncpg

    from breaker.config import GuardedApplication, Settings
    from breaker.ports import Clock


@dataclass(frozen=True, slots=True)
class Installation:
    """What sets up one application, and takes it back.

    Args:
        application_id: The application.
        set_up: Makes what Breaker needs there.
        tear_down: Takes back what Breaker made there.
    """

    application_id: str
    set_up: SetUp
    tear_down: TearDown


@asynccontextmanager
async def installations(settings: Settings, *, take_over: bool = False) -> AsyncIterator[list[Installation]]:
    """Give the applications of the settings, to set up and to tear down.

    Args:
        settings: The configuration.
        take_over: Whether another installation's things are made this one's.

    Raises:
        ConfigurationError: An API key is missing, or another application's.
        UnavailableError: The database or the platform cannot be used, or a person has to decide first.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database(settings, make=True))
        if settings.database_url is None:
            await migrate(settings)
        pool = await stack.enter_async_context(connections(settings, url))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        try:
            yield [
                await _installation(settings, one, pool, session, clock, take_over=take_over)
                for one in settings.guarded_applications()
            ]
        except StoreError as error:
            raise UnavailableError(f"{place_of(settings)} can't be used any more ({error}): run it again") from error
        except CredentialsRejectedError as error:
            raise UnavailableError(f"the platform does not accept the API key: {error}") from error
        except PlatformError as error:
            raise UnavailableError(
                f"the platform did not do all that was asked: {error}. What was done stays and is remembered; run it "
                "again to go on"
            ) from error
        except SetUpRefusedError as error:
            raise UnavailableError(str(error)) from error


async def _installation(  # noqa: PLR0913 - what an installation is wired from, each named
    settings: Settings,
    application: GuardedApplication,
    pool: asyncpg.Pool,
    session: aiohttp.ClientSession,
    clock: Clock,
    *,
    take_over: bool,
) -> Installation:
    if application.api_key is None:
        named = f" of {application.id}" if application.id else ""
        raise ConfigurationError(f"nylas_api_key: no API key{named} is known, so nothing can be made on the platform")
    budget = Budget(clock, settings.platform.requests_per_second)
    key = application.api_key.get_secret_value()
    transport = Transport(
        session, application.api_url, key, budget, clock, answer_within=settings.platform.timeout_seconds
    )
    # A person waits, and there is nobody else in this process.
    platform = NylasPlatform(transport, Urgency.RESET)
    number = await platform.application_id()
    if application.id not in {None, number}:
        raise ConfigurationError(f"application_id: the API key belongs to {number}, and {application.id} is configured")
    application = replace(application, id=number)
    names = Names(application.installation or number)
    inventory = PostgresInventory(pool)
    sizes = window_sizes(settings)
    actuators = {*application.actuators, *(one for some in application.workspaces.values() for one in some.actuators)}
    need = Need(
        application_id=number,
        names=names,
        actuators=with_suppression(settings, actuators),
        webhook_url=webhook_url(settings, application),
        secret_known=bool(read_webhook_secrets(settings, application)),
        take_over=take_over,
    )
    return Installation(
        number,
        SetUp(
            need=need,
            platform=platform,
            inventory=inventory,
            clock=clock,
            keep_secret=partial(_keep_webhook_secret, webhook_secrets_file(settings, application)),
        ),
        TearDown(
            application_id=number,
            names=names,
            platform=platform,
            inventory=inventory,
            outbox=PostgresOutbox(pool, "teardown"),
            adoption=PostgresAdoption(pool, Identities(pool, sizes, counting(settings)), sizes),
            clock=clock,
            quarantines=[
                one.quarantine_workspace_id for one in application.workspaces.values() if one.quarantine_workspace_id
            ],
        ),
    )


def webhook_url(settings: Settings, application: GuardedApplication) -> str | None:
    """Return where an application's notifications are to be posted to, or None where that is not configured."""
    if settings.public_url is None:
        return None
    return f"{settings.public_url}/webhooks/nylas" + ("" if application.sole else f"/{application.id}")


def _keep_webhook_secret(path: Path, secret: str) -> None:
    """Write a secret beside those that the file holds: another webhook's may be among them."""
    kept = path.read_text(encoding="utf-8").split() if path.exists() else []
    write_secret(path, "\n".join(dict.fromkeys([secret, *kept])))
