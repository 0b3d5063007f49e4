"""Play for a while: `nice python -m tests.whole [--minutes 10] [--steps 40] [--seed 1]`.

Examples differ with the seed. What fails is made as short as it can be, and printed as a program of the machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import structlog
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from breaker.adapters.postgres.embedded import EmbeddedPostgres, temporary_home
from breaker.adapters.postgres.migrate import upgrade
from tests.whole.machine import played_on
from tests.whole.stage import Stage


def main() -> None:
    """Play."""
    parser = argparse.ArgumentParser(prog="python -m tests.whole", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=40, help="steps of an example, at most")
    parser.add_argument("--examples", type=int, default=50, help="examples between two looks at the clock")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--raw", action="store_true", help="show what fails as it is, without making it shorter")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    with temporary_home("breaker-whole-") as home:
        embedded = EmbeddedPostgres(home / "postgres", durable=False, database="whole")
        with ThreadPoolExecutor(max_workers=1) as thread:
            url = thread.submit(asyncio.run, embedded.start()).result()
            try:
                thread.submit(asyncio.run, upgrade(url)).result()
                _play(url, given)
            finally:
                thread.submit(asyncio.run, embedded.stop()).result()


def _play(url: str, given: argparse.Namespace) -> None:
    phases = (Phase.generate,) if given.raw else (Phase.generate, Phase.shrink)
    stage, number = Stage(url), given.seed
    ends_at = time.monotonic() + 60 * given.minutes
    try:
        while time.monotonic() < ends_at:
            run_state_machine_as_test(
                seed(number)(played_on(stage)),
                settings=settings(
                    max_examples=given.examples,
                    stateful_step_count=given.steps,
                    deadline=None,
                    database=None,
                    phases=phases,
                    print_blob=False,
                    report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck),
                    verbosity=Verbosity.normal,
                ),
            )
            sys.stdout.write(f"seed {number}: {given.examples} examples are well\n")
            sys.stdout.flush()
            number += 1
    finally:
        stage.close()


main()
