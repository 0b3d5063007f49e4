"""What people take back of Breaker's own stops: one that was a mistake, a detector's, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.circuits import PostgresCircuits
from breaker.adapters.postgres.probes import PostgresProbes
from breaker.app import counting, window_sizes
from breaker.domain.acts.acts import Act, ActKind, Automatic, Effect
from breaker.domain.acts.selectors import Scope, Selector
from breaker.domain.circuits.circuit import Verdict, apply
from breaker.domain.circuits.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fleet import Fleet

EVERYBODY = [Selector(Scope.ALL, "--all")]


def reset(
    *,
    false_stop: bool = False,
    automatic: Automatic | None = None,
    pace: float | None = None,
) -> Act:
    return Act(ActKind.RESET, "a bad roll-out", "ada", false_stop=false_stop, automatic=automatic, pace=pace)


async def stop(known: Fleet, name: str, detector: str = "cusum", to: State = State.STOPPED) -> int:
    """Let a detector stop an account."""
    key = await known.know(f"{name}@x.example", f"grant-{name}")
    async with PostgresCircuits(known.pool, window_sizes(known.settings)).transaction() as locked:
        account, circuit, counters = (await locked.load([key]))[key]
        verdict = Verdict(
            at=known.clock.now(),
            before=circuit.state,
            to=to,
            detector=detector,
            epoch=circuit.epoch + 1,
            why="12 of the last 200 sends hard-bounced.",
        )
        number = await locked.record_verdict(account, verdict, {})
        await locked.save(account, apply(circuit, verdict, number), counters)
    return key


async def act(known: Fleet, what: Act, selectors: Sequence[Selector] = EVERYBODY) -> dict[str, str]:
    """Carry out an act, and return the states of all accounts then, by the names of their mailboxes."""
    await known.operations.operator.carry_out(what, selectors)
    return {address.partition("@")[0]: state for address, state in (await known.states()).items()}


async def a_fleet(known: Fleet) -> None:
    """Stop accounts in every way that there is."""
    await stop(known, "cusum")
    await stop(known, "level", "level", State.LIMITED)
    await stop(known, "found", "platform")
    await known.know("healthy@x.example", "grant-healthy")
    await known.know("person@x.example", "grant-person")
    by_name = [Selector(Scope.ACCOUNT, "person@x.example")]
    await known.operations.operator.carry_out(Act(ActKind.TRIP, "a bought list", "eve"), by_name)


async def test_everything_that_breaker_stopped_or_limited_is_released_and_nothing_else(known: Fleet) -> None:
    await a_fleet(known)

    planned = await known.operations.operator.plan(reset(automatic=Automatic()), EVERYBODY)

    assert (planned.covered, planned.counts[Effect.CHANGED]) == (2, 2)
    assert await act(known, reset(automatic=Automatic())) == {
        "cusum": "sending",
        "level": "sending",
        "found": "stopped",
        "healthy": "sending",
        "person": "stopped",
    }


async def test_what_one_detector_stopped_since_a_moment_is_taken_back(known: Fleet) -> None:
    await stop(known, "before")
    known.clock.time += 3_600
    since = known.clock.now()
    await stop(known, "after")
    await stop(known, "other", "level")

    assert await act(known, reset(automatic=Automatic("cusum", since))) == {
        "before": "stopped",
        "after": "sending",
        "other": "stopped",
    }
    (entry, *_) = (await known.operations.trail.page()).items
    assert (entry.account, entry.author, entry.why) == ("grant-after", "ada", "Reset by a person: a bad roll-out")


async def test_a_stop_that_a_mode_was_set_for_and_a_verdict_held_beside_is_still_the_detectors(known: Fleet) -> None:
    key = await stop(known, "cusum", to=State.LIMITED)
    await known.suspend(key, State.STOPPED)
    by_name = [Selector(Scope.ACCOUNT, "cusum@x.example")]
    await known.operations.operator.carry_out(Act(ActKind.MODE, "watch", "eve"), by_name)

    assert await act(known, reset(automatic=Automatic("cusum"))) == {"cusum": "sending"}


async def test_they_are_let_go_one_after_the_other(known: Fleet) -> None:
    for number in range(3):
        await stop(known, f"a{number}")
    now = known.clock.now()

    await act(known, reset(automatic=Automatic("cusum"), pace=0.5))

    rows = await known.pool.fetch(
        "SELECT DISTINCT account, next_attempt_at FROM commands WHERE ended_at IS NULL ORDER BY account"
    )
    assert [row["next_attempt_at"] - now for row in rows] == [0.0, 2.0, 4.0]


async def test_a_false_stop_is_counted_and_says_so(known: Fleet) -> None:
    await stop(known, "wrong")
    await known.know("healthy@x.example", "grant-healthy")

    report = await known.operations.operator.carry_out(reset(false_stop=True), EVERYBODY)

    assert [(one.account, one.effect, one.detail) for one in report.listed] == [
        ("grant-wrong", Effect.CHANGED, "Reset by a person as a false stop: a bad roll-out"),
        ("grant-healthy", Effect.UNCHANGED, "It is sending: there is no stop to take back."),
    ]
    assert await known.operations.fleet.false_stops() == 1
    await act(known, reset())
    assert await known.operations.fleet.false_stops() == 1


async def test_a_false_stop_lengthens_no_later_cool_down(known: Fleet) -> None:
    stops = []
    for false_stop in (False, True, False):
        key = await stop(known, "agent")
        async with PostgresProbes(
            known.pool, window_sizes(known.settings), lambda: counting(known.settings)
        ).transaction() as probing:
            account, circuit, _ = (await probing.load([key]))[key]
            stops.append((await probing.held_for(account, circuit, 7 * 86_400.0)).stops)
        known.clock.time += 60
        await act(known, reset(false_stop=false_stop))
        known.clock.time += 60

    # The second stop comes after one that was right, the third after one that was not.
    assert stops == [1, 2, 1]
