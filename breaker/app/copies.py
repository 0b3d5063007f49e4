"""Copies of workspaces, wired: where accounts are moved, what probes are held to, and who looks after both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.in_copies import PostgresInCopies
from breaker.app.derived import window_sizes
from breaker.domain.platform.commands import Actuator
from breaker.flows.keep_copies import KeepCopies
from breaker.flows.lease import Lease
from breaker.flows.sweeping import Sweeping

if TYPE_CHECKING:
    from collections.abc import Callable

    from breaker.app.attendance import Shared
    from breaker.flows.carry_out import Surroundings
    from breaker.ports import Account

_LEASE = 300.0
"""Seconds after which another daemon looks after them: some looks, since nobody is let go meanwhile."""


def with_copies(around: Surroundings, shared: Shared) -> Surroundings:
    """Return the surroundings of a sender with what moves need to know."""
    in_force = shared.operations.in_force

    def blocks(account: Account) -> bool:
        return Actuator.BLOCK in in_force.actuators_of(account)

    return replace(
        around,
        blocks=blocks,
        quota=lambda: in_force.settings.probing.quota,
        elsewhere=shared.metrics.placements.elsewhere,
    )


def start_keeping_copies(around: Surroundings, shared: Shared, woken: Callable[[], None]) -> None:
    """Begin to look after the copies of one application.

    Args:
        around: Its surroundings on the platform.
        shared: What it shares with the daemon's other applications.
        woken: Called where something was ordered.
    """
    keep = KeepCopies(
        application_id=around.application_id,
        names=around.names,
        platform=around.platform,
        inventory=around.inventory,
        in_copies=PostgresInCopies(shared.pool),
        circuits=PostgresCircuits(shared.pool, window_sizes(shared.settings)),
        actuators_of=shared.operations.in_force.actuators_of,
        clock=around.clock,
        woken=woken,
        quarantines=around.quarantines,
    )

    def told(sweep: str, period: float | None) -> None:
        shared.metrics.sweeps.swept(around.application_id, sweep, period, around.clock.now())

    lease = Lease(around.leases, f"copies:{around.application_id}", around.holder, _LEASE)
    sweeping = Sweeping("copies", keep, lease, around.clock, told)
    shared.workers.every("copies of workspaces", sweeping, shared.rhythm.protection, sweeping.rest)
