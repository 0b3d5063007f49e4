from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.circuit import HeldBy, Mode, Pending
from breaker.domain.circuits.modes import Level, ModeSetting, SetMode
from breaker.domain.circuits.states import State
from tests.fleet import APPLICATION

if TYPE_CHECKING:
    from breaker.domain.standing.past import Past
    from tests.fleet import Fleet

HOUR = 3_600.0


async def do(known: Fleet, kind: ActKind, selector: str = "grant-1", mode: Mode | None = None) -> None:
    await known.operations.operator.carry_out(Act(kind, "trial", "ada", mode=mode), [parse_selector(selector)])


async def set_for(known: Fleet, selector: str, mode: Mode | None, lasts: float | None = None) -> None:
    act = Act(ActKind.MODE, "trial", "ada", mode=mode, lasts=lasts)
    await known.operations.operator.carry_out(act, [parse_selector(selector)])


async def past(known: Fleet, at: float) -> Past:
    (standing,) = await known.operations.accounts.find(parse_selector("grant-1"))
    return await known.operations.explanations.past(standing, at)


async def test_a_past_moment_is_told_as_it_was(known: Fleet) -> None:
    begun = known.clock.now()
    key = await known.know("agent@x.example", "grant-1")
    known.clock.time += HOUR
    held = await known.suspend(key, State.STOPPED)
    known.clock.time += HOUR
    await do(known, ActKind.TRIP)
    known.clock.time += HOUR
    await do(known, ActKind.MODE, "domain:x.example", Mode.ENFORCE)
    await known.pool.execute("UPDATE commands SET sent_at = $1, ended_at = $1, ended = 'settled'", known.clock.now())
    known.clock.time += HOUR
    await do(known, ActKind.RESET)

    first, observed, stopped, enforced, free = [await past(known, begun + hours * HOUR) for hours in (0.5, 1, 2, 3, 4)]

    assert [(one.state, one.since, one.epoch, one.pending) for one in (first, observed, stopped, enforced, free)] == [
        (State.SENDING, None, 0, None),
        (State.SENDING, None, 0, Pending(held, State.STOPPED, begun + HOUR, HeldBy.OBSERVE)),
        (State.STOPPED, begun + 2 * HOUR, 1, None),
        (State.STOPPED, begun + 2 * HOUR, 1, None),
        (State.SENDING, begun + 4 * HOUR, 2, None),
    ]
    assert [len(one.verdicts) for one in (first, observed, stopped, enforced, free)] == [0, 1, 2, 3, 4]
    assert enforced.verdicts[0].scope == "domain:x.example"
    assert [(one.kind, one.sent_at, one.ended) for one in stopped.commands] == [
        ("quarantine", None, None),
        ("block", None, None),
    ]
    assert {one.ended for one in enforced.commands} == {"settled"}


async def test_the_mode_that_held_then_is_told_with_who_set_it(known: Fleet) -> None:
    begun = known.clock.now()
    await known.know("agent@x.example", "grant-1")
    await set_for(known, "domain:x.example", Mode.ENFORCE)
    known.clock.time += HOUR
    await set_for(known, "grant-1", Mode.EXEMPT, lasts=HOUR)
    known.clock.time += 2 * HOUR
    await set_for(known, "domain:x.example", None)

    found = [(await past(known, begun + hours * HOUR)).mode for hours in (-1, 0, 1, 2, 3)]

    enforced = SetMode(APPLICATION, Level.DOMAIN, "x.example", ModeSetting(Mode.ENFORCE, "trial", "ada", begun))
    exempt = ModeSetting(Mode.EXEMPT, "trial", "ada", begun + HOUR, begun + 2 * HOUR)
    assert found == [
        None,
        enforced,
        SetMode(APPLICATION, Level.ACCOUNT, "agent@x.example", exempt),
        enforced,
        None,
    ]


async def test_a_mode_of_one_account_leaves_what_was_pending(known: Fleet) -> None:
    key = await known.know("agent@x.example", "grant-1")
    held = await known.suspend(key, State.STOPPED)
    known.clock.time += HOUR
    await do(known, ActKind.MODE, "grant-1", Mode.ENFORCE)

    found = await past(known, known.clock.now())

    assert found.pending == Pending(held, State.STOPPED, known.clock.now() - HOUR, HeldBy.OBSERVE)
