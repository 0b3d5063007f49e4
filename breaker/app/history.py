"""History, wired: what the platform kept and what was not understood, read into the ledger and judged once."""

from __future__ import annotations

import os
import socket
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from breaker.adapters.clock import SystemClock
from breaker.adapters.logs import configure_logging
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.client import NylasPlatform
from breaker.adapters.nylas.notifications import GrantEvent, NotJsonError, NotUnderstoodError, decode
from breaker.adapters.nylas.send_events import NylasSendEvents
from breaker.adapters.nylas.transport import Transport
from breaker.adapters.postgres.backfilled import PostgresBackfilled
from breaker.adapters.postgres.facts import OtherSendKeyError, check_send_key
from breaker.adapters.postgres.guard import PostgresGuard
from breaker.adapters.postgres.identities import Identities
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.ledger import PostgresLedger
from breaker.adapters.postgres.partitions import Partitions
from breaker.adapters.postgres.pooled import PostgresGroupCounts
from breaker.adapters.postgres.roster import PostgresRoster
from breaker.adapters.postgres.undecoded import PostgresUndecoded
from breaker.adapters.postgres.upkeep import PostgresUpkeep
from breaker.adapters.secrets import read_send_hash_key
from breaker.app.database import UnavailableError, connections, database, migrate, place_of
from breaker.app.derived import counting, domain_limits, guard_limits, suppressing, window_sizes
from breaker.app.observing import OnlyObserving
from breaker.app.operations import wire_operations
from breaker.config import ConfigurationError
from breaker.domain.outcomes.outcomes import DeliveryEvent
from breaker.domain.outcomes.sends import Rules
from breaker.domain.outcomes.spans import Span
from breaker.flows.backfill import KEPT, Backfill, BusyError
from breaker.flows.count import Count
from breaker.flows.follow_grants import read_all
from breaker.flows.judge_once import JudgeOnce
from breaker.flows.learn_feedback import FeedbackDomains
from breaker.flows.lease import Lease
from breaker.flows.pool_evidence import PoolEvidence
from breaker.flows.replay_undecoded import ReplayUndecoded, StillUnknownError
from breaker.ports import CredentialsRejectedError, PlatformError, StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import asyncpg

    from breaker.app.operations import Operations
    from breaker.config import GuardedApplication, Settings
    from breaker.flows.backfill import Progress
    from breaker.ports import Clock

_DAY = 86_400.0
_LEASE = 60.0


@dataclass(frozen=True, slots=True)
class History:
    """The history of one application.

    Args:
        application_id: The application.
        replay: Takes in what was not understood.
        retention: Seconds that the ledger reaches back.
        clock: The time.
    """

    application_id: str
    replay: ReplayUndecoded
    retention: float
    clock: Clock
    _platform: NylasPlatform | None
    _backfill: Backfill | None
    _roster: PostgresRoster

    async def backfill(
        self, since: float, until: float | None, told: Callable[[Progress], None], *, again: bool = False
    ) -> Progress:
        """Read the platform's send events of a span, as far back as they and the ledger reach.

        Args:
            since: Its beginning, Unix seconds.
            until: Its end; None is now.
            told: Told how far it is.
            again: Whether what was read before is read again.

        Raises:
            ConfigurationError: No API key is known.
            BusyError: Another process is at it.
            StoreError: The database can't be used now.
            PlatformError: The same of the platform.
        """
        if self._backfill is None or self._platform is None:
            raise ConfigurationError(f"nylas_api_key: no API key of {self.application_id} is known")
        now = self.clock.now()
        span = Span(int(max(since, now - min(self.retention, KEPT))), int(min(now, until or now)))
        # Who has which address today is known before the grants of the past come up.
        await read_all(self._platform, self.application_id, self._roster, self.clock)
        return await self._backfill(span, told, again=again)


@asynccontextmanager
async def histories(
    settings: Settings, only: str | None = None, clock: Clock | None = None
) -> AsyncIterator[list[History]]:
    """Give the histories of the applications of the settings, or of one of them.

    Raises:
        ConfigurationError: An API key is missing, or another application's, or the application is not configured.
        UnavailableError: The database or the platform can't be used, now or at any moment inside the block.
    """
    configure_logging(settings.log.format, "warning")
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database(settings, make=True))
        if settings.database_url is None:
            await migrate(settings)
        pool = await stack.enter_async_context(connections(settings, url))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        try:
            await check_send_key(pool, read_send_hash_key(settings))
            parts = await _parts(settings, pool, clock)
            found = [await _history(settings, one, parts, session, clock) for one in settings.guarded_applications()]
            wanted = [one for one in found if only in {None, one.application_id}]
            if not wanted:
                raise ConfigurationError(f"application_id: {only} is none of the configured applications")
            yield wanted
        except OtherSendKeyError as error:
            raise UnavailableError(str(error)) from error
        except StoreError as error:
            raise UnavailableError(f"{place_of(settings)} can't be used any more ({error}): run it again") from error
        except CredentialsRejectedError as error:
            raise UnavailableError(f"the platform does not accept the API key: {error}") from error
        except PlatformError as error:
            raise UnavailableError(
                f"the platform did not tell everything: {error}. What was read is counted; run it again to go on"
            ) from error
        except BusyError as error:
            raise UnavailableError(f"{error}: wait for it, or end it") from error


@dataclass(frozen=True, slots=True)
class _Parts:
    """What all applications share.

    Args:
        pool: Connections to the database.
        identities: Who is who.
        count: Counts, and judges nothing.
        judge: Judges once, as if everybody was observed.
    """

    pool: asyncpg.Pool
    identities: Identities
    count: Count
    judge: JudgeOnce


async def _parts(settings: Settings, pool: asyncpg.Pool, clock: Clock) -> _Parts:
    available: Operations = wire_operations(settings, pool, clock)
    in_force = available.in_force
    in_force.count_fleet(await available.fleet.active())
    sizes, counts = window_sizes(settings), counting(settings)
    identities, partitions = Identities(pool, sizes, counts), Partitions(pool, settings.ledger.partitions_ahead_days)
    feedback = FeedbackDomains(settings.counting.feedback_domains)
    feedback.learnt = frozenset(one.domain for one in await available.feedback.all())  # learning is the daemon's
    evidence = PoolEvidence(PostgresGroupCounts(pool), lambda: in_force.profiles.base.budget, clock)
    upkeep = PostgresUpkeep(pool, partitions)
    count = Count(
        ledger=PostgresLedger(pool, sizes, identities, partitions, PostgresGuard(guard_limits(settings))),
        modes=OnlyObserving(),
        profiles=in_force.profiles,
        rules=Rules(
            counting=counts,
            feedback_domains=feedback,
            simulator_domains=settings.counting.simulator_domains,
            send_key=read_send_hash_key(settings),
            retention=settings.ledger.retention_days * _DAY,
        ),
        actuators_of=in_force.actuators_of,
        pooled=lambda: evidence.current,
        domain_limits=domain_limits(settings),
        judging=False,
        protected=in_force.protected_now,
        suppressing=suppressing(settings),
    )

    async def read_evidence() -> None:
        await upkeep.fold_tallies()
        await evidence()

    return _Parts(pool, identities, count, JudgeOnce(available.active, count, clock, read_evidence))


async def _history(
    settings: Settings, application: GuardedApplication, parts: _Parts, session: aiohttp.ClientSession, clock: Clock
) -> History:
    roster = PostgresRoster(parts.pool, parts.identities)
    number, platform, backfill = application.id, None, None
    if application.api_key is not None:
        transport = Transport(
            session,
            application.api_url,
            application.api_key.get_secret_value(),
            Budget(clock, settings.platform.requests_per_second),
            clock,
            answer_within=settings.platform.timeout_seconds,
        )
        platform = NylasPlatform(transport)
        number = await platform.application_id()
        if application.id not in {None, number}:
            raise ConfigurationError(
                f"application_id: the API key belongs to {number}, and {application.id} is configured"
            )
        holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        backfill = Backfill(
            application_id=number,
            history=NylasSendEvents(transport, number),
            backfilled=PostgresBackfilled(parts.pool, parts.identities),
            count=parts.count,
            judge=parts.judge,
            lease=Lease(PostgresLeases(parts.pool), f"backfill:{number}", holder, _LEASE),
            clock=clock,
        )
    if number is None:
        raise ConfigurationError("application_id: neither it nor an API key that tells it is configured")
    replay = ReplayUndecoded(
        application_id=number,
        undecoded=PostgresUndecoded(parts.pool, parts.identities),
        decode=_decode,
        count=parts.count,
        judge=parts.judge,
        roster=roster,
        clock=clock,
    )
    return History(
        number,
        replay,
        settings.ledger.retention_days * _DAY,
        clock,
        _platform=platform,
        _backfill=backfill,
        _roster=roster,
    )


def _decode(body: bytes, received_at: float) -> DeliveryEvent | GrantEvent | None:
    """Decode what was kept; a send that failed then says nothing about now, and what is of no use is dropped."""
    try:
        event = decode(body, received_at)
    except (NotJsonError, NotUnderstoodError) as error:
        raise StillUnknownError(str(error)) from error
    return event if isinstance(event, DeliveryEvent | GrantEvent) else None
