from __future__ import annotations

from breaker.domain.backtest.others import chosen
from breaker.domain.backtest.presets import PRESETS
from breaker.domain.backtest.quality import Quality, breaker, other, quality
from breaker.domain.circuits.states import State
from tests.backtest.records import BEGIN, SIZES, in_order, replayed, steady

HOUR = 3_600
EVERY = 300


def test_precision_recall_and_detection_time_by_a_truth() -> None:
    bad = steady("bad", 400, 0.0) + steady("bad", 100, 0.5, first=400)
    unnoticed = steady("unnoticed", 400, 0.0)
    lucky = steady("lucky", 100, 0.6, seed=3) + steady("lucky", 300, 0.0, first=100)
    turned = BEGIN + 400 * EVERY
    made = replayed(
        in_order(bad, unnoticed, lucky, steady("fine", 400, 0.005)),
        turns_bad_at={"grant-bad": turned, "grant-unnoticed": turned - 10 * EVERY},
    )

    found = quality(made.accounts, breaker(State.STOPPED), SIZES.bounce, truth=True)

    [stop] = [step for one in made.accounts if one.name == "grant-bad" for step in one.steps if step.to == "stopped"]
    assert found == Quality(
        stopped=2,
        right=1,
        bad=2,
        precision=0.5,
        recall=0.5,
        median_delay_sends=stop.after_sends - 400,
        median_delay_hours=(stop.at - turned) / HOUR,
        before_the_line=dict.fromkeys(SIZES.bounce),
        median_reset_hours=None,
    )


def test_who_was_stopped_before_it_was_bad_was_stopped_falsely() -> None:
    made = replayed(steady("a", 100, 0.6), turns_bad_at={"a@agents.example": BEGIN + 90 * EVERY})

    found = quality(made.accounts, breaker(State.STOPPED), SIZES.bounce, truth=True)

    assert (found.stopped, found.right, found.bad, found.precision, found.recall) == (1, 0, 1, 0.0, None)


def test_without_a_truth_those_are_bad_that_reach_the_platforms_line() -> None:
    reaches = steady("a", 1_000, 0.01) + steady("a", 900, 0.15, first=1_000)
    does_not = steady("b", 300, 0.0) + steady("b", 60, 0.6, first=300)
    made = replayed(in_order(reaches, does_not))

    found = quality(made.accounts, breaker(State.STOPPED), SIZES.bounce, truth=False)

    assert (found.stopped, found.right, found.bad, found.precision, found.recall) == (2, 1, 1, 0.5, 1.0)
    assert found.median_delay_sends is not None
    assert found.median_delay_sends < 150
    assert set(found.before_the_line.values()) == {1.0}


def test_the_reset_time_is_counted_from_when_the_rate_is_below_the_line_again() -> None:
    lines = steady("a", 1_200, 0.12) + steady("a", 4_000, 0.0, first=1_200)
    made = replayed(lines, presets=chosen(["level-4-percent", "inbound"], PRESETS))

    own = quality(made.accounts, breaker(State.STOPPED), SIZES.bounce, truth=False)
    level = quality(made.accounts, other("level-4-percent"), SIZES.bounce, truth=False)

    [account] = made.accounts
    below = account.lines[0].below_since
    assert below is not None
    assert level.median_reset_hours == (account.others.watches[1].held_at - below) / HOUR if account.others else None
    assert own.median_reset_hours == (account.asked[State.STOPPED] - below) / HOUR


def test_a_rule_that_never_acts_is_neither_right_nor_wrong() -> None:
    made = replayed(steady("a", 50, 0.0), presets=chosen(["posthog"], PRESETS))

    assert quality(made.accounts, other("posthog"), (1_000,), truth=False) == Quality(before_the_line={1_000: None})
