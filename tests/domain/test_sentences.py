"""What a verdict says to a person."""

from __future__ import annotations

from breaker.domain.circuits.circuit import Circuit, judge
from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import Signal, Suspicion
from breaker.domain.windows.counters import Counters, WindowSizes


def test_a_run_of_bad_sends_is_told_as_a_run_and_not_as_a_rate_that_was_reached() -> None:
    suspicion = Suspicion("cusum", Signal.BOUNCE, State.STOPPED, None, 7, 13, 7 / 13)

    verdict = judge(Circuit(), suspicion, Counters(WindowSizes()), 1000.0, None)

    assert verdict is not None
    assert verdict.why == (
        "7 of 13 neighbouring sends hard-bounced (53.8 %); so many so close together are no chance; the platform's "
        "review line is 5 %. The account is stopped."
    )
