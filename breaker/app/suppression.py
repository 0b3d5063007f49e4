"""Suppression, wired: what brings the kept recipients into the platform's List, and what people do to them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from breaker.adapters.clock import SystemClock
from breaker.adapters.postgres.suppressions import Audit, PostgresSuppressions
from breaker.adapters.secrets import read_send_hash_key
from breaker.app.database import UnavailableError, connections, database, unreachable
from breaker.domain.platform.commands import Actuator
from breaker.domain.platform.suppression import fingerprint
from breaker.flows.lease import Lease
from breaker.flows.suppress import Limits, Suppress
from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    import asyncpg

    from breaker.adapters.suppression_metrics import SuppressionMetrics
    from breaker.app.operations import Operations
    from breaker.config import Settings
    from breaker.domain.platform.suppression import Reason
    from breaker.flows.carry_out import Surroundings
    from breaker.ports import Clock, Modes, SuppressedRow, SuppressionCounts


_LEASE = 60.0
_DAY = 86_400.0

log = structlog.get_logger(__name__)


def with_suppression(settings: Settings, actuators: Collection[Actuator]) -> frozenset[Actuator]:
    """Return what is on in a workspace, with suppression where that is on."""
    return frozenset(actuators) | ({Actuator.SUPPRESS} if settings.suppression.enabled else frozenset())


class TellSuppression:
    """Tells the log and the metrics; no address is ever said.

    Args:
        metrics: The metrics.
    """

    def __init__(self, metrics: SuppressionMetrics) -> None:
        self._metrics = metrics

    def counted(self, application_id: str, counts: SuppressionCounts) -> None:
        """Tell how many there are."""
        self._metrics.counted(application_id, counts)

    def synchronised(self, application_id: str, now: float) -> None:
        """Tell that the List is as it should be."""
        self._metrics.synchronised(application_id, now)

    def full(self, application_id: str, room: int, beyond: int) -> None:
        """Tell that recipients have no room: a page."""
        log.error(
            "the list of suppressed recipients is full: those that bounced or complained longest ago are not in it",
            application=application_id,
            room=room,
            beyond=beyond,
            what_to_do="raise suppression.most_addresses where the platform has room, or shorten retention_days",
        )

    def not_set_up(self, application_id: str) -> None:
        """Tell that there is no List."""
        log.warning(
            "recipients are kept, and none is refused: the platform has no list or rule for them",
            application=application_id,
            what_to_do="run `breaker setup`",
        )


def suppress(
    around: Surroundings,
    pool: asyncpg.Pool,
    metrics: SuppressionMetrics,
    operations: Operations,
    modes: Modes,
) -> Suppress:
    """Return what sees to the List of one application.

    Args:
        around: Its surroundings on the platform.
        pool: Connections to the database.
        metrics: The metrics.
        operations: The use-cases, with the configuration in force.
        modes: How far the daemon may go; other ones than the use-cases' let nothing be done at all.
    """
    in_force = operations.in_force

    def limits() -> Limits:
        said = in_force.settings.suppression
        return Limits(said.most_addresses, said.retention_days * _DAY)

    return Suppress(
        application_id=around.application_id,
        platform=around.platform,
        inventory=around.inventory,
        suppressions=PostgresSuppressions(pool),
        enabled=lambda: in_force.settings.suppression.enabled,
        limits=limits,
        may_act=lambda: modes is operations.modes,
        on_hold=lambda: operations.modes.hold(around.clock.now()) is not None,
        lease=Lease(around.leases, f"suppression:{around.application_id}", around.holder, _LEASE),
        clock=around.clock,
        told=TellSuppression(metrics),
    )


@dataclass(frozen=True, slots=True)
class SuppressionOffice:
    """What people do with the recipients that are kept; each look and each erasure stands in the audit trail.

    Args:
        rows: The recipients.
        clock: The time.
        known_as: Returns by what an address is known again in the audit trail.
    """

    rows: PostgresSuppressions
    clock: Clock
    known_as: Callable[[str], str]

    async def show(
        self, limit: int, reason: Reason | None, addresses: Sequence[str] | None, author: str
    ) -> Sequence[SuppressedRow]:
        """Return recipients, the latest first."""
        found = await self.rows.all(limit, reason, addresses)
        why = f"Suppressed recipients shown to a person ({len(found):,} in all)"
        await self.rows.audit(self._audit("suppression_list", why, author, addresses))
        return found

    async def erase(self, addresses: Sequence[str] | None, reason: str, author: str) -> int:
        """Erase addresses, or all; return how many there were. The platform's List follows."""
        which = "All suppressed recipients" if addresses is None else "Suppressed recipients"
        why = f"{which} erased by a person: {reason}"
        return await self.rows.erase(addresses, self._audit("suppression_erase", why, author, addresses))

    def _audit(self, act: str, why: str, author: str, addresses: Sequence[str] | None) -> Audit:
        return Audit(self.clock.now(), act, why, author, [self.known_as(one) for one in addresses or ()])


@asynccontextmanager
async def suppression_office(settings: Settings) -> AsyncIterator[SuppressionOffice]:
    """Give it, on the database of the settings.

    Raises:
        UnavailableError: The database can't be used.
    """
    async with database(settings) as url, connections(settings, url) as pool:
        try:
            known_as = partial(fingerprint, key=read_send_hash_key(settings))
            yield SuppressionOffice(PostgresSuppressions(pool), SystemClock(), known_as)
        except StoreError as error:
            raise UnavailableError(unreachable(settings, error)) from error
