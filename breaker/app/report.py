"""Reports, wired: on the database, beside what the platform counts."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp

from breaker.adapters.clock import SystemClock
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.send_metrics import NylasSendMetrics
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.feed import PostgresFeed
from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.reading.exempted import PostgresExempted
from breaker.adapters.postgres.reading.report import PostgresReport
from breaker.app.database import UnavailableError, connections, database, unreachable
from breaker.app.derived import counting, guard_limits, protected_accounts, window_sizes
from breaker.app.operations import wire_operations
from breaker.config import ConfigurationError
from breaker.flows.compare_counts import CompareCounts
from breaker.flows.report import Report
from breaker.ports import PlatformError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from breaker.config import GuardedApplication, Settings
    from breaker.flows.report import FleetReport
    from breaker.ports import Clock


async def fleet_report(
    settings: Settings, since: Callable[[float], float], only: str | None = None, clock: Clock | None = None
) -> FleetReport:
    """Make a report on the applications of the settings, or on one of them; it changes nothing.

    Args:
        settings: The configuration.
        since: Returns from when on, given the time; both are Unix seconds.
        only: One application.
        clock: The time.

    Raises:
        ConfigurationError: The application is not configured, or none is known.
        UnavailableError: The database can't be used, or the platform does not tell what the application is.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database(settings))
        pool = await stack.enter_async_context(connections(settings, url))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        records = PostgresReport(pool, counting(settings))
        try:
            compare: dict[str, CompareCounts | None] = {}
            refused: PlatformError | None = None
            for one in settings.guarded_applications():
                try:
                    number, transport = await _reached(settings, one, session, clock)
                except PlatformError as error:
                    refused = error
                    continue
                if number is not None and only in {None, number}:
                    metrics = NylasSendMetrics(transport) if transport else None
                    compare[number] = CompareCounts(number, metrics, records) if metrics else None
            if not compare and refused:
                raise UnavailableError(f"the application can't be learnt from the platform: {refused}") from refused
            if not compare:
                raise ConfigurationError(
                    f"application_id: {only} is none of the configured applications"
                    if only
                    else "application_id: neither it nor an API key that tells it is configured"
                )
            available = wire_operations(settings, pool, clock)
            now = clock.now()
            await available.modes.refresh()
            report = Report(
                records,
                compare,
                PostgresInventory(pool),
                PostgresFeed(pool),
                lambda: guard_limits(settings),
                PostgresExempted(pool, window_sizes(settings)),
                protected_accounts(settings),
            )
            return await report(since(now), now, await available.fleet.active(), available.modes.hold(now))
        except StoreError as error:
            raise UnavailableError(unreachable(settings, error)) from error


async def _reached(
    settings: Settings, application: GuardedApplication, session: aiohttp.ClientSession, clock: Clock
) -> tuple[str | None, Transport | None]:
    """Return an application's id, asked for where it is not configured, and the way to it, where a key is known.

    Raises:
        PlatformError: The platform does not tell the id.
    """
    if application.api_key is None:
        return application.id, None
    transport = Transport(
        session,
        application.api_url,
        application.api_key.get_secret_value(),
        Budget(clock, settings.platform.requests_per_second),
        clock,
        answer_within=settings.platform.timeout_seconds,
    )
    if application.id is not None:
        return application.id, transport
    return await NylasPlatform(transport).application_id(), transport
