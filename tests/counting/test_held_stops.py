"""What the fleet guard holds, and what becomes of it, on a real database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from breaker.adapters.postgres.fleet_acts import PostgresFleetActs
from breaker.adapters.postgres.guard import Limits
from breaker.adapters.postgres.leases import PostgresLeases
from breaker.adapters.postgres.reading.held import PostgresHeld
from breaker.domain.acts.fleet_acts import FleetAct, FleetActKind
from breaker.domain.circuits.circuit import HeldBy, Mode
from breaker.domain.circuits.guard import GuardLimit
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.flows.lease import Lease
from breaker.flows.release_held import ReleaseHeld
from tests.counting.daemons import NOW, SIMPLE, SIZES, OneMode, daemon, event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from breaker.domain.outcomes.outcomes import DeliveryEvent
    from breaker.flows.judge import Given
    from tests.counting.daemons import Daemon

DELIVERED, BOUNCED = OutcomeKind.DELIVERED, OutcomeKind.BOUNCED
LIMITS = Limits(600.0, (2, 0.0), (4, 0.0), (10, 0.0))


@dataclass
class Guarded:
    """A daemon whose guard holds, and what releases it."""

    one: Daemon
    held: PostgresHeld
    release: ReleaseHeld
    told: list[Given]

    async def at(self, now: float) -> list[str]:
        """Let the flow look at some moment, and return who is stopped then."""
        self.one.clock.time = now
        await self.release()
        return await self.stopped()

    async def stopped(self) -> list[str]:
        rows = await self.one.pool.fetch(
            "SELECT grant_id FROM circuits JOIN accounts USING (account) WHERE state = 'stopped' ORDER BY grant_id"
        )
        return [name for (name,) in rows]

    async def act(self, act: FleetAct, now: float) -> None:
        await PostgresFleetActs(self.one.pool).carry_out(act, now)


@asynccontextmanager
async def guarded(url: str) -> AsyncIterator[Guarded]:
    async with daemon(url, mode=Mode.ENFORCE, profile=SIMPLE, limits=LIMITS) as one:
        told: list[Given] = []

        def tell(given: Sequence[Given]) -> None:
            told.extend(given)

        held = PostgresHeld(one.pool, SIZES, lambda: LIMITS)
        lease = Lease(PostgresLeases(one.pool), "held stops", "one", 30.0)
        yield Guarded(one, held, ReleaseHeld(held, lambda: one.count, lease, one.clock, tell), told)


def going_bad(number: int, bounced: int = 5, sends: int = 20) -> list[DeliveryEvent]:
    return [
        event(BOUNCED if n < bounced else DELIVERED, f"m{n}", grant=f"g{number}", sender=f"a{number}@d{number}.example")
        for n in range(sends - 1, -1, -1)
    ]


async def five_go_bad(at: Guarded) -> None:
    """Let five accounts go bad, the last the worst; the first two are stopped."""
    for number, bounced in enumerate((5, 5, 4, 4, 9)):
        await at.one.take(*going_bad(number, bounced))
    assert await at.stopped() == ["g0", "g1"]


async def test_what_is_held_is_listed_by_headroom(database_url: str) -> None:
    async with guarded(database_url) as at:
        await five_go_bad(at)

        held = await at.held.stops()

        left = [(one.id, one.headroom.bad_outcomes) for one in held if one.headroom]
        assert left == [("g4", 0), ("g2", 1), ("g3", 1)]
        usage = await at.held.usage(NOW)
        assert [(one.limit, one.scope, one.used, one.allowed) for one in usage[:3]] == [
            (GuardLimit.WINDOW, "fleet", 2, 2),
            (GuardLimit.TOTAL, "fleet", 2, 4),
            (GuardLimit.GROUP, "domain:d2.example", 0, 10),
        ]


async def test_what_is_held_is_stopped_once_there_is_room_and_no_more_than_that(database_url: str) -> None:
    async with guarded(database_url) as at:
        await five_go_bad(at)

        assert await at.at(NOW + 599) == ["g0", "g1"]
        assert await at.at(NOW + 601) == ["g0", "g1", "g2", "g4"]
        assert [(given.account.id, given.verdict.held_by) for given in at.told] == [("g4", None), ("g2", None)]
        # Four stand stopped, which is the second limit.
        assert await at.at(NOW + 2_000) == ["g0", "g1", "g2", "g4"]
        assert await at.one.pool.fetchval("SELECT count(DISTINCT account) FROM commands") == 4


async def test_a_raised_limit_lets_them_through_until_it_expires(database_url: str) -> None:
    async with guarded(database_url) as at:
        await five_go_bad(at)
        await at.act(FleetAct(FleetActKind.GUARD_RAISE, "checked", "ada", 60.0, 4), NOW)

        assert len(await at.at(NOW + 61)) == 2
        await at.act(FleetAct(FleetActKind.GUARD_RAISE, "checked", "ada", 60.0, 4), NOW + 61)
        assert len(await at.at(NOW + 62)) == 4
        await at.act(FleetAct(FleetActKind.GUARD_RAISE, "checked", "ada", 60.0, 100), NOW + 63)
        assert len(await at.held.raises(NOW + 64)) == 1
        await at.act(FleetAct(FleetActKind.GUARD_LOWER, "enough", "ada"), NOW + 64)
        assert len(await at.at(NOW + 65)) == 4

        trail = await at.one.pool.fetch("SELECT scope, why, author FROM verdicts WHERE scope IS NOT NULL ORDER BY id")
        assert [tuple(row) for row in trail] == [
            ("guard", "Fleet guard raised to 4 for 1 minutes by a person: checked", "ada"),
            ("guard", "Fleet guard raised to 4 for 1 minutes by a person: checked", "ada"),
            ("guard", "Fleet guard raised to 100 for 1 minutes by a person: checked", "ada"),
            ("guard", "Fleet guard set back to its configured limits by a person: enough", "ada"),
        ]


async def test_what_is_justified_no_more_is_not_stopped(database_url: str) -> None:
    async with guarded(database_url) as at:
        await five_go_bad(at)
        # Many good sends later there are far less than one bounce in five.
        for number in (2, 3, 4):
            await at.one.take(*[event(DELIVERED, f"w{n}", grant=f"g{number}") for n in range(100)], now=NOW + 300)

        assert await at.at(NOW + 601) == ["g0", "g1"]
        assert at.told == []


async def test_an_account_that_is_only_observed_by_now_is_not_stopped(database_url: str) -> None:
    async with guarded(database_url) as at:
        await five_go_bad(at)
        observing = replace(at.one.count, modes=OneMode(Mode.OBSERVE))
        at.one.clock.time = NOW + 601
        await replace(at.release, count=lambda: observing)()

        assert await at.stopped() == ["g0", "g1"]


async def test_two_daemons_release_no_more_than_there_is_room_for(database_url: str) -> None:
    async with guarded(database_url) as first, guarded(database_url) as second:
        await five_go_bad(first)
        await first.at(NOW + 601)
        await second.at(NOW + 601)

        assert len(await first.stopped()) == 4
        assert second.told == []
        rows = await first.one.pool.fetch("SELECT pending_held_by FROM circuits WHERE pending_verdict IS NOT NULL")
        assert [row[0] for row in rows] == [HeldBy.GUARD]
