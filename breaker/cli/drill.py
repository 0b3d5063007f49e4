"""`breaker drill`: a canary account through stop, refusal, reset and sending, timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from breaker.app import drill_as_json, drill_now
from breaker.cli.acting import author
from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, DataDir, Json, read_settings
from breaker.cli.output import Column, print_json, print_table, remark
from breaker.cli.running import run
from breaker.domain.drill import WHAT_TO_DO, Drill, DrillOutcome, StepResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.config import Settings

_COLUMNS = (Column("step"), Column("result"), Column("seconds", justify="right"), Column("what was seen"))
_RESULTS = {True: "passed", False: "failed", None: "not told"}
_STYLES = {DrillOutcome.PASSED: "green", DrillOutcome.FOUND: "yellow"}


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("drill")(drill)


def drill(*, json: Json = False, config: Config = None, data_dir: DataDir = None) -> None:
    """Stop the configured canary, see it refused, let it go, see it send again; each step is timed.

    Run it beside `breaker serve`, with its configuration ([drill] account and recipient). Ends with 1 where a step
    failed, with 3 where a stop stops but a check found something, such as a webhook that told nothing of the send.
    """
    settings = read_settings(config, data_dir=data_dir)
    raise typer.Exit(run(_drilled(settings, json=json)))


async def _drilled(settings: Settings, *, json: bool) -> ExitCode:
    done = await drill_now(settings, author(), _tell)
    if json:
        print_json({"drills": [drill_as_json(one) for one in done]})
    else:
        for one in done:
            _print(one)
    outcomes = {one.outcome for one in done}
    if not outcomes <= {DrillOutcome.PASSED, DrillOutcome.FOUND}:
        return ExitCode.FAILED
    return ExitCode.FOUND_SOMETHING if DrillOutcome.FOUND in outcomes else ExitCode.DONE


def _tell(drill: Drill, step: StepResult) -> None:
    """Tell who waits how far it is."""
    remark(f"{drill.account}: {step.step} {_RESULTS[step.passed]} after {step.seconds:.1f} s")


def _print(drill: Drill) -> None:
    print_table(_COLUMNS, [_row(one) for one in drill.steps])
    words = {DrillOutcome.PASSED: "passed", DrillOutcome.FOUND: "passed, and found something"}
    outcome = drill.outcome or DrillOutcome.FAILED
    said = f"drill {drill.number} of {drill.account}: {words.get(outcome, 'FAILED')}"
    if drill.failed_at is not None:
        said += f" at `{drill.failed_at}`. {drill.says} What to do: {WHAT_TO_DO[drill.failed_at]}."
    remark(said, style=_STYLES.get(outcome, "bold red"))


def _row(step: StepResult) -> Sequence[str]:
    return (step.step, _RESULTS[step.passed], f"{step.seconds:.1f}", step.says)
