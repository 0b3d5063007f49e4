"""The budget of requests: in the clock's time, the urgent ones first."""

from __future__ import annotations

import asyncio

import pytest

from breaker.adapters.nylas.budget import Budget
from breaker.ports import Urgency
from breaker.simulator.clock import SimulatedClock


class Turns:
    """Requests that wait for their turn, and when each got it."""

    def __init__(self, requests_per_second: float) -> None:
        self.clock = SimulatedClock(1000.0)
        self.budget = Budget(self.clock, requests_per_second)
        self.given: list[tuple[str, float]] = []
        self.tasks: list[asyncio.Task[None]] = []

    def ask(self, name: str, urgency: Urgency, times: int = 1) -> None:
        self.tasks += [asyncio.create_task(self._wait(name, urgency)) for _ in range(times)]

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _wait(self, name: str, urgency: Urgency) -> None:
        await self.budget.turn(urgency)
        self.given.append((name, round(self.clock.now() - 1000.0, 2)))


async def test_a_second_s_worth_goes_at_once_and_the_rest_at_the_rate() -> None:
    turns = Turns(4.0)
    turns.ask("stop", Urgency.STOP, 6)

    await turns.clock.advance(1.0)

    assert turns.given == [("stop", 0.0)] * 4 + [("stop", 0.25), ("stop", 0.5)]
    await turns.end()


async def test_stops_overtake_resets_and_resets_overtake_sweeps() -> None:
    turns = Turns(1.0)
    turns.ask("first", Urgency.STOP)
    await turns.clock.advance(0.0)
    turns.ask("sweep", Urgency.SWEEP)
    turns.ask("reset", Urgency.RESET)
    turns.ask("stop", Urgency.STOP)

    await turns.clock.advance(4.0)

    assert [name for name, _ in turns.given] == ["first", "stop", "reset", "sweep"]
    await turns.end()


async def test_sweeps_get_a_quarter_at_most() -> None:
    turns = Turns(20.0)
    turns.ask("sweep", Urgency.SWEEP, 100)

    await turns.clock.advance(10.0)

    assert len(turns.given) == 5 + 50
    await turns.end()


async def test_after_too_many_requests_nobody_gets_a_turn_for_that_time() -> None:
    turns = Turns(10.0)
    turns.budget.close_for(3.0)
    turns.ask("stop", Urgency.STOP, 2)

    await turns.clock.advance(4.0)

    assert turns.given == [("stop", 3.0), ("stop", 3.1)]
    await turns.end()


async def test_one_that_stops_waiting_leaves_its_turn_to_the_next() -> None:
    turns = Turns(1.0)
    turns.ask("first", Urgency.STOP, 2)
    turns.ask("last", Urgency.STOP)
    await turns.clock.advance(0.0)
    turns.tasks[1].cancel()

    await turns.clock.advance(2.5)

    assert [name for name, _ in turns.given] == ["first", "last"]
    await turns.end()


@pytest.mark.parametrize("rate", [0.5, 3.0, 20.0])
async def test_no_rate_is_exceeded_over_a_minute(rate: float) -> None:
    turns = Turns(rate)
    turns.ask("stop", Urgency.STOP, 2000)

    await turns.clock.advance(60.0)

    assert len(turns.given) in {int(60 * rate + max(1.0, rate)), int(60 * rate + max(1.0, rate)) - 1}
    await turns.end()


async def test_who_asks_whether_it_is_his_turn_waits_for_it_and_takes_none() -> None:
    turns = Turns(1.0)
    turns.budget.close_for(30.0)
    asking = asyncio.create_task(turns.budget.ready(Urgency.RESET))

    await turns.clock.advance(29.0)
    early = asking.done()
    await turns.clock.advance(1.0)
    turns.ask("reset", Urgency.RESET)
    await turns.clock.advance(0.0)

    assert (early, asking.done(), turns.given) == (False, True, [("reset", 30.0)])
    await turns.end()
