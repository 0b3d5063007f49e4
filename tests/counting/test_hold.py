"""A hold on automatic changes, which every daemon on the database follows."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from breaker.adapters.postgres.feed import PostgresFeed
from breaker.adapters.postgres.fleet_acts import PostgresFleetActs
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.modes import PostgresModes
from breaker.domain.acts.fleet_acts import FleetAct, FleetActKind
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.modes import ConfiguredModes
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.flows.holding import Holding
from breaker.flows.lease import Lease
from breaker.flows.watch_feed import WatchFeed
from tests.counting.daemons import NOW, SIMPLE, daemon, event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from breaker.flows.count import Report
    from tests.counting.daemons import Daemon

DELIVERED, BOUNCED = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED


class Nobody:
    """Nobody who would be told."""

    def feeds(self, _blind: Collection[str], _last_at: Mapping[tuple[str, str], float]) -> None:
        return


@dataclass(frozen=True)
class Following:
    """A daemon that follows what people set."""

    one: Daemon
    modes: PostgresModes
    holding: Holding

    async def goes_bad(self, number: int, now: float, name: str = "m") -> Report:
        await self.modes.refresh(after=0.0)
        count = replace(self.one.count, modes=self.modes, holds=self.holding)
        kinds = [DELIVERED] * 15 + [BOUNCED] * 5
        return await count(
            [
                event(kind, f"{name}{place}", grant=f"g{number}", sender=f"a{number}@x.example")
                for place, kind in enumerate(kinds)
            ],
            now,
        )


@asynccontextmanager
async def following(url: str) -> AsyncIterator[Following]:
    async with daemon(url, profile=SIMPLE) as one:
        modes = PostgresModes(one.pool, ConfiguredModes(Mode.ENFORCE, {}, {}))
        lease = Lease(PostgresLeases(one.pool), "feed", "one", 30.0)
        feed = WatchFeed(PostgresFeed(one.pool), one.clock, dict, lease, Nobody())
        yield Following(one, modes, Holding(modes, feed))


async def test_every_daemon_holds_what_it_would_change_and_goes_on_judging(database_url: str) -> None:
    async with following(database_url) as first, following(database_url) as second:
        acts = PostgresFleetActs(first.one.pool)
        await acts.carry_out(FleetAct(FleetActKind.HOLD_ON, "a move", "ada"), NOW)

        for each, number in ((first, 1), (second, 2)):
            report = await each.goes_bad(number, NOW)
            assert [given.verdict.held_by for given in report.given] == [HeldBy.HOLD]
            assert report.given[0].verdict.why.endswith("Nothing was done: automatic changes are on hold.")

        await acts.carry_out(FleetAct(FleetActKind.HOLD_OFF, "moved", "ada"), NOW + 60)
        # Nobody is stopped for what was seen before; the next bad outcome is judged again.
        assert await first.one.pool.fetchval("SELECT count(*) FROM circuits WHERE state = 'stopped'") == 0
        assert [one.verdict.held_by for one in (await second.goes_bad(1, NOW + 61, "again")).given] == [None]
        assert await first.one.pool.fetchval("SELECT count(*) FROM circuits WHERE state = 'stopped'") == 1


async def test_a_hold_ends_by_itself(database_url: str) -> None:
    async with following(database_url) as one:
        await PostgresFleetActs(one.one.pool).carry_out(FleetAct(FleetActKind.HOLD_ON, "a move", "ada", 600.0), NOW)

        assert [given.verdict.held_by for given in (await one.goes_bad(1, NOW + 599)).given] == [HeldBy.HOLD]
        assert [given.verdict.held_by for given in (await one.goes_bad(2, NOW + 600)).given] == [None]
