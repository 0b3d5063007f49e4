"""Protection, wired: whether Breaker's rules hold for all accounts, put right where somebody else changed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from breaker.adapters.postgres.examination.records import PostgresExamination
from breaker.adapters.postgres.repairs import PostgresRepairs
from breaker.app.guarded import actuators_in
from breaker.app.suppression import with_suppression
from breaker.flows.lease import Lease
from breaker.flows.repair import Drift, Drifted, Outcome, Repair
from breaker.flows.watch_protection import WatchProtection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    import asyncpg

    from breaker.adapters.metrics import Metrics
    from breaker.app.guarded import Guarded
    from breaker.app.in_force import InForce
    from breaker.domain.platform.commands import Actuator
    from breaker.flows.carry_out import Surroundings

_LEASE = 300.0
"""Seconds after which another daemon repairs where this one is gone: some looks, since nobody is let go meanwhile."""

log = structlog.get_logger(__name__)


class TellDrift:
    """Tells the log and the metrics.

    Args:
        metrics: The metrics.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def drifted(self, application_id: str, drifted: Drifted, outcome: Outcome) -> None:
        """Tell what somebody else changed: a page, but for a new workspace that could be given the rules."""
        self._metrics.drifted(drifted.kind)
        harmless = drifted.kind is Drift.NEW_WORKSPACE and outcome is Outcome.REPAIRED
        level = log.warning if harmless else log.error
        level(
            _SENTENCES[outcome],
            application=application_id,
            kind=drifted.kind,
            object=drifted.of,
            name=drifted.name,
            outcome=outcome,
        )


_SENTENCES = {
    Outcome.REPORTED: "somebody else changed what protects accounts, and it stays so: run `breaker doctor`",
    Outcome.REPAIRED: "somebody else changed what protects accounts, and it is repaired",
    Outcome.YIELDED: "somebody else changes what protects accounts again and again, and it is repaired no more",
}


def watch_protection(  # noqa: PLR0913, PLR0917 - wired once
    one: Guarded,
    around: Surroundings,
    pool: asyncpg.Pool,
    metrics: Metrics,
    may_act: Callable[[str | None], Awaitable[bool]],
    in_force: InForce,
) -> WatchProtection:
    """Return what looks at one application.

    Args:
        one: The application, as it is configured now.
        around: Its surroundings on the platform.
        pool: Connections to the database.
        metrics: The metrics.
        may_act: Tells whether Breaker may act in a workspace; of None: anywhere.
        in_force: The configuration.
    """

    def actuators_of(workspace_id: str | None) -> Collection[Actuator]:
        return with_suppression(in_force.settings, actuators_in(one.application, workspace_id))

    repair = Repair(
        application_id=around.application_id,
        platform=around.platform,
        inventory=around.inventory,
        repairs=PostgresRepairs(pool),
        may_act=may_act,
        actuators_of=actuators_of,
        lease=Lease(around.leases, f"protection:{around.application_id}", around.holder, _LEASE),
        clock=around.clock,
        told=TellDrift(metrics),
    )
    return WatchProtection(
        application_id=around.application_id,
        names=around.names,
        platform=around.platform,
        inventory=around.inventory,
        placed=PostgresExamination(pool),
        actuators_of=actuators_of,
        told=metrics.unprotected,
        repair=repair,
    )
