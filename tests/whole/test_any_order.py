"""Everything in any order.

`python -m tests.whole` goes on for as long as it is told to, and makes what fails as short as it can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.whole.machine import played_on

if TYPE_CHECKING:
    from tests.whole.stage import Stage

EXAMPLES, STEPS = 40, 25
"""A quarter of a second each, on a processor that nobody else uses."""


@pytest.mark.timeout(400)
def test_once_faults_end_the_platform_does_what_is_wanted_and_nobody_was_let_go_in_between(stage: Stage) -> None:
    run_state_machine_as_test(
        played_on(stage),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
