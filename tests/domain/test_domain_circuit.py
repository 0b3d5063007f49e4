from __future__ import annotations

import random
from dataclasses import replace

import pytest

from breaker.domain.circuits.circuit import PENDING_LASTS, Circuit, HeldBy, Pending, Verdict, apply
from breaker.domain.circuits.domain_circuit import (
    CONFIRMED_WITHIN,
    DomainCircuit,
    DomainLimits,
    Failure,
    Interval,
    Refusal,
    SharedRefusals,
    decide,
    failure,
    refusals_needed,
    shared_refusals,
)
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.causes import Bad, TextClass
from breaker.domain.outcomes.outcomes import BounceClass
from breaker.domain.statistics.beta import at_least

NOW = 1_790_000_000.0
LIMITS = DomainLimits()
DKIM = "smtp; 550 5.7.26 This mail has been blocked because the sender is unauthenticated"
LISTED = "smtp; 554 5.7.1 blocked using zen.spamhaus.org"


def refused(account: int, at: str, text: str = DKIM, status: str = "5.7.26", sent_at: int = 100) -> Refusal:
    return Refusal(account, sent_at, Bad(BounceClass.POLICY, status, text, at, "agents.example"))


def three_accounts(text: str = DKIM, status: str = "5.7.26") -> list[Refusal]:
    return [refused(account, f"{account % 2}.example", text, status, 100 + account) for account in (1, 2, 3)]


def found(count: int = 5, sends: int = 20) -> Failure:
    shared = SharedRefusals(TextClass.AUTHENTICATION, "5.7.26", count, 3, 2, 100, DKIM)
    return Failure(shared, sends, 3, 1e-6)


def test_several_accounts_refused_for_one_cause_share_it() -> None:
    assert shared_refusals(three_accounts(), LIMITS) == [
        SharedRefusals(TextClass.AUTHENTICATION, "5.7.26", 3, 3, 2, 101, DKIM)
    ]


def test_each_cause_is_looked_at_by_itself_and_others_not_at_all() -> None:
    mixed = [
        *three_accounts(),
        *three_accounts(LISTED, "5.7.1"),
        refused(4, "4.example", LISTED, "5.7.1"),
        *three_accounts("smtp; 554 5.7.9 Message not accepted for policy reasons.", "5.7.9"),
        *three_accounts("smtp; 550 5.7.1 detected as spam", "5.7.1"),
    ]

    assert [(one.cause, one.count) for one in shared_refusals(mixed, LIMITS)] == [
        (TextClass.BLOCKLIST, 4),
        (TextClass.AUTHENTICATION, 3),
    ]


def test_one_account_is_no_domain() -> None:
    assert shared_refusals([refused(1, f"{number}.example") for number in range(40)], LIMITS) == []


def test_one_recipient_domain_is_believed_of_authentication_and_a_fifth_of_all_mail_only() -> None:
    [shared] = shared_refusals([refused(account, "gmail.com") for account in range(4)], LIMITS)

    assert failure(shared, 20, 80, LIMITS) is not None
    assert failure(shared, 21, 80, LIMITS) is None
    assert shared_refusals([refused(account, "gmail.com", LISTED, "5.7.1") for account in range(40)], LIMITS) == []


def test_two_accounts_are_enough_where_the_domain_has_no_more() -> None:
    [shared] = shared_refusals([refused(account, f"{account}.example") for account in (1, 1, 1, 2)], LIMITS)

    assert failure(shared, 10, 2, LIMITS) is not None
    assert failure(shared, 10, 3, LIMITS) is None


def test_two_refusals_are_no_pattern() -> None:
    assert shared_refusals(three_accounts()[:2], LIMITS) == []


def test_what_chance_explains_is_no_failure() -> None:
    [shared] = shared_refusals(three_accounts(), LIMITS)

    assert failure(shared, 20, 80, LIMITS) == Failure(shared, 20, 3, 1e-6)
    assert failure(shared, 2_000, 80, LIMITS) is None


def test_sends_that_are_not_known_yet_are_those_refused_at_least() -> None:
    [shared] = shared_refusals(three_accounts(), LIMITS)

    assert failure(shared, 0, 80, LIMITS) == Failure(shared, 3, 2, 1e-6)


@pytest.mark.parametrize(("sends", "expected"), [(100, 6), (1_000, 13), (10_000, 46)])
def test_the_refusals_needed_are_the_fewest_that_chance_does_not_explain(sends: int, expected: int) -> None:
    needed = refusals_needed(sends, 0.002, 1e-6)

    assert needed == expected
    assert at_least(needed, sends, 0.002) <= 1e-6 < at_least(needed - 1, sends, 0.002)


def test_the_tail_is_what_healthy_hours_show() -> None:
    source = random.Random(7)
    hours = [sum(source.random() < 0.002 for _ in range(1_000)) for _ in range(3_000)]
    alarms = sum(refusals >= refusals_needed(1_000, 0.002, 0.01) for refusals in hours)

    assert 3_000 * at_least(refusals_needed(1_000, 0.002, 0.01), 1_000, 0.002) == pytest.approx(alarms, abs=12)


def test_a_failure_stops_the_domain_and_quotes_the_servers() -> None:
    verdict = decide("agents.example", Circuit(epoch=2), found(), NOW, held_by=None, can_block=True)

    assert verdict == Verdict(
        at=NOW,
        before=State.SENDING,
        to=State.STOPPED,
        detector="domain",
        epoch=3,
        why=(
            "5 of 20 sends of agents.example within the hour were refused for failed authentication by SPF, DKIM or "
            "DMARC (5.7.26), of 3 accounts and at 2 recipient domains; a healthy domain has 3 or more less often than "
            f'once in 1,000,000 looks. Most servers said: "{DKIM}". '
            "The domain is stopped: none of its accounts can send."
        ),
        signal=Signal.BOUNCE,
        count=5,
        of=20,
        rate=0.25,
        threshold=0.15,
        cause="authentication 5.7.26",
    )


def test_a_domain_that_cannot_be_blocked_is_warned_once_a_day() -> None:
    verdict = decide("agents.example", Circuit(), found(), NOW, held_by=None, can_block=False)
    assert verdict is not None
    warned = apply(Circuit(), verdict, 1)

    assert (warned, verdict.epoch) == (Circuit(State.WARNED, NOW, 0, None), 0)
    assert "breaker setup" in verdict.why
    assert decide("agents.example", warned, found(), NOW + 60, held_by=None, can_block=False) is None
    again = decide("agents.example", warned, found(), NOW + PENDING_LASTS, held_by=None, can_block=False)
    assert again is not None
    assert (again.before, again.to) == (State.WARNED, State.WARNED)
    stop = decide("agents.example", warned, found(), NOW + 60, held_by=None, can_block=True)
    assert stop is not None
    assert stop.to is State.STOPPED


def test_a_held_verdict_stands_as_pending_and_is_not_repeated_within_a_day() -> None:
    verdict = decide("agents.example", Circuit(epoch=2), found(), NOW, held_by=HeldBy.OBSERVE, can_block=True)
    assert verdict is not None
    pending = apply(Circuit(epoch=2), verdict, 9)

    assert pending == Circuit(epoch=2, pending=Pending(9, State.STOPPED, NOW, HeldBy.OBSERVE))
    assert decide("agents.example", pending, found(), NOW + 60, held_by=HeldBy.OBSERVE, can_block=True) is None
    assert (
        decide("agents.example", pending, found(), NOW + PENDING_LASTS, held_by=HeldBy.OBSERVE, can_block=True)
        is not None
    )
    assert decide("agents.example", pending, found(), NOW + 60, held_by=None, can_block=True) is not None


def test_a_stopped_domain_is_not_stopped_again() -> None:
    assert (
        decide("agents.example", Circuit(State.STOPPED, NOW, 3, None), found(), NOW + 60, held_by=None, can_block=True)
        is None
    )


def test_an_interval_goes_from_the_first_failing_send_to_the_reset() -> None:
    assert [Interval(100, 200).covers(at) for at in (99, 100, 199, 200)] == [False, True, True, False]
    assert Interval(100, None).covers(10_000)


def test_refusals_are_left_out_only_while_the_stop_is_shown_or_just_on_its_way() -> None:
    closed, open_ = Interval(10, 20), Interval(100, None)
    stopped = DomainCircuit(Circuit(State.STOPPED, NOW, 1, None), intervals=(closed, open_))
    unconfirmed = replace(stopped, confirmed=False)
    warned = replace(stopped, circuit=Circuit(State.WARNED, NOW, 1, None))

    assert stopped.left_out(NOW + 9_999) == (closed, open_)
    assert unconfirmed.left_out(NOW + CONFIRMED_WITHIN - 1) == (closed, open_)
    assert unconfirmed.left_out(NOW + CONFIRMED_WITHIN) == (closed,)
    assert warned.left_out(NOW) == (closed,)
