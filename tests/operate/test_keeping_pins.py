from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.app.pins import keep_pins
from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.states import State
from tests.fleet import APPLICATION

if TYPE_CHECKING:
    from tests.fleet import Fleet


async def set_mode(known: Fleet, selector: str, mode: Mode | None, lasts: float | None = None) -> None:
    act = Act(ActKind.MODE, "under inquiry", "ada", mode=mode, lasts=lasts)
    await known.operations.operator.carry_out(act, [parse_selector(selector)])


async def test_who_joins_a_pinned_group_is_stopped_in_the_name_of_who_pinned_it(known: Fleet) -> None:
    acted: list[str] = []
    keep = keep_pins(known.pool, known.operations, lambda: acted.append("acted"))
    await known.know("first@x.example", "grant-1")
    await set_mode(known, "domain:x.example", Mode.STOPPED)
    key = await known.know("later@x.example", "grant-2")

    stopped = [await keep(), await keep()]

    (entry,) = (await known.operations.trail.page([key])).items
    assert (stopped, acted) == ([1, 0], ["acted"])
    assert await known.states() == {"first@x.example": "stopped", "later@x.example": "stopped"}
    assert (entry.author, entry.why) == (
        "ada",
        "Stopped by a person: under inquiry (domain:x.example is pinned as stopped)",
    )


async def test_who_has_a_mode_of_their_own_or_can_not_be_stopped_is_left_alone(known: Fleet) -> None:
    keep = keep_pins(known.pool, known.operations)
    await known.know("first@x.example", "grant-1")
    await set_mode(known, "domain:x.example", Mode.STOPPED)
    await known.know("free@x.example", "grant-2")
    await known.know("unknown@x.example")
    connected = await known.know("connected@x.example", "grant-3")
    await known.pool.execute("UPDATE accounts SET provider = 'google' WHERE account = $1", connected)
    await set_mode(known, "grant-2", Mode.OBSERVE)

    assert await keep() == 0
    assert await known.states() == {
        "first@x.example": "stopped",
        "free@x.example": "sending",
        "unknown@x.example": "sending",
        "connected@x.example": "sending",
    }


@pytest.mark.parametrize("selector", ["workspace:home", f"application:{APPLICATION}", "domain:x.example", "grant-1"])
async def test_a_pin_of_any_level_is_kept(known: Fleet, selector: str) -> None:
    keep = keep_pins(known.pool, known.operations)
    key = await known.know("first@x.example", "grant-1", workspace="home")
    await known.know("other@y.example", "grant-2", application="app-2", workspace="home-of-others")
    await set_mode(known, selector, Mode.STOPPED)
    await known.set_state(key, State.SENDING)  # by whatever means

    assert await keep() == 1
    assert await known.states() == {"first@x.example": "stopped", "other@y.example": "sending"}


async def test_a_pin_that_ended_stops_nobody_more(known: Fleet) -> None:
    keep = keep_pins(known.pool, known.operations)
    await known.know("first@x.example", "grant-1")
    await set_mode(known, "domain:x.example", Mode.STOPPED, lasts=60.0)
    await known.know("later@x.example", "grant-2")

    known.clock.time += 60

    assert await keep() == 0
    assert await known.states() == {"first@x.example": "stopped", "later@x.example": "sending"}
