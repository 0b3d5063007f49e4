"""What a replay counts and decides, on records by hand."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breaker.domain.backtest.account import Step
from breaker.domain.backtest.domains import Domains, Name
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.outcomes import NOTHING
from tests.backtest.records import BEGIN, HOUR, RULES, in_order, line, replayed, steady, steps

if TYPE_CHECKING:
    from breaker.domain.backtest.replay import Replay
    from breaker.domain.outcomes.outcomes import Tally

DAY = 24 * HOUR
REFUSED = "smtp; 550 5.7.26 this mail has failed authentication checks: DMARC"


def totals(made: Replay, account: str = "grant-a") -> Tally:
    [found] = [one for one in made.accounts if one.name == account]
    return found.counters.totals


def test_a_bought_list_is_stopped_and_the_account_beside_it_is_left_alone() -> None:
    made = replayed(in_order(steady("a", 300, 0.01) + steady("a", 100, 0.5, first=300), steady("b", 400, 0.01)))

    [a, b] = made.accounts
    assert [step.to for step in a.steps][-1] == State.STOPPED
    assert 300 < a.steps[-1].after_sends <= 330
    assert b.steps == []


def test_outcomes_go_on_after_a_stop_and_nothing_is_decided_any_more() -> None:
    lines = steady("a", 60, 0.0) + steady("a", 200, 0.6, first=60)
    made = replayed(lines)

    assert totals(made).sends == 260
    assert [to for _, _, to in steps(made)].count("stopped") == 1


def test_a_verdict_says_when_and_of_what() -> None:
    made = replayed(steady("a", 60, 0.0) + [line("bounced", f"bad-{n}", sent_at=BEGIN + 60 * 300) for n in range(9)])

    [account] = made.accounts
    stop = account.steps[-1]
    assert stop == Step(
        BEGIN + 60 * 300 + 5, stop.after_sends, Signal.BOUNCE, "cusum", State.STOPPED, stop.bad, stop.sends
    )
    assert stop.after_sends - 60 == stop.bad


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line("delivered", "m"), line("delivered", "m")], (1, 0, 0)),
        ([line("delivered", "m"), line("bounced", "m", received_at=BEGIN + HOUR)], (1, 1, 0)),
        ([line("bounced", "m"), line("delivered", "m")], (1, 1, 0)),
        ([line("bounced", "m", reason="full"), line("delivered", "m")], (1, 0, 0)),
        ([line("complaint", "m")], (1, 0, 1)),
        ([line("complaint", "m"), line("delivered", "m"), line("complaint", "m")], (1, 0, 1)),
        ([line("delivered", "m", to="x@simulator.example")], (0, 0, 0)),
        ([line("delivered", "m", sent_at=BEGIN - 91 * DAY, received_at=BEGIN)], (0, 0, 0)),
        ([line("delivered", "m", sent_at=BEGIN + 2 * DAY, received_at=BEGIN)], (0, 0, 0)),
        ([line("delivered", "m"), line("bounced", "m", sent_at=BEGIN + HOUR)], (1, 1, 0)),
        ([line("delivered", "m"), line("bounced", "m", sent_at=BEGIN + 2 * DAY)], (2, 1, 0)),
        ([line("delivered", "m"), line("delivered", "m", grant=False)], (1, 0, 0)),
        ([line("delivered", "m", grant=False), line("delivered", "m"), line("delivered", "n")], (2, 0, 0)),
        ([line("delivered", "m", sender=False), line("bounced", "n", grant=False), line("delivered", "o")], (3, 1, 0)),
    ],
)
def test_an_outcome_counts_as_in_the_ledger(lines: list[bytes], expected: tuple[int, int, int]) -> None:
    made = replayed(lines)

    counted = [one.counters.totals for one in made.accounts if one.kept.sends] or [NOTHING]
    assert [(one.sends, one.hard_bounces, one.complaints) for one in counted] == [expected]


def test_what_is_in_no_window_is_told() -> None:
    made = replayed(
        [
            line("delivered", "m"),
            line("delivered", "m"),
            line("delivered", "n", to="x@simulator.example"),
            line("delivered", "o", sent_at=BEGIN - 91 * DAY, received_at=BEGIN),
            line("delivered", "p", sent_at=BEGIN + 2 * DAY, received_at=BEGIN),
        ]
    )

    assert made.counted == 1
    assert made.outcomes == {"repeated": 1, "simulator": 1, "too_old": 1, "too_far_ahead": 1}


def test_the_platforms_line_is_held_against_a_thousand_known_sends_at_least() -> None:
    lines = [line("bounced" if n < 60 else "delivered", f"m{n}", sent_at=BEGIN + n) for n in range(1_000)]
    made = replayed(lines)

    [account] = made.accounts
    of_bounces, of_complaints = account.lines
    assert {size: one.after_sends for size, one in of_bounces.reached.items()} == {
        1_000: 1_000,
        3_000: 1_000,
        10_000: 1_000,
    }
    assert of_complaints.reached == {}


def test_complaints_are_held_against_a_full_window() -> None:
    lines = [line("delivered", f"m{n}", sent_at=BEGIN + n) for n in range(10_000)]
    early = [line("complaint", f"m{n}", sent_at=BEGIN + n) for n in range(9)]
    last = [line("complaint", "m9", sent_at=BEGIN + 9, received_at=BEGIN + 20_000)]

    [before] = replayed(lines[:9_999] + early + last).accounts
    [after] = replayed(lines + early + last).accounts

    assert before.lines[1].reached == {}
    assert [(size, one.after_sends) for size, one in after.lines[1].reached.items()] == [(10_000, 10_000)]


def test_where_what_led_to_the_line_began_is_found() -> None:
    made = replayed(steady("a", 2_000, 0.01) + steady("a", 1_000, 0.15, first=2_000))

    [account] = made.accounts
    beginning = account.lines[0].beginning
    assert beginning is not None
    assert abs(beginning.after_sends - 2_000) < 60


def test_several_accounts_that_are_refused_for_one_cause_stop_their_domain_and_not_each_other() -> None:
    good = [steady(name, 200, 0.0) for name in "abcde"]
    begin = BEGIN + 200 * 300
    refused = [
        line("bounced", f"{name}-r{n}", account=name, to=f"x@r{n % 7}.example", reason=REFUSED, sent_at=begin + n)
        for n in range(60)
        for name in "abcde"
    ]
    lines = in_order(*good) + refused

    stopped, warned = (replayed(lines, domains=Domains(can_block=can)) for can in (True, False))

    domain = Name("app-1", "agents.example")
    assert [one.to for one in stopped.domains.all[domain].verdicts] == [State.STOPPED]
    assert [step.to for one in stopped.accounts for step in one.steps].count(State.STOPPED) == 0
    assert all(one.domain_stopped for one in stopped.accounts)
    assert [one.to for one in warned.domains.all[domain].verdicts] == [State.WARNED]
    assert [step.to for one in warned.accounts for step in one.steps].count(State.STOPPED) == 5


def test_what_the_fleet_guard_would_have_held_is_a_figure_of_its_own() -> None:
    lines = in_order(*(steady(f"a{n}", 100, 0.0) + steady(f"a{n}", 60, 0.7, first=100) for n in range(9)))

    made = replayed(lines)

    assert sum(step.to is State.STOPPED for one in made.accounts for step in one.steps) == 9
    assert made.guard is not None
    assert made.guard.held == 6  # three of one sending domain are let through


def test_a_recipient_domain_that_sends_complaints_of_two_accounts_is_known_to_send_feedback() -> None:
    feedback = {"feedback.example"}
    rules = replace(RULES, feedback_domains=feedback)
    told = [
        line("complaint", f"c{n}", account=account, to=f"x{n}@loop.example", sent_at=BEGIN + n)
        for n, account in enumerate(("a", "a", "a", "b"))
    ]
    later = [line("delivered", f"d{n}", to=f"y{n}@loop.example", sent_at=BEGIN + 100 + n) for n in range(5)]

    made = replayed(told[:3] + later + told[3:], rules=rules, feedback=feedback)
    unknown = totals(made).feedback_delivered
    known = replayed([line("delivered", "e", to="z@loop.example")], rules=rules, feedback=feedback)

    assert feedback == {"feedback.example", "loop.example"}
    assert (unknown, totals(known).feedback_delivered) == (0, 1)


@settings(max_examples=12)
@given(st.integers(0, 1_000), st.integers(1, 40))
def test_how_the_lines_of_two_healthy_accounts_lie_between_each_other_changes_neithers_verdicts(
    seed: int, run: int
) -> None:
    source = Random(seed)
    one, other = steady("a", 400, 0.015, seed=seed), steady("b", 400, 0.03, seed=seed)
    shuffled: list[bytes] = []
    left = [list(one), list(other)]
    while any(left):
        chosen = source.choice([lines for lines in left if lines])
        cut = source.randint(1, run)
        shuffled += chosen[:cut]
        del chosen[:cut]

    apart, merged, mixed = replayed(one + other), replayed(in_order(one, other)), replayed(shuffled)

    assert [steps(made, "grant-a") for made in (merged, mixed)] == [steps(apart, "grant-a")] * 2
    assert [steps(made, "grant-b") for made in (merged, mixed)] == [steps(apart, "grant-b")] * 2
