from __future__ import annotations

import asyncio
import random
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import pytest

from breaker.simulator.clock import DEFAULT_START
from breaker.simulator.fleets.agents import DAY, Agent, Behaviour, Phase, Reaction
from breaker.simulator.fleets.audience import Audience
from breaker.simulator.fleets.plan import Kind
from breaker.simulator.fleets.scenarios import SCENARIOS, FleetSize, mixed_fleet
from breaker.simulator.fleets.truth import FleetTruth
from breaker.simulator.mail.fates import Fate, fate_of
from breaker.simulator.options import EnforcementOptions, SimulationOptions
from breaker.simulator.record import Recorder
from breaker.simulator.simulation import Simulation
from tests.simulator.client import DELIVERY, Receiver

if TYPE_CHECKING:
    from pathlib import Path

    from breaker.simulator.webhooks.notifications import Notification

MONDAY = DEFAULT_START


def test_an_audience_has_the_shares_that_it_says() -> None:
    source = random.Random(1)
    audience = Audience(gone=0.2, angry=0.1, full=0.05)
    drawn = Counter(fate_of(audience.draw(source)) for _ in range(20_000))

    assert abs(drawn[Fate.GONE] / 20_000 - 0.2) < 0.01
    assert abs(drawn[Fate.ANGRY] / 20_000 - 0.1) < 0.01
    assert abs(drawn[Fate.FULL] / 20_000 - 0.05) < 0.01


@pytest.mark.parametrize("daily", [8.0, 200.0, 5000.0])
def test_an_agent_sends_as_much_as_it_says_in_its_working_hours(daily: float) -> None:
    source, behaviour = random.Random(1), Behaviour(daily, hours=(7.0, 19.0))
    moment, sent = MONDAY, list[float]()
    while len(sent) < 5000:
        moment = behaviour.next_send(moment, source)
        sent.append(moment)
    hours = {int(one % DAY // 3600) for one in sent}
    weekdays = {int((one - MONDAY) // DAY % 7) for one in sent}
    weeks = (sent[-1] - MONDAY) / DAY / 7

    assert hours <= set(range(7, 19))
    assert weekdays <= set(range(5))
    assert daily * 0.9 < len(sent) / (weeks * 5) < daily * 1.6 if weeks > 1 else len(sent) / daily <= 1.1


def test_one_that_works_on_weekends_does() -> None:
    source, behaviour = random.Random(1), Behaviour(50.0, weekends=True)
    moment, weekdays = MONDAY, set[int]()
    for _ in range(1000):
        moment = behaviour.next_send(moment, source)
        weekdays.add(int((moment - MONDAY) // DAY % 7))

    assert weekdays == set(range(7))


@pytest.mark.parametrize(("reaction", "tries"), [(Reaction.GIVE_UP, 1), (Reaction.RETRY, 2), (Reaction.LOOP, 11)])
async def test_agents_react_to_refusals_as_they_are_written(reaction: Reaction, tries: int) -> None:
    simulation = Simulation(SCENARIOS["steady"](FleetSize(1), 1), 1)
    application = simulation.fleet.application
    [grant_id] = simulation.fleet.grant_ids
    application.standing.paused.add(grant_id)
    behaviour = Behaviour(1.0, hours=(0.0, 24.0), reaction=reaction)
    once = behaviour.next_send(simulation.clock.now(), random.Random(1)) - simulation.clock.now()
    phases = (Phase(simulation.clock.now(), behaviour), Phase(simulation.clock.now() + once + 1, None))
    agent = Agent(application, grant_id, phases, random.Random(1))
    agent.start()
    simulation.platform.start_offline()
    await simulation.run(3 * DAY)

    assert agent.refused == {400: tries}


def test_the_same_seed_gives_the_same_plan_and_another_another() -> None:
    size = FleetSize(60)

    assert mixed_fleet(size, 1) == mixed_fleet(size, 1)
    assert mixed_fleet(size, 1) != mixed_fleet(size, 2)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_has_as_many_accounts_as_asked_with_addresses_of_their_own(name: str) -> None:
    plan = SCENARIOS[name](FleetSize(50), 3)

    assert len(plan.accounts) == 50
    assert len({account.address for account in plan.accounts}) == 50


def test_a_mixed_fleet_has_some_of_every_kind() -> None:
    plan = mixed_fleet(FleetSize(100), 1)

    assert {account.kind for account in plan.accounts} == set(Kind)
    assert all((account.goes_bad_after is None) == account.kind.healthy for account in plan.accounts)


async def _truth(name: str, *, seed: int = 1, size: FleetSize | None = None, volume: int = 1000) -> FleetTruth:
    enforcement = EnforcementOptions(representative_volume=volume)
    simulation = Simulation(
        SCENARIOS[name](size or FleetSize(8, 6.0), seed), seed, SimulationOptions(enforcement=enforcement)
    )
    simulation.platform.start_offline()
    simulation.start_fleet()
    await simulation.run((size or FleetSize(8, 6.0)).days * DAY)
    return simulation.truth()


async def test_a_run_is_the_same_for_the_same_seed() -> None:
    assert await _truth("mixed", size=FleetSize(12, 2.0)) == await _truth("mixed", size=FleetSize(12, 2.0))


async def test_nothing_happens_to_a_steady_fleet() -> None:
    truth = await _truth("steady", size=FleetSize(8, 6.0))

    assert (truth.paused, truth.restricted_at) == (0, None)
    assert sum(account.accepted for account in truth.accounts) > 500


@pytest.mark.parametrize("name", ["bought-list", "runaway-agent"])
async def test_the_platform_pauses_the_bad_one_after_it_has_gone_bad_and_no_other(name: str) -> None:
    truth = await _truth(name)
    [paused] = [account for account in truth.accounts if account.paused_at is not None]

    assert (paused, False) == (truth.accounts[0], paused.healthy)
    assert paused.goes_bad_at is not None
    assert paused.paused_at is not None
    assert paused.goes_bad_at < paused.paused_at
    assert "400" in paused.refused


@pytest.mark.parametrize("name", ["slow-creep", "complaints"])
async def test_slow_ones_come_under_review(name: str) -> None:
    truth = await _truth(name, size=FleetSize(4, 20.0))

    assert truth.accounts[0].under_review_at is not None


async def test_broken_authentication_is_no_bad_list() -> None:
    simulation = Simulation(SCENARIOS["broken-authentication"](FleetSize(10, 4.0), 1), 1)
    outcomes: Counter[str] = Counter()

    def tap(notification: object, _: float) -> None:
        text = msgspec.json.encode(notification).decode()
        outcomes["policy"] += "5.7." in text

    simulation.platform.deliveries.taps.append(tap)
    simulation.platform.start_offline()
    simulation.start_fleet()
    await simulation.run(4 * DAY)
    truth = simulation.truth()

    assert outcomes["policy"] > 10
    assert truth.paused == 0
    assert [domain for domain, _, _ in truth.broken_authentication] == ["agents-0.example.com"]


def _count_between(counts: Counter[str], between: range, notification: Notification, at: float) -> None:
    if int(at) in between:
        counts[notification.trigger] += 1


async def test_a_feed_that_dies_and_one_that_half_dies() -> None:
    heard: dict[str, Counter[str]] = {}
    for name in ("dead-feed", "half-dead-feed"):
        simulation = Simulation(SCENARIOS[name](FleetSize(20, 4.0), 1), 1)
        first, second = simulation.fleet.plan.feed_changes
        start, counts = simulation.clock.now(), Counter[str]()
        between = range(int(start + first.after), int(start + second.after))
        simulation.platform.deliveries.taps.append(partial(_count_between, counts, between))
        simulation.platform.start_offline()
        simulation.start_fleet()
        await simulation.run(4 * DAY)
        heard[name] = counts

    assert heard["dead-feed"] == {}
    assert heard["half-dead-feed"]["message.bounced"] > 0
    assert heard["half-dead-feed"]["message.delivered"] == 0


async def test_a_record_has_every_notification_with_the_time_of_its_receipt_and_the_truth_beside_it(
    tmp_path: Path,
) -> None:
    simulation = Simulation(SCENARIOS["bought-list"](FleetSize(5, 3.0), 1), 1)
    simulation.platform.start_offline()
    simulation.start_fleet()
    with Recorder(tmp_path / "fleet.jsonl", simulation.platform.deliveries) as recorder:
        await simulation.run(3 * DAY)
        recorder.write_truth(simulation.truth())
    lines = [msgspec.json.decode(line) for line in (tmp_path / "fleet.jsonl").read_bytes().splitlines()]
    truth = msgspec.json.decode((tmp_path / "fleet.truth.json").read_bytes(), type=FleetTruth)

    assert recorder.written == len(lines) > 100
    assert set(lines[0]) == {
        "specversion",
        "type",
        "source",
        "id",
        "time",
        "webhook_delivery_attempt",
        "data",
        "received_at",
    }
    assert [line["received_at"] for line in lines] == sorted(line["received_at"] for line in lines)
    assert truth == simulation.truth()


async def test_time_waits_for_those_who_listen() -> None:
    simulation = Simulation(SCENARIOS["steady"](FleetSize(5), 1), 1)
    simulation.platform.start_offline()
    simulation.start_fleet()
    start, seen = simulation.clock.now(), list[float]()

    async def settled() -> None:
        seen.append(simulation.clock.now() - start)

    await simulation.run(DAY, settled)

    assert seen[-1] == DAY
    assert all(moment % 60 == 0 for moment in seen)
    assert 50 < len(seen) < 1440


async def test_a_listener_that_waits_for_the_clock_itself_holds_nothing_up() -> None:
    simulation = Simulation(SCENARIOS["steady"](FleetSize(1), 1), 1)
    simulation.platform.start_offline()
    waits: list[float] = []

    async def settled() -> None:
        await simulation.clock.sleep(0.5)
        waits.append(simulation.clock.now())

    start = simulation.clock.now()
    async with asyncio.timeout(20):
        await simulation.run(180, settled)

    assert [moment - start for moment in waits] == [180.5]
    assert simulation.clock.now() - start == 180.5


async def test_all_that_a_fleet_causes_arrives_over_http_within_the_step(receiver: Receiver) -> None:
    simulation = Simulation(SCENARIOS["bought-list"](FleetSize(5, 2.0), 1), 1)
    base_url = await simulation.platform.start()
    try:
        async with aiohttp.ClientSession(base_url) as session:
            body = {"trigger_types": DELIVERY, "webhook_url": receiver.url}
            headers = {"Authorization": "Bearer nyk_simulated"}
            async with session.post("/v3/webhooks", json=body, headers=headers) as answer:
                assert answer.status == 200
        left: list[str] = []
        simulation.platform.deliveries.taps.append(lambda notification, _: left.append(notification.id))
        simulation.start_fleet()
        await simulation.run(2 * DAY)
    finally:
        await simulation.platform.stop()

    assert len(left) > 100
    assert Counter(one.content["id"] for one in receiver.received) == Counter(left)
