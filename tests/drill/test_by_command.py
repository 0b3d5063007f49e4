"""A drill that is asked for by command, where something is missing that it needs beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.examination.signs_of_life import Guarding, PostgresSignsOfLife
from breaker.app import UnavailableError, drill_now
from breaker.config import ConfigurationError
from breaker.domain.acts.acts import RefusedError
from breaker.domain.drill import DrillOutcome, Step
from breaker.simulator.faults import FaultKind
from tests.drill.rehearsal import ADDRESS, RECIPIENT
from tests.fleet import settings_of
from tests.guarded import NAMES
from tests.simulated import APPLICATION, KEY

if TYPE_CHECKING:
    from pathlib import Path

    from breaker.config import Settings
    from breaker.domain.drill import Drill, StepResult
    from tests.drill.rehearsal import Rehearsal


def ignore(_drill: Drill, _step: StepResult) -> None:
    """Tell nobody."""


@pytest.fixture
def said(range_: Rehearsal, database_url: str, tmp_path: Path) -> dict[str, object]:
    return {
        "database_url": database_url,
        "application_id": APPLICATION,
        "installation": NAMES.installation,
        "nylas_api_url": range_.world.url,
        "nylas_api_key": KEY,
        "drill.account": ADDRESS,
        "drill.recipient": RECIPIENT,
        "drill.refusal_seconds": 0.1,
        "drill.read_back_seconds": 5.0,
        "drill.event_seconds": 0.0,
        "data_dir": tmp_path,
    }


def settings(said: dict[str, object], **otherwise: object) -> Settings:
    flags = said | {name.replace("__", "."): value for name, value in otherwise.items()}
    return settings_of(flags.pop("data_dir"), **flags)  # type: ignore[arg-type] # the folder is one


async def test_it_drills_beside_a_daemon(range_: Rehearsal, said: dict[str, object]) -> None:
    guarding = {APPLICATION: Guarding(NAMES.installation, acts=True)}
    now = range_.store.clock.now()
    await PostgresSignsOfLife(range_.store.pool, "daemon-1").live(guarding, now, observe_only=True)

    [drill] = await drill_now(settings(said), "ada", ignore)

    assert (drill.outcome, drill.by, drill.rule_scope) == (DrillOutcome.PASSED, "ada", "workspace")


async def test_without_a_daemon_nothing_is_stopped(range_: Rehearsal, said: dict[str, object]) -> None:
    [drill] = await drill_now(settings(said), "ada", ignore)

    assert drill.failed_at is Step.CANARY
    assert drill.says.startswith("No `breaker serve` that has an API key runs on this database")
    assert await range_.trail() == []


async def test_what_is_not_configured_is_said(said: dict[str, object]) -> None:
    for without in ({"drill__account": ""}, {"nylas_api_key": None}):
        with pytest.raises(ConfigurationError):
            await drill_now(settings(said, **without), "ada", ignore)
    with pytest.raises(RefusedError, match=r"no account is known as other@x\.example"):
        await drill_now(settings(said, drill__account="other@x.example"), "ada", ignore)


async def test_what_an_earlier_drill_left_and_can_t_be_taken_back_yet_is_said(
    range_: Rehearsal, said: dict[str, object]
) -> None:
    range_.world.fault(FaultKind.STATUS, method="DELETE", path="/v3/rules", status=500)
    await range_.drill(scope=True)

    with pytest.raises(UnavailableError, match="what an earlier drill left could not be taken back yet"):
        await drill_now(settings(said), "ada", ignore)
