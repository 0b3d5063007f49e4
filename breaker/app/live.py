"""What a person looks up at the platform itself, wired beside the use-cases."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from breaker.adapters.clock import SystemClock
from breaker.adapters.logs import configure_logging
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.lookups import NylasLookups
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.looks import PostgresLooks
from breaker.app.database import UnavailableError, connections, database, place_of
from breaker.app.operations import Operations, wire_operations
from breaker.config import ConfigurationError
from breaker.flows.look_up import LookUp
from breaker.ports import CredentialsRejectedError, GoneError, PlatformError, StoreError, Urgency

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from breaker.config import GuardedApplication, Settings
    from breaker.ports import Clock


@dataclass(frozen=True, slots=True)
class Live:
    """The use-cases, and what the platform can be asked.

    Args:
        operations: The use-cases.
    """

    operations: Operations
    _lookups: Mapping[str, LookUp]

    def look_up(self, application_id: str) -> LookUp:
        """Return what looks things up in an application.

        Raises:
            ConfigurationError: No API key of it is known.
        """
        found = self._lookups.get(application_id)
        if found is None:
            raise ConfigurationError(f"nylas_api_key: no API key of {application_id} is known, so it can't be asked")
        return found


@asynccontextmanager
async def live(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Live]:
    """Give the use-cases on the database of the settings, and the platform beside them.

    Raises:
        UnavailableError: The database or the platform can't be used, now or at any moment inside the block.
    """
    configure_logging(settings.log.format, "warning")
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database(settings))
        pool = await stack.enter_async_context(connections(settings, url))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        try:
            lookups: dict[str, LookUp] = {}
            for application in settings.guarded_applications():
                if application.api_key is not None:
                    number, asked = await _lookups(
                        settings, application, application.api_key.get_secret_value(), session
                    )
                    lookups[number] = LookUp(asked, PostgresLooks(pool), clock)
            yield Live(wire_operations(settings, pool, clock), lookups)
        except StoreError as error:
            raise UnavailableError(f"{place_of(settings)} can't be used any more ({error}): run it again") from error
        except CredentialsRejectedError as error:
            raise UnavailableError(f"the platform does not accept the API key: {error}") from error
        except GoneError as error:
            raise UnavailableError(f"the platform does not know it any more: {error}") from error
        except PlatformError as error:
            raise UnavailableError(f"the platform did not tell: {error}. Run it again") from error


async def _lookups(
    settings: Settings, application: GuardedApplication, api_key: str, session: aiohttp.ClientSession
) -> tuple[str, NylasLookups]:
    clock = SystemClock()
    transport = Transport(
        session,
        application.api_url,
        api_key,
        Budget(clock, settings.platform.requests_per_second),
        clock,
        answer_within=settings.platform.timeout_seconds,
    )
    platform = NylasPlatform(transport, Urgency.RESET)  # a person waits
    number = application.id or await platform.application_id()
    return number, NylasLookups(transport, platform, number)
