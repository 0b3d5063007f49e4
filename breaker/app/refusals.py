"""What the platform itself does, wired: from refused sends, wherever they are told of, to what stands beside states."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import structlog

from breaker.adapters.nylas.errors import redacted
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.inventory import PostgresInventory
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.platform_standings import PostgresPlatformStandings
from breaker.app.derived import window_sizes
from breaker.domain.platform.platform_standing import Example, Source
from breaker.flows.keep_standings import KeepStandings
from breaker.flows.lease import Lease
from breaker.flows.note_refusals import NoteRefusals
from breaker.flows.read_evaluations import ReadEvaluations
from breaker.ports import Refused

if TYPE_CHECKING:
    import asyncpg

    from breaker.adapters.nylas.notifications import SendFailed
    from breaker.app.in_force import InForce
    from breaker.app.reporter import Reporter
    from breaker.ports import Clock, Holds, Modes, Platform

_LEASE = 30.0

log = structlog.get_logger(__name__)


class Refusals:
    """Takes in refused sends, and keeps what follows from them.

    Args:
        pool: Connections to the database.
        in_force: The configuration.
        modes: How far Breaker may go with each account.
        holds: What keeps everybody from being changed.
        clock: The time.
        reporter: Who is told.
        holder: This process's name.

    Attributes:
        note: Takes in refused sends.
        keep: Ends what is over, and tells people of what is new.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - wired once, in the daemon
        self,
        pool: asyncpg.Pool,
        in_force: InForce,
        modes: Modes,
        holds: Holds,
        clock: Clock,
        reporter: Reporter,
        holder: str,
    ) -> None:
        """Wire the parts; nothing runs yet."""
        self._pool = pool
        self._clock = clock
        self._reporter = reporter
        self._holder = holder
        self._standings = PostgresPlatformStandings(pool)
        circuits = PostgresCircuits(pool, window_sizes(in_force.settings))

        def paused() -> re.Pattern[str]:
            return re.compile(in_force.settings.platform.paused_text, re.IGNORECASE)

        self.note = NoteRefusals(
            self._standings,
            circuits,
            modes,
            holds,
            in_force.actuators_of,
            clock,
            reporter,
            paused,
            in_force.protected_now,
        )
        self.keep = KeepStandings(self._standings, self._lease("platform standings"), clock, reporter)

    async def failed(self, event: SendFailed) -> None:
        """Take in a notification that a send failed.

        Raises:
            StoreError: The database can't be used now.
        """
        refusal = self.note.reason(event.status, event.message)
        if refusal is None:
            return
        at = min(event.occurred_at, self._clock.now())
        example = Example(event.status, redacted(event.type), redacted(event.message), at)
        [problem] = await self.note(
            [Refused(event.application_id, event.grant_id, refusal, example, Source.SEND_FAILED)]
        )
        if problem is not None:
            log.info("a send failed of an account that is not known", grant=event.grant_id, refusal=refusal)

    def reading(self, application_id: str, platform: Platform) -> ReadEvaluations:
        """Return what reads an application's receipts of refused sends."""
        lease = self._lease(f"evaluations of {application_id}")
        return ReadEvaluations(
            application_id,
            platform,
            self._standings,
            self.note,
            lease,
            self._clock,
            self._reporter,
            PostgresInventory(self._pool),
        )

    def _lease(self, name: str) -> Lease:
        return Lease(PostgresLeases(self._pool), name, self._holder, _LEASE)
