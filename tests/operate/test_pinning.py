from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.acts.acts import Act, ActKind, Automatic, Effect
from breaker.domain.acts.selectors import parse_selector
from breaker.domain.circuits.circuit import Mode
from breaker.domain.circuits.modes import Level
from breaker.domain.circuits.states import State
from breaker.ports import Account, ModeInForce
from tests.fleet import APPLICATION

if TYPE_CHECKING:
    from breaker.domain.acts.acts import Report
    from tests.fleet import Fleet

HOUR = 3_600.0


async def pin(known: Fleet, selector: str, *, lasts: float | None = None) -> Report:
    act = Act(ActKind.MODE, "under inquiry", "ada", mode=Mode.STOPPED, lasts=lasts)
    return await known.operations.operator.carry_out(act, [parse_selector(selector)])


async def do(known: Fleet, kind: ActKind, selector: str, mode: Mode | None = None) -> Report:
    return await known.operations.operator.carry_out(Act(kind, "trial", "bob", mode=mode), [parse_selector(selector)])


def effects(report: Report) -> list[tuple[str, Effect, State, str]]:
    return [(one.account, one.effect, one.to, one.detail) for one in report.listed]


async def test_a_pin_stops_whom_it_is_set_for(known: Fleet) -> None:
    key = await known.know("a@x.example", "grant-1")
    await known.know("b@y.example", "grant-2")

    report = await pin(known, "domain:x.example")

    assert effects(report) == [("grant-1", Effect.CHANGED, State.STOPPED, "Stopped by a person: under inquiry")]
    assert await known.states() == {"a@x.example": "stopped", "b@y.example": "sending"}
    assert await known.commands(key) == [("block", 1), ("quarantine", 1)]


async def test_a_pin_is_planned_as_it_is_done(known: Fleet) -> None:
    await known.know("a@x.example", "grant-1")
    await known.know("b@x.example", "grant-2")
    await do(known, ActKind.MODE, "grant-2", Mode.EXEMPT)
    act = Act(ActKind.MODE, "under inquiry", "ada", mode=Mode.STOPPED)

    planned = await known.operations.operator.plan(act, [parse_selector("domain:x.example")])
    assert await known.states() == {"a@x.example": "sending", "b@x.example": "sending"}
    done = await pin(known, "domain:x.example")

    assert effects(planned) == effects(done)


async def test_what_was_set_for_one_account_wins_over_the_pin_of_its_domain(known: Fleet) -> None:
    await known.know("a@x.example", "grant-1")
    await do(known, ActKind.MODE, "grant-1", Mode.EXEMPT)

    report = await pin(known, "domain:x.example")

    why = "The mode exempt, set for a@x.example, is more specific and holds."
    assert effects(report) == [("grant-1", Effect.UNCHANGED, State.SENDING, why)]


async def test_nobody_lets_go_by_the_way_what_is_pinned(known: Fleet) -> None:
    await known.know("a@x.example", "grant-1")
    await pin(known, "domain:x.example")

    refused = [effects(await do(known, kind, "grant-1")) for kind in (ActKind.RESET, ActKind.PROBE, ActKind.LIMIT)]

    why = (
        "It is pinned as stopped for domain:x.example by ada: under inquiry. "
        "Take that away first: breaker mode domain:x.example inherit"
    )
    assert refused == [[("grant-1", Effect.REFUSED, State.STOPPED, why)]] * 3


async def test_taking_back_breaker_s_own_stops_leaves_what_is_pinned(known: Fleet) -> None:
    key = await known.know("a@x.example", "grant-1")
    await known.pool.execute(
        """
        INSERT INTO verdicts (application, account, at, from_state, to_state, detector, epoch, why)
        SELECT application, account, $2, 'sending', 'stopped', 'cusum', 1, 'because' FROM accounts WHERE account = $1
        """,
        key,
        known.clock.now(),
    )
    await known.set_state(key, State.STOPPED)
    await pin(known, "domain:x.example")
    release = Act(ActKind.RESET, "bad roll-out", "bob", automatic=Automatic())

    report = await known.operations.operator.carry_out(release, [parse_selector("--all")])

    assert [(one.account, one.effect, one.to) for one in report.listed] == [
        ("grant-1", Effect.UNCHANGED, State.STOPPED)
    ]


async def test_taking_a_pin_away_lets_nobody_go_but_lets_a_person_do_so(known: Fleet) -> None:
    await known.know("a@x.example", "grant-1")
    await pin(known, "grant-1")

    await do(known, ActKind.MODE, "grant-1", None)
    after_the_pin = await known.states()
    await do(known, ActKind.RESET, "grant-1")

    assert after_the_pin == {"a@x.example": "stopped"}
    assert await known.states() == {"a@x.example": "sending"}


async def test_an_expired_pin_leaves_who_was_stopped_stopped_and_a_person_free_to_let_them_go(known: Fleet) -> None:
    key = await known.know("a@x.example", "grant-1")
    await pin(known, "grant-1", lasts=HOUR)
    account = Account(key, APPLICATION, "grant-1", "a@x.example")

    known.clock.time += HOUR
    in_force = await known.operations.modes.in_force(account, known.clock.now())
    stands = await known.states()
    report = await do(known, ActKind.RESET, "grant-1")

    assert in_force == ModeInForce(Mode.OBSERVE, Level.DAEMON)
    assert stands == {"a@x.example": "stopped"}
    assert [one.effect for one in report.listed] == [Effect.CHANGED]


async def test_who_cannot_be_stopped_on_the_platform_is_refused_rather_than_shown_as_stopped(known: Fleet) -> None:
    await known.know("a@x.example")

    report = await pin(known, "domain:x.example")

    assert [(one.effect, one.to) for one in report.listed] == [(Effect.REFUSED, State.SENDING)]
