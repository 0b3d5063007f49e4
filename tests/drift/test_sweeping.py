"""A sweep is made by one daemon at a time, as often as its fleet allows, and never before a stop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest

from breaker.adapters.nylas.budget import Budget
from breaker.adapters.sweep_metrics import SweepMetrics
from breaker.domain.platform.webhook_status import WebhookStatus
from breaker.flows.lease import Lease
from breaker.flows.sweeping import Sweeping, keep
from breaker.ports import Urgency
from tests.fleet import SteppingClock

if TYPE_CHECKING:
    from tests.drift.conftest import Drifting


@dataclass
class Timed:
    """A sweep that takes a while, and what was told of it."""

    clock: SteppingClock
    takes: float = 0.0
    told: list[tuple[str, float | None]] = field(default_factory=list)
    made: int = 0

    async def __call__(self) -> None:
        self.made += 1
        await self.clock.sleep(self.takes)

    def sweeping(self, drifting: Drifting, holder: str = "daemon-1") -> Sweeping:
        lease = Lease(drifting.place.store.leases, "sweeps", holder, 30.0)
        return Sweeping("placements", self, lease, self.clock, lambda name, period: self.told.append((name, period)))


async def test_the_period_is_what_was_asked_for_and_grows_with_what_a_sweep_takes(drifting: Drifting) -> None:
    timed = Timed(SteppingClock())
    sweeping = timed.sweeping(drifting)
    for takes in (0.0, 40.0, 400.0, 400.0):
        timed.takes = takes
        await sweeping()
        await sweeping.rest(300.0)

    assert timed.told == [("placements", None), ("placements", 300.0), ("placements", 300.0), ("placements", 500.0)]


async def test_one_daemon_sweeps_and_another_takes_over_when_it_stops(drifting: Drifting) -> None:
    first, second = Timed(SteppingClock()), Timed(SteppingClock())
    one, other = first.sweeping(drifting), second.sweeping(drifting, "daemon-2")
    assert (await one(), await other()) == (True, False)
    assert (first.made, second.made) == (1, 0)
    await other.rest(300.0)
    assert second.clock.time - first.clock.time == 10.0  # it asks again soon: the other may have died

    keeping = asyncio.create_task(keep(one.lease))
    await asyncio.sleep(0)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    another = second.sweeping(drifting, "daemon-3")
    await another()
    assert (first.made, second.made) == (1, 1)


async def test_the_metrics_tell_of_the_application_that_is_worst_off() -> None:
    registry = CollectorRegistry()
    metrics = SweepMetrics(registry)
    metrics.swept("a", "lists", 60.0, 1_000.0)
    metrics.swept("b", "lists", 90.0, 900.0)
    metrics.swept("b", "placements", None, 900.0)
    metrics.taken_out("a", 1)
    metrics.taken_out("b", 2)
    metrics.taken_out("a", 0)
    metrics.webhook("a", WebhookStatus.ACTIVE)
    metrics.webhook("b", WebhookStatus.FAILING)
    metrics.webhook("c", WebhookStatus.FAILED)
    metrics.webhook("c", None)

    lines = generate_latest(registry).decode().splitlines()

    assert [line for line in lines if not line.startswith("#") and not line.endswith(" 0.0")] == [
        'breaker_sweep_period_seconds{sweep="lists"} 90.0',
        'breaker_sweep_last_success_timestamp_seconds{sweep="lists"} 900.0',
        'breaker_sweep_last_success_timestamp_seconds{sweep="placements"} 900.0',
        'breaker_webhooks{status="active"} 1.0',
        'breaker_webhooks{status="failing"} 1.0',
        "breaker_taken_out 2.0",
    ]


async def test_a_sweep_of_thirty_thousand_accounts_leaves_a_stop_its_turn_at_once() -> None:
    clock = SteppingClock()
    budget = Budget(clock, 20.0)
    pages, waits = 30_000 // 200, []

    async def stop() -> None:
        begun = clock.now()
        await budget.turn(Urgency.STOP)
        waits.append(clock.now() - begun)

    begun = clock.now()
    for page in range(pages):
        await budget.turn(Urgency.SWEEP)
        if page % 10 == 0:
            await stop()

    assert max(waits) == 0.0
    assert 0.9 * pages / 5 - 1 <= clock.now() - begun <= 1.1 * pages / 5
