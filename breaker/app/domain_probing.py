"""The probes of sending domains, wired."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from breaker.adapters.postgres.domain_probes import PostgresDomainProbes
from breaker.app.derived import probe_rules
from breaker.flows.lease import Lease
from breaker.flows.probe_domains import DomainProber
from breaker.flows.watch_stand_ins import WatchStandIns

if TYPE_CHECKING:
    from breaker.app.attendance import Shared
    from breaker.flows.carry_out import Surroundings


def stand_in_watch(around: Surroundings, shared: Shared) -> WatchStandIns:
    """Return what looks whether all others are held while an account of a stopped domain may send."""
    return WatchStandIns(
        application_id=around.application_id,
        platform=around.platform,
        inventory=around.inventory,
        probes=PostgresDomainProbes(shared.pool),
        clock=around.clock,
    )


def domain_prober(around: Surroundings, shared: Shared, lease_seconds: float) -> DomainProber:
    """Return what probes the sending domains of one application.

    Args:
        around: Its surroundings on the platform.
        shared: What it shares with the daemon's other applications.
        lease_seconds: Seconds after which another daemon closes the rounds of one that died.
    """
    in_force = shared.operations.in_force
    return DomainProber(
        application_id=around.application_id,
        probes=PostgresDomainProbes(shared.pool),
        modes=shared.modes,
        holds=shared.holding,
        too_quiet=shared.too_quiet,
        inventory=around.inventory,
        rules=lambda: probe_rules(in_force.settings),
        enabled=lambda: in_force.settings.probing.enabled,
        lease=Lease(around.leases, f"probes of domains:{around.application_id}", around.holder, lease_seconds),
        clock=around.clock,
        random=random.random,
        told=shared.reporter.probed_domain,
    )
