"""Intake, wired: from a webhook's event to committed outcomes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from breaker.adapters.http.webhook import TryLaterError, Undecodable
from breaker.adapters.postgres.feedback import PostgresFeedback
from breaker.adapters.postgres.guard import PostgresGuard
from breaker.adapters.postgres.identities import Identities
from breaker.adapters.postgres.ledger import PostgresLedger
from breaker.adapters.postgres.partitions import Partitions
from breaker.adapters.postgres.pooled import PostgresGroupCounts
from breaker.adapters.postgres.roster import PostgresRoster
from breaker.adapters.postgres.undecoded import PostgresUndecoded
from breaker.adapters.secrets import read_send_hash_key
from breaker.app.derived import counting, domain_limits, guard_limits, suppressing, window_sizes
from breaker.domain.outcomes.sends import Rules
from breaker.flows.count import Count
from breaker.flows.follow_grants import follow
from breaker.flows.ingest import Ingest, OverloadedError, PoisonousEventError, StoppedError
from breaker.flows.learn_feedback import FeedbackDomains, LearnFeedback
from breaker.flows.pool_evidence import PoolEvidence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import asyncpg

    from breaker.adapters.nylas.notifications import GrantEvent
    from breaker.app.in_force import InForce
    from breaker.app.reporter import Reporter
    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from breaker.flows.count import Report
    from breaker.flows.holding import Holding
    from breaker.ports import Account, Clock, Modes

_DAY = 86_400.0
_LINE_LENGTH = 20_000
"""Events that may stand in line: some seconds' worth, and some tens of MB."""

log = structlog.get_logger(__name__)


class Intake:
    """From the webhook's bytes to a committed outcome."""

    def __init__(  # noqa: PLR0913, PLR0917 - wired once, in the daemon
        self, in_force: InForce, pool: asyncpg.Pool, clock: Clock, modes: Modes, holding: Holding, reporter: Reporter
    ) -> None:
        """Wire the parts; nothing runs yet."""
        self._feed = holding.feed
        self._clock = clock
        self._in_force = in_force
        settings = in_force.settings
        sizes, counts = window_sizes(settings), counting(settings)
        self.after_stop: Callable[[Sequence[tuple[Account, int]]], None] = lambda _sends: None
        """Told of sends of stopped accounts, once they are committed."""
        self.listeners: list[Callable[[DeliveryEvent], None]] = []
        """Told of each delivery event once it is committed."""
        self.partitions = Partitions(pool, settings.ledger.partitions_ahead_days)
        self.identities = Identities(pool, sizes, counts)
        self.roster = PostgresRoster(pool, self.identities)
        self._undecoded = PostgresUndecoded(pool, self.identities)
        self._guard = PostgresGuard(guard_limits(settings))
        self.pool_evidence = PoolEvidence(PostgresGroupCounts(pool), lambda: in_force.profiles.base.budget, clock)
        self._feedback = FeedbackDomains(settings.counting.feedback_domains)
        self.learn_feedback = LearnFeedback(PostgresFeedback(pool), self._feedback, clock)
        self._count = Count(
            ledger=PostgresLedger(pool, sizes, self.identities, self.partitions, self._guard),
            modes=modes,
            profiles=in_force.profiles,
            rules=Rules(
                counting=counts,
                feedback_domains=self._feedback,
                simulator_domains=settings.counting.simulator_domains,
                send_key=read_send_hash_key(settings),
                retention=settings.ledger.retention_days * _DAY,
            ),
            actuators_of=in_force.actuators_of,
            pooled=lambda: self.pool_evidence.current,
            domain_limits=domain_limits(settings),
            holds=holding,
            protected=in_force.protected_now,
            suppressing=suppressing(settings),
        )
        self.ingest = Ingest(
            self._count_batch,
            clock,
            reporter,
            writers=settings.intake.writers,
            batch_size=settings.intake.batch_size,
            line_length=_LINE_LENGTH,
        )

    def configure(self) -> None:
        """Count and judge by the configuration that is in force now, from the next batch on."""
        settings = self._in_force.settings
        rules = replace(
            self._count.rules,
            simulator_domains=settings.counting.simulator_domains,
            retention=settings.ledger.retention_days * _DAY,
        )
        self._guard.configure(guard_limits(settings))
        self._feedback.configured = settings.counting.feedback_domains
        limits = domain_limits(settings)
        self._count = replace(
            self._count,
            profiles=self._in_force.profiles,
            rules=rules,
            domain_limits=limits,
            suppressing=suppressing(settings),
        )

    @property
    def count(self) -> Count:
        """What counts and judges now."""
        return self._count

    async def _count_batch(self, events: Sequence[DeliveryEvent], now: float) -> Report:
        report = await self._count(events, now)
        self.after_stop(report.after_stop)
        return report

    async def deliver(self, event: DeliveryEvent, body: bytes) -> str:
        """Return once a delivery event is committed, with the word for metrics."""
        self._feed.heard(event, self._clock.now())
        try:
            await self.ingest.submit(event)
        except (OverloadedError, StoppedError) as error:
            raise TryLaterError(str(error)) from error
        except PoisonousEventError as error:
            await self.keep(Undecodable(event.application_id, event.trigger, str(error), body))
            return "poisonous"
        for listen in self.listeners:
            listen(event)
        return "committed"

    async def follow(self, event: GrantEvent) -> None:
        """Take in what an event tells of a grant."""
        await follow(self.roster, event, self._clock.now())

    async def keep(self, one: Undecodable) -> None:
        """Keep what was not understood."""
        log.error("notification kept undecoded", trigger=one.trigger, problem=one.problem)
        await self._undecoded.keep(one, self._clock.now())
