"""What else happens to accounts that are on their way back: approvals, sweeps, and orders that were lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.adoption import PostgresAdoption
from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.unordered import PostgresUnordered
from breaker.domain.acts.acts import ActKind
from breaker.domain.circuits.circuit import act, apply
from breaker.domain.circuits.states import Cause, State, Wanted
from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.domain.platform.commands import Actuator, plan
from breaker.domain.profiles.profile import Profile
from breaker.domain.windows.counters import Counters
from breaker.flows.order_again import order_again
from breaker.ports import FoundBlocked
from tests.counting.daemons import APPLICATION, SIZES, event
from tests.probing.way_back import DAY, HOUR, WayBack, way_back

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ADDRESS = "agent@agents.example"


@pytest.fixture
async def way(database_url: str) -> AsyncIterator[WayBack]:
    async with way_back(database_url) as one:
        yield one


async def _open(way: WayBack) -> None:
    """Let the first round be open."""
    await way.stop()
    prober = way.prober()
    await prober()
    way.later(6 * HOUR)
    await prober()
    await way.obey()
    await prober()
    assert way.free


@dataclass(frozen=True)
class EachComplaint:
    """Asks for a stop at each complaint."""

    name: str = "each"
    signal: Signal = Signal.COMPLAINT

    def suspect(self, counters: Counters) -> Suspicion | None:
        bad, sends = counters.totals.complaints, counters.totals.delivered
        return Suspicion(self.name, self.signal, State.STOPPED, None, bad, sends, 0.2) if bad else None

    def is_calm(self, counters: Counters) -> bool:
        return not counters.totals.complaints

    def describe(self) -> dict[str, object]:
        return {}


async def test_an_account_stopped_for_complaints_is_approved_and_eased_over_fourteen_days(database_url: str) -> None:
    profile = Profile("each", Budget(), (EachComplaint(),))
    async with way_back(database_url, profile=profile, actuators=(Actuator.BLOCK, Actuator.LIMIT)) as way:
        await way.send(3)
        await way.daemon.take(event(OutcomeKind.COMPLAINT, "m-3", sent_at=way.now), now=way.now)
        await way.obey()
        prober = way.prober()
        await prober()
        way.later(30 * DAY)
        await prober()
        assert (await way.state(), way.held_to) == ("stopped", {"block"})

        await approve(way)
        await way.obey()
        approved_at = way.now
        assert (await way.state(), way.held_to) == ("limited", {"limit"})
        way.later(7 * DAY - 1)
        await prober()
        assert await way.state() == "limited"
        way.later(1)
        await prober()
        await way.obey()
        assert (await way.state(), way.free) == ("warned", True)

        await way.send(2, every=DAY)
        assert await way.state() == "warned"
        await way.send(6, every=DAY)
        assert await way.state() == "sending"
        assert way.now >= approved_at + 14 * DAY


async def approve(way: WayBack, cause: Cause = Cause.APPROVED, kind: ActKind = ActKind.PROBE) -> None:
    """Let a person say that it may go on, or may only reply."""
    async with PostgresCircuits(way.daemon.pool, SIZES).transaction() as locked:
        [(account, circuit, counters)] = (
            await locked.load([(await way.daemon.row(grant="grant-1"))["account"]])
        ).values()
        verdict = act(circuit, cause, way.now, "ada", "the list was cleaned")
        assert verdict is not None
        number = await locked.record_verdict(account, verdict, {"act": kind})
        after = apply(circuit, verdict, number)
        await locked.save(account, after, Counters(counters.sizes, restarted_at=way.now))
        await locked.order(account, after.epoch, number, plan(after.wanted, way.actuators), way.now)


@pytest.mark.parametrize("before", ["sending", "stopped"])
async def test_what_a_person_has_limited_stays_so_until_a_person_has_it_probed(database_url: str, before: str) -> None:
    async with way_back(database_url, actuators=(Actuator.BLOCK, Actuator.LIMIT)) as way:
        await (way.stop() if before == "stopped" else way.send())
        await approve(way, Cause.LIMITED_BY_PERSON, ActKind.LIMIT)
        await way.obey()
        prober = way.prober()
        await prober()
        way.later(30 * DAY)
        await prober()
        waiting = await way.probe()
        assert waiting is not None
        assert (waiting["phase"], waiting["asks"]) == ("asking", "ada limited it: may it be probed?")
        assert (await way.state(), way.held_to) == ("limited", {"limit"})

        await approve(way, Cause.PROBED_BY_PERSON)
        for _ in range(5):
            await way.round(prober)
        await prober()

        assert await way.state() == "sending"


async def test_a_sweep_adopts_what_is_found_blocked_in_a_round_and_nothing_between_rounds(way: WayBack) -> None:
    adoption = PostgresAdoption(way.daemon.pool, way.daemon.identities, SIZES)

    async def unknown() -> list[str]:
        return list(await adoption.unknown_among(APPLICATION, [ADDRESS], Wanted.STOPPED, way.now))

    await _open(way)
    assert await unknown() == []  # an old answer of the platform, it may be
    way.later(HOUR)
    assert await unknown() == [ADDRESS]

    assert await adoption.adopt(APPLICATION, FoundBlocked(ADDRESS, grant_id="grant-1"), way.now)

    assert (await way.state(), await unknown()) == ("stopped", [])
    assert (await way.daemon.row(grant="grant-1"))["permitted"] is None
    prober = way.prober()
    await prober()
    probe = await way.probe()
    assert probe is not None
    assert probe["phase"] == "asking"


async def test_what_should_hold_it_between_rounds_is_ordered_again_where_the_order_was_lost(way: WayBack) -> None:
    await _open(way)
    await way.send(10)
    prober = way.prober()
    await prober()
    await prober()
    await way.daemon.pool.execute("DELETE FROM commands")
    unordered, circuits = PostgresUnordered(way.daemon.pool), PostgresCircuits(way.daemon.pool, SIZES)

    assert await order_again(unordered, circuits, lambda _account: way.actuators, way.now) == 1

    assert (await way.obey(), way.free) == (["block"], False)


async def test_an_open_round_is_never_ordered_away(way: WayBack) -> None:
    await _open(way)
    await way.daemon.pool.execute("UPDATE circuits SET confirmed = NULL")
    unordered, circuits = PostgresUnordered(way.daemon.pool), PostgresCircuits(way.daemon.pool, SIZES)

    assert await order_again(unordered, circuits, lambda _account: way.actuators, way.now) == 0


@pytest.mark.parametrize("quota", [None, 5])
async def test_a_round_is_held_by_a_quota_where_one_is_configured(way: WayBack, quota: int | None) -> None:
    way.rules = replace(way.rules, quota=quota)
    await way.stop()
    prober = way.prober()
    await prober()
    way.later(6 * HOUR)
    await prober()

    assert await way.obey() == ["quota" if quota else "return_home", "unblock", "unlimit"]
