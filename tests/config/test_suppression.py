from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.config import load
from breaker.domain.platform.suppression import Reason
from tests.config.test_profiles import read, refused

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_off_unless_it_is_switched_on(tmp_path: Path) -> None:
    assert read(tmp_path, "").suppression.enabled is False


def test_what_suppresses_whom_for_how_long_is_said_in_the_environment_too(tmp_path: Path) -> None:
    environment = {
        "BREAKER_SUPPRESSION__ENABLED": "true",
        "BREAKER_SUPPRESSION__OUTCOMES": "complaint",
        "BREAKER_SUPPRESSION__RETENTION_DAYS": "30",
    }
    said = load(None, {"data_dir": tmp_path}, environment).suppression

    assert (said.enabled, list(said.outcomes), said.retention_days) == (True, [Reason.COMPLAINT], 30)


def test_nothing_else_suppresses_and_it_is_no_actuator(tmp_path: Path) -> None:
    problems = refused(tmp_path, 'actuators = ["block", "suppress"]\n[suppression]\noutcomes = ["mailbox_full"]\n')

    assert sorted(problem.partition(" ")[0].partition("[")[0] for problem in problems) == [
        "actuators",
        "suppression.outcomes",
    ]
