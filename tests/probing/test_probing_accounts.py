from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import asyncpg
import pytest

from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.states import State
from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.platform.commands import Actuator
from breaker.domain.probes.probing import Step
from breaker.domain.profiles.profile import Profile
from tests.probing.way_back import DAY, HOUR, WayBack, way_back

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from breaker.domain.windows.counters import Counters

STOP = ("sending", "stopped", "four")
ROUND = [("probing", "probing", "probe")]


@pytest.fixture
async def way(database_url: str) -> AsyncIterator[WayBack]:
    async with way_back(database_url) as one:
        yield one


async def test_an_account_whose_list_was_cleaned_comes_back_round_by_round(way: WayBack) -> None:
    await way.stop()
    prober = way.prober()
    await prober()
    way.later(6 * HOUR - 1)
    await prober()
    assert (await way.state(), way.free) == ("stopped", False)

    way.later(1)
    for _ in range(4):
        await way.round(prober)
        assert not way.free
    await prober()

    assert await way.obey() == ["return_home", "unblock", "unlimit"]
    assert (await way.state(), way.free, await way.probe()) == ("sending", True, None)
    opened, closed = ("stopped", "probing", "probe"), ("probing", "probing", "probe")
    assert await way.trail() == [STOP, opened, *[closed] * 7, ("probing", "sending", "probe")]
    assert [one.step for one in way.done] == [Step.OPEN, Step.CLOSE] * 4 + [Step.ACCEPT]
    assert (await way.daemon.counters(grant="grant-1")).totals.sends == 0
    row = await way.daemon.row(grant="grant-1")
    assert (row["permitted"], row["confirmed"], row["epoch"]) == (None, "sending", 1 + 9)


async def test_a_bounce_in_a_round_is_judged_by_the_test_and_not_by_what_stopped_the_account(way: WayBack) -> None:
    await way.stop()
    prober = way.prober()
    await prober()
    way.later(6 * HOUR)

    await way.round(prober, bad=1)
    await way.round(prober)

    assert await way.state() == "probing"
    assert (await way.daemon.counters(grant="grant-1")).totals.sends == 20


async def test_one_that_is_still_bad_is_stopped_again_and_cools_down_for_longer(way: WayBack) -> None:
    await way.stop()
    prober = way.prober()
    await prober()
    way.later(6 * HOUR)

    await way.round(prober, bad=5)

    assert (await way.state(), way.free) == ("stopped", False)
    assert (await way.trail())[-1] == ("probing", "stopped", "probe")
    probe = await way.probe()
    assert probe is not None
    assert (probe["phase"], probe["failures"]) == ("cooling", 1)
    assert probe["next_at"] == probe["since"] + 12 * HOUR


async def test_a_second_stop_within_a_week_asks_a_person(way: WayBack) -> None:
    await way.stop()
    prober = way.prober()
    await prober()
    way.later(6 * HOUR)
    for _ in range(4):
        await way.round(prober)
    await prober()
    await way.obey()

    await way.stop()
    await prober()
    way.later(30 * DAY)
    await prober()

    probe = await way.probe()
    assert probe is not None
    assert (probe["phase"], probe["asks"]) == (
        "asking",
        "it was stopped 2 times within 7 days: is the cause removed?",
    )
    assert await way.state() == "stopped"


async def test_whoever_takes_over_closes_the_round_that_a_dead_daemon_left_open(way: WayBack) -> None:
    await way.stop()
    dead = way.prober("daemon-1")
    await dead()
    way.later(6 * HOUR)
    await dead()
    await way.obey()
    assert way.free
    await way.send(3)
    assert await way.prober("daemon-2")() == 0  # the lease has not ended yet

    await way.daemon.pool.execute("UPDATE leases SET until = clock_timestamp() - interval '1 second'")
    heir = way.prober("daemon-2")
    assert await heir() == 1

    assert (await way.obey(), way.free) == (["block"], False)
    assert way.done[-1].verdict.why == (
        "Nobody watched it for a while. Round 1 is closed: 3 sends known, 0 of them hard-bounced; 10 were permitted."
    )
    await heir()
    way.later(way.rules.settle)
    await way.round(heir)
    probe = await way.probe()
    assert probe is not None
    assert (probe["round"], probe["sends"], probe["seen_sends"]) == (2, 3, 10)


async def test_a_daemon_that_stops_closes_its_rounds_first(way: WayBack) -> None:
    await way.stop()
    prober = way.prober()
    await prober()
    way.later(6 * HOUR)
    await prober()
    await way.obey()

    assert await prober.leave() == 1

    assert await way.obey() == ["block"]
    assert await way.daemon.pool.fetchval("SELECT count(*) FROM leases") == 0


async def test_two_probers_at_once_take_each_step_once(way: WayBack) -> None:
    await way.stop()
    probers = [way.prober("daemon-1", lease="one"), way.prober("daemon-2", lease="another")]
    await asyncio.gather(*(prober() for prober in probers))
    way.later(6 * HOUR)

    await asyncio.gather(*(prober() for prober in probers))

    assert [one.step for one in way.done] == [Step.OPEN]
    assert await way.obey() == ["return_home", "unblock", "unlimit"]


async def test_a_step_that_was_not_committed_was_never_begun(way: WayBack) -> None:
    await way.stop()
    prober = way.prober()
    await prober()
    way.later(6 * HOUR)
    before = await way.probe()
    await way.daemon.pool.execute("ALTER TABLE commands ADD CONSTRAINT broken CHECK (kind <> 'unblock') NOT VALID")

    with pytest.raises(asyncpg.CheckViolationError):
        await prober()

    assert (await way.state(), await way.probe(), await way.trail()) == ("stopped", before, [STOP])
    await way.daemon.pool.execute("ALTER TABLE commands DROP CONSTRAINT broken")
    await prober()
    assert await way.state() == "probing"


async def test_nothing_is_let_go_where_it_is_only_observed_and_an_open_round_is_closed(way: WayBack) -> None:
    await way.stop()
    way.mode = Mode.OBSERVE
    prober = way.prober()
    await prober()
    way.later(30 * DAY)
    await prober()
    assert await way.state() == "stopped"
    way.mode = Mode.ENFORCE
    await prober()
    await way.obey()
    assert way.free

    way.mode = Mode.OBSERVE
    await prober()
    await prober()

    assert (await way.obey(), await way.state()) == (["block"], "probing")
    assert way.done[-1].verdict.why.startswith("Its mode is observe, in which nothing is let go by itself. Round 1")


async def test_what_is_not_to_be_trusted_closes_rounds_and_accepts_nobody(way: WayBack) -> None:
    await way.stop()
    prober = way.prober()
    await prober()
    way.later(6 * HOUR)
    for _ in range(4):
        await way.round(prober)
    way.doubts.quiet = True
    await prober()
    assert await way.state() == "probing"
    way.doubts.quiet = False
    await prober()
    assert await way.state() == "sending"


async def test_replies_pass_between_rounds_where_the_platform_has_what_limits(database_url: str) -> None:
    async with way_back(database_url, actuators=(Actuator.BLOCK, Actuator.LIMIT)) as way:
        await way.can_limit()
        await way.stop()
        prober = way.prober()
        await prober()
        way.later(6 * HOUR)
        await way.round(prober)

        assert way.held_to == {"limit"}
        row = await way.daemon.row(grant="grant-1")
        assert (row["permitted"], row["confirmed"]) == ("limited", "limited")


async def test_an_account_that_sends_again_or_is_reset_has_no_probe(way: WayBack) -> None:
    await way.stop()
    prober = way.prober()
    await prober()
    assert await way.probe() is not None

    await way.daemon.pool.execute("UPDATE circuits SET state = 'sending', since = $1", way.now)
    await prober()

    assert await way.probe() is None


@dataclass(frozen=True)
class FirstBounce:
    """Asks for a stop at each bounce."""

    name: str = "first"
    signal: Signal = Signal.BOUNCE

    def suspect(self, counters: Counters) -> Suspicion | None:
        bad, sends = counters.totals.hard_bounces, counters.totals.sends
        return Suspicion(self.name, self.signal, State.STOPPED, None, bad, sends, 0.2)

    def is_calm(self, _counters: Counters) -> bool:
        return False

    def describe(self) -> dict[str, object]:
        return {}


async def test_a_detector_may_stop_it_meanwhile_which_is_a_failed_probe(database_url: str) -> None:
    async with way_back(database_url, profile=Profile("first", Budget(), (FirstBounce(),))) as way:
        await way.send(3, bad=1)
        await way.obey()
        prober = way.prober()
        await prober()
        way.later(6 * HOUR)
        await prober()
        await way.obey()
        await prober()

        await way.send(3, bad=1)
        await way.obey()
        await prober()

        assert (await way.state(), way.free) == ("stopped", False)
        probe = await way.probe()
        assert probe is not None
        assert (probe["phase"], probe["stops"], probe["failures"]) == ("cooling", 1, 1)


async def test_rules_may_change_meanwhile(way: WayBack) -> None:
    await way.stop()
    prober = way.prober()
    await prober()
    way.rules = replace(way.rules, trial=replace(way.rules.trial, round_sends=5))
    way.later(6 * HOUR)
    await prober()
    await way.obey()
    await prober()

    await way.send(5)
    await prober()

    assert [one.step for one in way.done] == [Step.OPEN, Step.CLOSE]
