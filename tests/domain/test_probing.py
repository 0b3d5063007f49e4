from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breaker.domain.circuits.circuit import Circuit, may_recover
from breaker.domain.circuits.states import Cause, State, Wanted
from breaker.domain.detectors.detectors import Signal
from breaker.domain.probes.probe import DAY, Hold, Phase, ProbeRules
from breaker.domain.probes.probing import Step
from breaker.domain.probes.trial import Trial
from breaker.domain.probes.words import outlook
from tests.domain.probed import BOUNCES, START, Probed, with_rules

HOUR = 3_600.0


def test_a_clean_account_cools_down_goes_through_rounds_and_is_let_go() -> None:
    account = Probed()
    account.cooled()
    assert account.now == START + 6 * HOUR

    for _ in range(4):
        account.round()
    account.look()

    steps = [step for step, _ in account.steps]
    assert steps == [Step.OPEN, Step.CLOSE] * 4 + [Step.ACCEPT]
    assert (account.state, account.probe, account.circuit.wanted) == (State.SENDING, None, Wanted.SENDING)
    assert account.circuit.epoch == 1 + 9
    assert account.whys[0] == (
        "The cool-down of 6 h is over. Round 1 is opened: it may send until 10 sends are known. "
        "A healthy account needs some 65 more, 3.25 days at its pace of 20 a day."
    )
    assert account.whys[1] == "Round 1 is closed: 10 sends known, 0 of them hard-bounced; 10 were permitted."
    assert account.whys[2].startswith(
        "Round 1 had 10 sends. So far 0 of 10 sends hard-bounced, which does not decide it."
    )
    assert account.whys[-1].startswith("The probe is accepted: 0 of 40 sends hard-bounced")


def test_one_that_is_still_bad_is_stopped_within_the_round_and_cools_down_for_twice_as_long() -> None:
    account = Probed()
    account.cooled()
    account.round(sends=8, bad=4)

    assert [step for step, _ in account.steps] == [Step.OPEN, Step.FAIL]
    assert (account.state, account.circuit.wanted) == (State.STOPPED, Wanted.STOPPED)
    assert account.whys[-1] == (
        "The probe failed: 4 of 8 sends hard-bounced, which 10 % explain far better than 2 %. "
        "It is stopped; the cool-down is 12 h now."
    )
    assert account.probe is not None
    assert (account.probe.phase, account.probe.next_at) == (Phase.COOLING, account.now + 12 * HOUR)


def test_after_three_failed_probes_a_person_is_asked() -> None:
    account = Probed()
    for _ in range(3):
        account.obey()
        account.cooled()
        account.round(sends=8, bad=5)

    assert account.probe is not None
    assert (account.probe.phase, account.probe.next_at) == (Phase.ASKING, None)
    assert account.probe.asks == "3 probes failed: is the cause removed?"
    account.later(100 * DAY)
    assert account.look().step is Step.WAIT


def test_what_stays_undecided_has_failed_at_the_cut() -> None:
    account = with_rules(trial=Trial(most_sends=30))
    account.cooled()
    for bad in (1, 1, 0):
        account.round(bad=bad)
    account.look()

    assert [step for step, _ in account.steps][-1] is Step.FAIL
    assert account.whys[-1].startswith("The probe is undecided after as many sends as it may have: 2 of 30 sends")


@pytest.mark.parametrize(
    ("hold", "asks"),
    [
        (replace(BOUNCES, stops=2), "it was stopped 2 times within 7 days: is the cause removed?"),
        (replace(BOUNCES, signal=Signal.COMPLAINT), "complaints are too rare for a probe to test them"),
        (replace(BOUNCES, author="ada", signal=None), "ada stopped it: may it be probed?"),
        (replace(BOUNCES, detector="platform", signal=None), "it was not stopped by what was counted"),
    ],
)
def test_a_person_is_asked_after_a_second_stop_and_complaints_and_other_people_s_stops(hold: Hold, asks: str) -> None:
    account = Probed(hold=hold)
    account.look()
    account.later(30 * DAY)

    assert account.look().step is Step.WAIT
    assert account.probe is not None
    assert (account.probe.asks or "").startswith(asks)

    account.act(Cause.PROBED_BY_PERSON)
    account.look()
    account.obey()
    account.look()
    account.round()
    assert [step for step, _ in account.steps] == [Step.OPEN, Step.CLOSE]


def test_a_quota_is_told_with_each_round_and_with_what_it_means_for_the_days_it_takes() -> None:
    rules = ProbeRules(quota=5)
    account = Probed(rules=rules)
    account.cooled()
    account.look()

    bound = (
        "The platform is asked to let it send 5 messages a day at most meanwhile: up to 250 sends, as a message may "
        "have 50 recipients, and anew from 00:00 UTC."
    )
    opened = "Round 1 is opened: it may send until 10 sends are known."
    needs = "A healthy account needs some 65 more, 13 days at the quota's 5 a day."
    assert account.whys == [f"The cool-down of 6 h is over. {opened} {needs} {bound}"]
    assert account.probe is not None
    shown = outlook(account.probe, rules)
    assert shown.still_needed_days == 13.0
    assert shown.says == f"Round 1 is opened, as soon as the platform was read back. {bound}"


def test_a_probe_that_a_person_asked_for_asks_again_where_it_fails() -> None:
    account = Probed()
    account.look()
    account.act(Cause.PROBED_BY_PERSON)
    account.look()
    account.obey()
    account.look()
    account.round(sends=8, bad=5)

    assert account.probe is not None
    assert account.probe.asks == "the probe that a person asked for failed: is the cause removed?"


def test_an_account_that_never_sends_is_stopped_again_and_a_person_is_asked() -> None:
    account = Probed()
    account.cooled()
    account.look()
    account.obey()
    account.look()
    account.later(7 * DAY - 1)
    assert account.look().step is Step.WAIT
    account.later(1)

    assert account.look().step is Step.FAIL
    assert account.probe is not None
    assert account.probe.asks == "it sent nothing for 7 days though it could: is it still in use?"
    assert account.probe.failures == 0


def test_a_round_that_the_platform_never_begins_is_given_up() -> None:
    account = Probed()
    account.cooled()
    account.look()
    account.later(HOUR)

    assert account.look().step is Step.FAIL
    assert (account.state, account.circuit.wanted) == (State.STOPPED, Wanted.STOPPED)


def test_sends_that_lay_in_the_queue_are_told_and_are_no_evidence() -> None:
    account = Probed()
    account.cooled()
    account.look()
    account.obey()
    account.look()
    account.later(60.0)
    for _ in range(13):
        account.send()
    account.look()
    account.obey()
    account.look()
    account.sends += [(account.now + 60.0, True), (account.now + 91.0, True)]
    account.later(900.0)
    account.look()

    assert account.whys[-1].startswith("Round 1 had 14 sends, 4 more than meant. So far 0 of 13 sends hard-bounced")


def test_late_bounces_of_a_round_are_waited_for() -> None:
    account = Probed()
    account.cooled()
    for _ in range(3):
        account.round()
    assert account.look().step is Step.OPEN
    account.obey()
    account.look()
    for _ in range(10):
        account.later(60.0)
        account.send()
    account.look()
    account.obey()
    account.look()
    account.later(600.0)
    account.sends[-4:] = [(at, True) for at, _ in account.sends[-4:]]
    account.later(300.0)

    assert account.look().step is Step.OPEN  # 4 of 40: neither
    assert account.whys[-1].startswith("Round 4 had 10 sends. So far 4 of 40 sends hard-bounced")


def test_what_nobody_watched_is_closed_before_anything_else() -> None:
    account = Probed()
    account.cooled()
    account.look()
    account.obey()
    account.look()
    for _ in range(3):
        account.send()

    assert account.look(unattended=True).step is Step.CLOSE
    assert account.circuit.wanted is Wanted.STOPPED
    assert account.whys[-1] == (
        "Nobody watched it for a while. Round 1 is closed: 3 sends known, 0 of them hard-bounced; 10 were permitted."
    )
    account.obey()
    account.look()
    account.later(900.0)
    assert account.look().step is Step.OPEN
    assert account.probe is not None
    assert (account.probe.round, account.probe.all_sends) == (2, 3)


def test_a_probe_that_is_not_remembered_is_closed_too() -> None:
    account = Probed(Circuit(State.PROBING, START, 5, permitted=Wanted.SENDING), confirmed=Wanted.SENDING)

    assert account.look().step is Step.CLOSE


def test_nothing_is_done_by_itself_while_something_forbids_it_and_an_open_round_is_closed() -> None:
    account = Probed()
    account.hindrance = "It is only observed."
    account.look()
    account.later(DAY)
    assert account.look().step is Step.WAIT
    account.hindrance = None
    assert account.look().step is Step.OPEN
    account.obey()
    account.look()

    account.hindrance = "It is only observed."

    assert account.look().step is Step.CLOSE
    account.obey()
    account.look()
    account.later(DAY)
    assert account.look().step is Step.WAIT
    account.hindrance = None
    assert account.look().step is Step.OPEN


def test_between_rounds_replies_pass_where_that_can_be_done_and_else_nothing_does() -> None:
    account = Probed(between=Wanted.LIMITED)
    account.cooled()
    account.look()
    account.obey()
    account.look()
    account.later(60.0)
    for _ in range(10):
        account.send()
    first = account.look()
    account.later(60.0)

    second = account.look()  # nobody saw the platform obey

    assert [(one.step, one.wanted) for one in (first, second)] == [
        (Step.CLOSE, Wanted.LIMITED),
        (Step.CLOSE, Wanted.STOPPED),
    ]


def test_a_limited_account_cools_down_and_is_probed_too() -> None:
    account = Probed(
        Circuit(State.LIMITED, START, 1), confirmed=Wanted.LIMITED, does=Wanted.LIMITED, between=Wanted.LIMITED
    )
    account.cooled()
    for _ in range(4):
        account.round()
    account.look()

    assert account.state is State.SENDING


def test_a_stop_that_was_never_confirmed_is_not_lifted() -> None:
    account = Probed(confirmed=None)
    account.look()
    account.later(30 * DAY)

    assert account.look().step is Step.WAIT


def test_a_detector_s_stop_while_probing_is_a_failed_probe() -> None:
    account = Probed()
    account.cooled()
    account.look()
    account.obey()
    account.look()
    account.suspect()
    account.look()

    assert account.probe is not None
    assert (account.probe.phase, account.probe.failures) == (Phase.COOLING, 1)
    assert account.probe.next_at == account.now + 12 * HOUR


def test_an_account_approved_after_complaints_is_limited_then_watched_for_a_week_each() -> None:
    account = Probed(hold=replace(BOUNCES, signal=Signal.COMPLAINT))
    account.look()
    account.act(Cause.APPROVED)
    account.obey()
    account.cooled()
    assert (account.state, account.now) == (State.LIMITED, START + 7 * DAY)

    assert account.look().step is Step.EASE

    assert (account.state, account.circuit.wanted, account.probe) == (State.WARNED, Wanted.SENDING, None)
    assert not may_recover(account.circuit, account.now + 7 * DAY - 1)
    assert may_recover(account.circuit, account.now + 7 * DAY)


def test_cool_downs_double_up_to_a_week_and_chance_only_lengthens_them() -> None:
    rules = ProbeRules()

    assert [rules.cool_down_after(strikes) / HOUR for strikes in range(8)] == [6, 6, 12, 24, 48, 96, 168, 168]
    account = Probed(jitter=1.0)
    account.cooled()
    assert account.now == pytest.approx(START + 6 * HOUR * 1.1)


def test_people_read_how_far_it_is() -> None:
    account = Probed()
    account.cooled()
    for _ in range(2):
        account.round(bad=0)
    account.look()
    assert account.probe is not None

    seen = outlook(account.probe, account.rules)

    assert (seen.phase, seen.round, seen.sends, seen.bad, seen.overshoot) == (Phase.OPENING, 3, 20, 0, 0)
    assert (seen.still_needed_sends, seen.still_needed_days) == (33, 1.65)
    assert seen.says == "Round 3 is opened, as soon as the platform was read back."


LOOKS = ("look", "look", "look", "unattended")
ELSE = ("obey", "send", "send bad", "later", "hour", "day", "hinder", "allow", "suspect", "probe", "reset")


def happen(account: Probed, move: str) -> None:
    """Let something happen beside the prober."""
    match move:
        case "obey":
            account.obey()
        case "send" | "send bad":
            account.send(bad=move == "send bad")
        case "later" | "hour" | "day":
            account.later({"later": 300.0, "hour": HOUR, "day": DAY}[move])
        case "hinder" | "allow":
            account.hindrance = "It is only observed." if move == "hinder" else None
        case "suspect" if account.state in {State.PROBING, State.SENDING}:
            account.suspect()
        case "probe" if account.state is State.STOPPED:
            account.act(Cause.PROBED_BY_PERSON)
        case "reset" if account.state is not State.SENDING:
            account.act(Cause.RESET)


@settings(max_examples=100)
@given(st.lists(st.sampled_from(LOOKS + ELSE), max_size=120), st.floats(0, 1))
def test_whatever_happens_no_round_opens_early_or_unseen_or_beside_another(moves: list[str], jitter: float) -> None:
    account = Probed(jitter=jitter)
    held_since = START
    for move in moves:
        before = account.circuit
        was_open = before.state is State.PROBING and before.wanted is Wanted.SENDING
        if move in LOOKS:
            decided = account.look(unattended=move == "unattended")
            opens = decided.step is Step.OPEN
            assert not (opens and (was_open or account.hindrance))
            assert not opens or before.state is State.PROBING or account.now >= held_since + 6 * HOUR
            is_open = account.state is State.PROBING and account.circuit.wanted is Wanted.SENDING
            assert not (was_open and is_open and (move == "unattended" or account.hindrance))
            assert account.state is not State.SENDING or account.probe is None
        else:
            happen(account, move)
        if account.state is State.STOPPED and before.state is not State.STOPPED:
            held_since = account.now
        assert account.circuit.epoch >= before.epoch


@pytest.mark.parametrize(("rate", "most", "least"), [(0.10, 0.05, 0.0), (0.02, 1.0, 0.93)])
def test_of_bad_accounts_few_come_back_and_of_healthy_ones_nearly_all(rate: float, most: float, least: float) -> None:
    random = Random(11)
    runs = 200
    came_back = 0
    for _ in range(runs):
        account = Probed()
        account.cooled()
        while account.state is not State.SENDING and (account.probe is None or account.probe.failures == 0):
            if account.probe is not None and account.probe.phase is Phase.OPEN:
                account.later(60.0)
                account.send(bad=random.random() < rate)
            elif account.probe is not None and account.probe.next_at:
                account.now = max(account.now, account.probe.next_at)
            account.look()
            account.obey()
        came_back += account.state is State.SENDING

    exact = account.rules.trial.expect(rate).accepted
    assert least <= exact <= most
    assert came_back / runs == pytest.approx(exact, abs=0.05)
