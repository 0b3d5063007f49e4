"""Each bad answer of the platform, to each thing asked of it: a defined state, seen by people, nothing forgotten.

While it answers so, what is wanted stands, nothing is shown as confirmed, and whoever was held stays held; metrics and
`explain` tell it. Once it answers well again, the platform does what is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import generate_latest

from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.states import State, Wanted
from breaker.simulator.faults import FaultKind
from tests.whole.expectations import LIMITED, STOPPED, Expectations
from tests.whole.world import MINUTE, World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from breaker.domain.standing.standing import Standing
    from tests.whole.daemon import Daemon
    from tests.whole.stage import Stage

ANYBODY, SELLER = "ada@one.example", "sue@one.example"
"""An account that is stopped by the list alone, and one that is moved too."""


@dataclass(frozen=True)
class Answer:
    """A bad answer.

    Attributes:
        fault: What the platform does.
        counted: How metrics call it.
        says: What `explain` says of it.
    """

    fault: dict[str, Any]
    counted: str
    says: str


ANSWERS = {
    "429": Answer({"kind": FaultKind.STATUS, "status": 429}, "429", "was answered 429"),
    "429 with Retry-After": Answer(
        {"kind": FaultKind.STATUS, "status": 429, "retry_after": 90}, "429", "was answered 429"
    ),
    "500": Answer({"kind": FaultKind.STATUS, "status": 500}, "500", "was answered 500"),
    "no answer": Answer({"kind": FaultKind.SILENCE}, "timeout", "was not answered within"),
    "no connection": Answer({"kind": FaultKind.DISCONNECT}, "connection", "could not be sent"),
    "no connection, carried out": Answer(
        {"kind": FaultKind.DISCONNECT, "executes": True}, "connection", "could not be sent"
    ),
    "HTML": Answer({"kind": FaultKind.HTML, "status": 200}, "not_json", "not by the platform's API"),
    "the old state": Answer({"kind": FaultKind.STALE}, "200", "is not shown yet"),
    "as if it were done": Answer({"kind": FaultKind.LOST, "path": "/v3/lists/"}, "200", "is not shown yet"),
    "a revoked key": Answer({"kind": FaultKind.STATUS, "status": 401}, "401", "was answered 401"),
}


@dataclass(frozen=True)
class Place:
    """Where it happens.

    Attributes:
        world: The world.
        daemon: Its one daemon.
    """

    world: World
    daemon: Daemon

    async def act(self, kind: ActKind, address: str) -> None:
        await self.world.act(Act(kind, "why", "ann"), address)

    async def standing(self, address: str) -> Standing:
        [found] = await self.world.operations.accounts.find(parse_selector(address))
        return found

    async def settled(self) -> None:
        """Go on until all is as it is wanted, and check that."""
        expectations = Expectations.new()
        for _ in range(20):
            await self.world.pass_time(30.0)
            await self.world.everybody()
            if not await expectations.unsettled(self.world):
                break
        await expectations.in_the_end(self.world)

    def counted(self, name: str) -> float:
        """Return the value of a metric, given as it is written."""
        lines = generate_latest(self.daemon.metrics.registry).decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)


def played(stage: Stage, play: Callable[[Place], Awaitable[None]]) -> None:
    """Play something in a new world with one daemon."""

    async def work(world: World) -> None:
        place = Place(world, await world.start_daemon())
        await world.everybody()
        await play(place)

    world = stage.world()
    try:
        stage.run(work(world))
    finally:
        stage.end(world)


# What is asked of the platform: each leads up to the moment before it.


async def _to_stop(place: Place) -> str:
    await place.act(ActKind.TRIP, ANYBODY)
    return ANYBODY


async def _to_let_go(place: Place) -> str:
    await place.act(ActKind.TRIP, ANYBODY)
    await place.world.everybody()
    await place.act(ActKind.RESET, ANYBODY)
    return ANYBODY


async def _to_move(place: Place) -> str:
    await place.act(ActKind.TRIP, SELLER)
    return SELLER


async def _to_move_home(place: Place) -> str:
    await place.act(ActKind.TRIP, SELLER)
    await place.world.everybody()
    await place.act(ActKind.RESET, SELLER)
    return SELLER


async def _to_open_a_round(place: Place) -> str:
    await place.act(ActKind.TRIP, ANYBODY)
    await place.world.everybody()
    await place.act(ActKind.PROBE, ANYBODY)
    for _ in range(5):
        await place.daemon.carry_out()
        await place.world.pass_time(1.0)
        await place.daemon.once("probing")
        if (await place.standing(ANYBODY)).enforcement.wanted is Wanted.SENDING:
            return ANYBODY
    raise AssertionError("no round is opened")


async def _to_close_a_round(place: Place) -> str:
    await _to_open_a_round(place)
    await place.world.everybody()
    await place.world.pass_time(MINUTE)
    assert await place.world.send(ANYBODY, 12, 0)
    await place.world.pass_time(1.0)
    await place.daemon.once("probing")
    return ANYBODY


@dataclass(frozen=True)
class Asked:
    """Something that is asked of the platform.

    Attributes:
        lead_up: Leads up to it, and returns whom it is about.
        state: The state by then.
        wanted: What is wanted by then.
        held: Whether the account is held before, and goes on being so while the platform does not obey.
    """

    lead_up: Callable[[Place], Awaitable[str]]
    state: State
    wanted: Wanted
    held: bool


ASKED = {
    "a stop": Asked(_to_stop, State.STOPPED, Wanted.STOPPED, held=False),
    "a reset": Asked(_to_let_go, State.SENDING, Wanted.SENDING, held=True),
    "a move": Asked(_to_move, State.STOPPED, Wanted.STOPPED, held=False),
    "a move home": Asked(_to_move_home, State.SENDING, Wanted.SENDING, held=True),
    "the opening of a round": Asked(_to_open_a_round, State.PROBING, Wanted.SENDING, held=True),
    "the closing of a round": Asked(_to_close_a_round, State.PROBING, Wanted.LIMITED, held=False),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("asked", ASKED)
def test_a_bad_answer_leaves_a_defined_state_is_seen_and_forgets_nothing(stage: Stage, asked: str, answer: str) -> None:
    what, bad = ASKED[asked], ANSWERS[answer]

    async def play(place: Place) -> None:
        world = place.world
        address = await what.lead_up(place)
        before = place.counted(_requests(bad.counted))
        world.fault(**bad.fault)
        for _ in range(4):
            await world.of(place.daemon, place.daemon.carry_out())
            await world.pass_time(2.0)

        # In a defined state, and not confirmed by anything but a reading.
        found = await place.standing(address)
        assert (found.circuit.state, found.enforcement.wanted) == (what.state, what.wanted)
        assert found.enforcement.confirmed is None
        # Who was held is held, unless it was carried out without our being told.
        carried_out = bad.fault.get("executes") or bad.fault["kind"] is FaultKind.STALE
        if what.held and not carried_out:
            assert address in world.listed(STOPPED) | world.listed(LIMITED)
        # Seen by people and programs.
        assert found.enforcement.attempts > 0
        assert bad.says in str(found.enforcement.error)
        assert place.counted(_requests(bad.counted)) > before
        explanation = await world.operations.explanations.explain(found)
        assert any(bad.says in str(one.error) for one in explanation.commands)
        assert explanation.verdicts[0].epoch == found.circuit.epoch
        await place.daemon.metrics.poll(world.operations.fleet, world.clock.now())
        assert sum(place.counted(f'breaker_commands_pending{{kind="{one.kind}"}}') for one in explanation.commands) > 0

        world.platform.faults.clear()
        await place.settled()

    played(stage, play)


def _requests(status: str) -> str:
    return f'breaker_platform_requests_total{{status="{status}"}}'


@pytest.mark.parametrize("answer", [name for name in ANSWERS if ANSWERS[name].counted != "200"])
def test_a_bad_answer_to_the_repair_of_a_rule_is_seen_and_the_rule_is_repaired_later(stage: Stage, answer: str) -> None:
    bad = ANSWERS[answer]

    async def play(place: Place) -> None:
        world = place.world
        rule = next(one for one in world.application.rules if "block stopped accounts" in one.name)
        rule.enabled = False
        world.fault(**bad.fault, method="PUT")
        await world.pass_time(2 * MINUTE)
        await world.of(place.daemon, place.daemon.once("protection"))

        assert rule.enabled is bool(bad.fault.get("executes"))
        assert place.counted(_requests(bad.counted)) > 0

        world.platform.faults.clear()
        for _ in range(3):
            await world.pass_time(2 * MINUTE)
            await world.everybody()
        assert rule.enabled
        # What was repaired without our being told is found well at the next look.
        assert place.counted('breaker_drift_total{kind="rule_disabled"}') == (not bad.fault.get("executes"))

    played(stage, play)


@pytest.mark.parametrize("asked", ASKED)
def test_a_grant_that_is_deleted_meanwhile_is_known_to_be_gone_and_nothing_stays_open(stage: Stage, asked: str) -> None:
    what = ASKED[asked]

    async def play(place: Place) -> None:
        world = place.world
        address = await what.lead_up(place)
        grant = world.application.grants.by_address(address)
        assert grant is not None
        world.application.remove_grant(grant.id)
        world.undelivered.clear()  # and nobody tells of it

        await world.later(10 * MINUTE)

        gone_at = await world.database.fetchval("SELECT grant_deleted_at FROM accounts WHERE address = $1", address)
        assert gone_at is not None
        assert not await world.database.fetchval("SELECT count(*) FROM commands WHERE ended_at IS NULL")
        # The next grant of the address is held as that one was, and no more.
        world.application.add_grant(address, workspace_id=world.sales if address == SELLER else None)
        await world.hear()
        await place.settled()

    played(stage, play)
