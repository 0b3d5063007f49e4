"""Examining, wired: each application of the settings, on the database and on the platform; nothing is changed."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp

from breaker.adapters.clock import SystemClock
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.directory import PostgresDirectory
from breaker.adapters.postgres.drills import PostgresDrills
from breaker.adapters.postgres.examination.records import PostgresExamination
from breaker.adapters.postgres.feed import PostgresFeed
from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.outbox import PostgresOutbox
from breaker.adapters.secrets import read_webhook_secrets
from breaker.app.database import UnavailableError, connections, database, unreachable
from breaker.app.derived import window_sizes
from breaker.app.drills import canaries_of
from breaker.app.guarded import actuators_in
from breaker.app.installations import webhook_url
from breaker.app.signs_of_life import where
from breaker.app.suppression import with_suppression
from breaker.domain.circuits.circuit import Mode
from breaker.domain.findings import Finding, findings
from breaker.flows.examine import Examine
from breaker.flows.examine_platform import Configured
from breaker.flows.fixtures import Names
from breaker.ports import StoreError, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import asyncpg

    from breaker.config import GuardedApplication, Settings
    from breaker.ports import Clock


class _Comparison:
    """How far the platform's clock is ahead: of all answers, the one that was nearest to ours."""

    def __init__(self) -> None:
        self._seen: list[float] = []

    def see(self, ahead: float) -> None:
        """Take in what one answer says; one that was long under way says less."""
        self._seen = [min([*self._seen, ahead], key=abs)]

    def ahead(self) -> float | None:
        """Return it, or None where nothing was answered."""
        return self._seen[0] if self._seen else None


async def examine(
    settings: Settings, reading: Callable[[int], None] = lambda _count: None, clock: Clock | None = None
) -> Sequence[tuple[str | None, Sequence[Finding]]]:
    """Return what is wrong with each application of the settings, by its id as far as that is known.

    Args:
        settings: The configuration.
        reading: Told how many accounts of an application were read.
        clock: The time here; the machine's unless told otherwise.

    Raises:
        UnavailableError: The database can't be used.
    """
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database(settings))
        pool = await stack.enter_async_context(connections(settings, url))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        found: list[tuple[str | None, Sequence[Finding]]] = []
        try:
            drilled = await _drilled(settings, pool)
            for one in settings.guarded_applications():
                flow = _flow(settings, one, pool, session, clock or SystemClock(), reading, drilled)
                facts = await flow()
                found.append((facts.id, findings(facts)))
        except StoreError as error:
            raise UnavailableError(unreachable(settings, error)) from error
        return found


async def _drilled(settings: Settings, pool: asyncpg.Pool) -> frozenset[str] | None:
    """Return the applications that canaries are configured of; None where they are configured and none is known."""
    if not settings.drill.configured:
        return frozenset()
    found = await canaries_of(PostgresDirectory(pool), settings.drill)
    return frozenset(one.application_id for some in found.values() for one in some) or None


def _flow(  # noqa: PLR0913, PLR0917 - what an examination is wired from, each named
    settings: Settings,
    application: GuardedApplication,
    pool: asyncpg.Pool,
    session: aiohttp.ClientSession,
    clock: Clock,
    reading: Callable[[int], None],
    drilled: frozenset[str] | None,
) -> Examine:
    compared = _Comparison()
    platform = None
    if application.api_key is not None:
        budget = Budget(clock, settings.platform.requests_per_second)
        transport = Transport(
            session,
            application.api_url,
            application.api_key.get_secret_value(),
            budget,
            clock,
            answer_within=settings.platform.timeout_seconds,
            compare=compared.see,
        )
        # A person waits, and there is nobody else in this process.
        platform = NylasPlatform(transport, Urgency.RESET)
    configured = Configured(
        application_id=application.id,
        installation=application.installation,
        api_url=application.api_url,
        webhook_url=lambda number: webhook_url(settings, replace(application, id=number)),
        secret_known=lambda number: bool(read_webhook_secrets(settings, replace(application, id=number))),
        actuators_of=lambda workspace_id: with_suppression(settings, actuators_in(application, workspace_id)),
        workspaces=frozenset(application.workspaces),
        quarantines=frozenset(
            one.quarantine_workspace_id for one in application.workspaces.values() if one.quarantine_workspace_id
        ),
        enforcing=where(application, Mode.ENFORCE),
        drilled=drilled,
        nightly_drill=settings.drill.nightly,
    )
    return Examine(
        configured=configured,
        names=Names,
        platform=platform,
        inventory=PostgresInventory(pool),
        records=PostgresExamination(pool),
        feed=PostgresFeed(pool),
        backlogs=PostgresOutbox(pool, "doctor"),
        drills=PostgresDrills(pool, window_sizes(settings)),
        now=clock.now,
        platform_ahead=compared.ahead,
        reading=reading,
    )
