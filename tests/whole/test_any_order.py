"""Everything in any order.

`python -m tests.whole` goes on for as long as it is told to, and makes what fails as short as it can be.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.whole.loop import MovableLoop
from tests.whole.machine import played_on
from tests.whole.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Cluster

EXAMPLES, STEPS = 40, 25
"""A quarter of a second each, on a processor that nobody else uses."""


@pytest.fixture
def stage(cluster: Cluster) -> Iterator[Stage]:
    """A stage on a fresh database; nothing is logged, since every example is full of errors."""
    loop, database = MovableLoop(), cluster.database()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    stage = Stage(loop.run_until_complete(database.__aenter__()))
    try:
        yield stage
    finally:
        stage.close()
        loop.run_until_complete(database.__aexit__(None, None, None))
        loop.close()
        logging.disable(logging.NOTSET)
        structlog.reset_defaults()


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
