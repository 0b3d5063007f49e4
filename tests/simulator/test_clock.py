from __future__ import annotations

import asyncio
from functools import partial

import pytest

from breaker.simulator.agenda import Agenda
from breaker.simulator.clock import PacedClock, SimulatedClock


async def test_time_stands_still_until_a_driver_advances_it(clock: SimulatedClock) -> None:
    before = clock.now()
    await asyncio.sleep(0)

    assert before == clock.now()

    await clock.advance(90)

    assert before + 90 == clock.now()


async def test_sleepers_wake_in_the_order_of_their_time_and_see_that_time(clock: SimulatedClock) -> None:
    start, seen = clock.now(), list[tuple[str, float]]()

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        seen.append((name, clock.now() - start))

    async with asyncio.TaskGroup() as tasks:
        for name, seconds in (("late", 50), ("early", 10), ("middle", 30)):
            tasks.create_task(sleeper(name, seconds))
        await asyncio.sleep(0)
        await clock.advance(60)

    assert seen == [("early", 10), ("middle", 30), ("late", 50)]


async def test_a_sleeper_that_sleeps_again_wakes_again_within_the_same_advance(clock: SimulatedClock) -> None:
    start, seen = clock.now(), list[float]()

    async def ticker() -> None:
        for _ in range(5):
            await clock.sleep(10)
            seen.append(clock.now() - start)

    task = asyncio.create_task(ticker())
    await asyncio.sleep(0)
    await clock.advance(50)
    await task

    assert seen == [10, 20, 30, 40, 50]


async def test_the_clock_tells_others_while_a_driver_advances_it(clock: SimulatedClock) -> None:
    seen = [clock.advancing]

    async def sleeper() -> None:
        await clock.sleep(10)
        seen.append(clock.advancing)

    task = asyncio.create_task(sleeper())
    await asyncio.sleep(0)
    await clock.advance(20)
    await task
    seen.append(clock.advancing)

    assert seen == [False, True, False]


async def test_a_cancelled_sleeper_holds_nothing_up(clock: SimulatedClock) -> None:
    task = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)

    assert clock.now() + 10 == clock.next_wake()

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert clock.next_wake() is None


async def test_time_does_not_run_backwards(clock: SimulatedClock) -> None:
    with pytest.raises(ValueError, match="backwards"):
        await clock.advance(-1)


async def test_a_paced_clock_lets_a_simulated_hour_pass_in_a_moment() -> None:
    clock = PacedClock(speed=3_600_000, start=0.0)

    async with asyncio.timeout(5):
        await clock.sleep(3600)

    assert clock.now() >= 3600


async def test_a_sleeper_follows_a_changed_speed() -> None:
    clock = PacedClock(speed=0.001, start=0.0)
    sleeper = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    clock.set_speed(1_000_000)

    async with asyncio.timeout(5):
        await sleeper


async def test_callbacks_are_called_in_the_order_of_their_time_between_the_sleepers(clock: SimulatedClock) -> None:
    start, seen = clock.now(), list[tuple[str, float]]()

    def call(name: str, seconds: float) -> None:
        clock.call_at(start + seconds, lambda: seen.append((name, clock.now() - start)))

    async def sleeper() -> None:
        await clock.sleep(20)
        seen.append(("slept", clock.now() - start))

    task = asyncio.create_task(sleeper())
    call("last", 30)
    call("first", 10)
    await clock.advance(60)
    await task

    assert seen == [("first", 10), ("slept", 20), ("last", 30)]


async def test_what_a_callback_raises_reaches_the_driver(clock: SimulatedClock) -> None:
    def fail() -> None:
        raise LookupError("gone")

    clock.call_at(clock.now() + 1, fail)
    with pytest.raises(LookupError, match="gone"):
        await clock.advance(2)
    await clock.advance(2)


async def test_an_agenda_calls_in_the_order_of_time_on_either_clock() -> None:
    driven, paced = SimulatedClock(0.0), PacedClock(speed=1_000_000, start=0.0)
    for clock in (driven, paced):
        seen: list[str] = []
        ended = asyncio.Event()
        agenda = Agenda(clock)
        agenda.at(3000, ended.set)
        agenda.at(2000, partial(seen.append, "second"))
        agenda.start()
        agenda.start()
        agenda.at(1000, partial(seen.append, "first"))
        if isinstance(clock, SimulatedClock):
            await clock.advance(3000)
        async with asyncio.timeout(5):
            await ended.wait()
        agenda.at(10**12, partial(seen.append, "never"))
        await agenda.stop()

        assert (seen, len(agenda)) == (["first", "second"], 1)


async def test_what_fails_on_a_clock_that_nobody_drives_is_told_and_the_rest_happens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended = asyncio.Event()
    agenda = Agenda(PacedClock(speed=1_000_000, start=0.0))
    agenda.at(1, [].pop)
    agenda.at(2, ended.set)
    agenda.start()
    async with asyncio.timeout(5):
        await ended.wait()
    await agenda.stop()

    assert caplog.messages == ["something that was to happen in the simulated world failed"]
