from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker.domain.probes.trial import Trial
from breaker.domain.statistics.sprt import Decision, Sprt

TRIAL = Trial()
RUNS = 4_000


def run(trial: Trial, rate: float, random: Random) -> tuple[int, bool]:
    """Return how many sends it took by chance, and whether it ended well."""
    bad = sends = 0
    while True:
        for _ in range(trial.round_after(sends)):
            sends += 1
            bad += random.random() < rate
            if trial.decide(bad, sends, complete=False) is Decision.BAD:
                return sends, False
        said = trial.decide(bad, sends, complete=True)
        if said is not Decision.UNDECIDED:
            return sends, said is Decision.HEALTHY


def test_a_bad_account_passes_seldom_and_a_healthy_one_fails_seldom() -> None:
    healthy, bad = TRIAL.expect(0.02), TRIAL.expect(0.10)

    assert bad.accepted < TRIAL.sprt.beta
    assert healthy.failed < TRIAL.sprt.alpha
    assert [round(one, 4) for one in healthy] == [64.2559, 0.9584, 0.0058, 0.0358]
    assert [round(one, 4) for one in bad] == [56.4958, 0.0315, 0.9305, 0.038]


def test_without_rounds_and_cut_it_is_walds_test() -> None:
    endless = Trial(Sprt(0.02, 0.10, 0.01, 0.05), round_sends=1, most_sends=2_000)

    for rate in (0.02, 0.10):
        exact = endless.sprt.size_at(rate)
        expected = endless.expect(rate)
        assert expected.sends == pytest.approx(exact.sends, abs=1e-6)
        assert expected.failed == pytest.approx(exact.bad, abs=1e-8)


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.10])
def test_what_is_expected_is_what_chance_does(rate: float) -> None:
    random = Random(7)
    expected = TRIAL.expect(rate)

    runs = [run(TRIAL, rate, random) for _ in range(RUNS)]

    assert sum(sends for sends, _ in runs) / RUNS == pytest.approx(expected.sends, rel=0.04)
    assert sum(well for _, well in runs) / RUNS == pytest.approx(expected.accepted, abs=0.025)


@given(st.integers(0, 20), st.integers(0, 160))
def test_probabilities_add_up_wherever_it_stands(bad: int, sends: int) -> None:
    expected = TRIAL.expect(0.02, min(bad, sends), sends)

    assert expected.accepted + expected.failed + expected.cut == pytest.approx(1.0)
    assert 0 <= expected.sends <= max(0, TRIAL.most_sends - sends)


@given(st.integers(0, 30), st.integers(0, 200))
def test_nothing_is_accepted_before_a_round_is_over_and_nothing_is_undecided_at_the_cut(bad: int, sends: int) -> None:
    bad = min(bad, sends)

    assert TRIAL.decide(bad, sends, complete=False) is not Decision.HEALTHY
    if sends >= TRIAL.most_sends:
        assert TRIAL.decide(bad, sends, complete=True) is not Decision.UNDECIDED
