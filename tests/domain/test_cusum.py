from __future__ import annotations

from itertools import accumulate
from random import Random

import pytest

from breaker.domain.counters import Counters, WindowSizes
from breaker.domain.cusum import Cusum, Step, between, read, weight
from breaker.domain.detectors import Signal, Suspicion
from breaker.domain.outcomes import NOTHING, Counting, OutcomeSet
from breaker.domain.states import State

GOOD = Counting().tally(OutcomeSet.DELIVERED)
BOUNCED = Counting().tally(OutcomeSet.UNKNOWN_RECIPIENT)
COMPLAINED = Counting().tally(OutcomeSet.COMPLAINT)
TURNED_OUT_BAD = Counting().change(OutcomeSet.DELIVERED, OutcomeSet.DELIVERED | OutcomeSet.UNKNOWN_RECIPIENT)
COMPLAINED_LATER = Counting().change(OutcomeSet.DELIVERED, OutcomeSet.DELIVERED | OutcomeSet.COMPLAINT)
GAVE_WAY = Counting().change(OutcomeSet.MAILBOX_FULL, OutcomeSet.MAILBOX_FULL | OutcomeSet.DELIVERED)

BOUNCES = between(Signal.BOUNCE, 0.03, 0.10, (Step(State.WARNED, 68), Step(State.STOPPED, 102)))
COMPLAINTS = between(
    Signal.COMPLAINT, 0.0005, 0.002, (Step(State.LIMITED, 2772), Step(State.STOPPED, 3234, 3, minimum_domains=2))
)


def suspicion(cusum: Cusum, evidence: int) -> Suspicion | None:
    counters = Counters(WindowSizes())
    counters.evidence[cusum.memory] = evidence
    return cusum.suspect(counters)


def complained_at(*domains: str) -> int:
    evidence = 0
    for domain in domains:
        evidence = COMPLAINTS.observe(evidence, COMPLAINED, domain)
    return evidence


@pytest.mark.parametrize(
    ("p0", "p1", "m"),
    [(0.03, 0.10, 17), (0.0005, 0.002, 924), (0.01, 0.05, 40), (0.02, 0.05, 30), (0.0005, 0.001, 1386)],
)
def test_a_bad_outcome_weighs_what_the_two_rates_make_it_weigh(p0: float, p1: float, m: int) -> None:
    assert weight(p0, p1) == m


def test_the_score_falls_by_one_for_a_good_send_rises_by_sixteen_for_a_bad_one_and_never_falls_below_zero() -> None:
    outcomes = [GOOD, BOUNCED, GOOD, GOOD, BOUNCED, *[GOOD] * 40, BOUNCED]

    scores = [read(one)[0] for one in accumulate(outcomes, lambda s, o: BOUNCES.observe(s, o, ""), initial=0)]

    assert scores == [0, 0, 16, 15, 14, 30, *range(29, -1, -1), *[0] * 10, 16]


def test_the_seventh_bounce_in_a_row_stops_and_the_fifth_warns() -> None:
    evidence = 0
    steps = []
    for _ in range(7):
        evidence = BOUNCES.observe(evidence, BOUNCED, "example.com")
        found = suspicion(BOUNCES, evidence)
        steps.append(found and found.step)

    assert steps == [None, None, None, None, State.WARNED, State.WARNED, State.STOPPED]


def test_a_suspicion_tells_the_bad_ones_and_the_sends_since_the_score_was_zero() -> None:
    evidence = 0
    for outcome in [GOOD, GOOD, BOUNCED, BOUNCED, *[GOOD] * 10, *[BOUNCED] * 6]:
        evidence = BOUNCES.observe(evidence, outcome, "example.com")

    assert suspicion(BOUNCES, evidence) == Suspicion("cusum", Signal.BOUNCE, State.STOPPED, None, 8, 18, 8 / 18)


def test_what_counts_nothing_changes_nothing() -> None:
    evidence = BOUNCES.observe(0, BOUNCED, "example.com")

    assert [BOUNCES.observe(evidence, one, "") for one in (NOTHING, GAVE_WAY, COMPLAINED_LATER)] == [evidence] * 3


def test_a_send_that_turns_out_bad_leaves_what_it_would_have_left_at_once() -> None:
    at_once = late = BOUNCES.observe(0, BOUNCED, "example.com")
    for outcome in (BOUNCED, GOOD, GOOD):
        at_once = BOUNCES.observe(at_once, outcome, "example.com")
    for outcome in (GOOD, GOOD, GOOD, TURNED_OUT_BAD):
        late = BOUNCES.observe(late, outcome, "example.com")

    assert read(late) == read(at_once)


def test_late_bounces_of_sends_that_the_floor_forgot_make_no_rate_above_all() -> None:
    evidence = 0
    for _ in range(9):
        evidence = BOUNCES.observe(evidence, TURNED_OUT_BAD, "example.com")

    assert suspicion(BOUNCES, evidence) == Suspicion("cusum", Signal.BOUNCE, State.STOPPED, None, 9, 9, 7 / 9)


def test_any_number_of_outcomes_keeps_the_evidence_in_63_bits() -> None:
    random = Random(4)
    evidence = 0
    for _ in range(20_000):
        evidence = COMPLAINTS.observe(evidence, COMPLAINED, f"{random.random()}.example.com")

    assert 0 < evidence < 2**63


def test_four_complaints_limit_and_only_those_of_two_recipient_domains_stop() -> None:
    one_domain = complained_at(*["example.com"] * 4)
    two_domains = complained_at(*["example.com"] * 3, "example.net")
    three_complaints = complained_at("example.com", "example.net", "example.org")

    found = [suspicion(COMPLAINTS, one) for one in (three_complaints, one_domain, two_domains)]

    assert [one and (one.step, one.count, one.of) for one in found] == [
        None,
        (State.LIMITED, 4, 4),
        (State.STOPPED, 4, 4),
    ]
