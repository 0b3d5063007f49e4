"""`breaker setup` and `teardown`: what Breaker needs on the platform, made and taken back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from breaker.app import Installation, installations
from breaker.cli.exit_codes import ExitCode
from breaker.cli.history import run_backfill
from breaker.cli.options import Config, DataDir, Json, read_settings
from breaker.cli.output import print_json, remark
from breaker.cli.running import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from breaker.config import Settings
    from breaker.flows.set_up_plan import Step
    from breaker.flows.tear_down import Removal

_OFFERED = "90d"
"""All that the platform keeps."""

_ASKED_BEYOND = 10
"""Stopped accounts beyond whose release nobody is taken to have agreed by saying nothing."""

PlanOnly = Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.", show_default=False)]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("setup")(setup)
    application.command("teardown")(teardown)


def setup(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    plan: PlanOnly = False,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over",
            help="Make what another installation of Breaker left in the application this one's.",
            show_default=False,
        ),
    ] = False,
    history: Annotated[
        str | None,
        typer.Option(
            "--backfill",
            metavar="90d",
            help="Then read so much of the platform's history, as `breaker backfill` does; unset: ask on a terminal.",
            show_default=False,
        ),
    ] = None,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Make what Breaker needs on the platform: lists, rules in every workspace, a webhook.

    `breaker serve` has to run already: the platform calls the webhook's address before it makes the webhook. What is
    there is found again and changed only where it has to be, so a second run has nothing to do.
    """
    settings = read_settings(config, data_dir=data_dir)
    code, fresh = run(_set_up(settings, _Manner(plan, yes, json), take_over=take_over))
    if code is ExitCode.DONE and not plan:
        if history is None and fresh and not (yes or json) and sys.stdin.isatty() and _wants_history():
            history = _OFFERED
        if history is not None:
            code = run_backfill(settings, history, quiet=json)  # with --json, one document was printed already
    raise typer.Exit(code)


def teardown(
    *,
    plan: PlanOnly = False,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Take back all that Breaker made on the platform, and nothing else. Stopped accounts can send again after it."""
    settings = read_settings(config, data_dir=data_dir)
    raise typer.Exit(run(_tear_down(settings, _Manner(plan, yes, json))))


class _Manner:
    """How it is gone about, and what is printed."""

    def __init__(self, plan: bool, yes: bool, json: bool) -> None:
        self.plan = plan
        self.yes = yes
        self.json = json
        self._told: list[dict[str, object]] = []

    def show(self, application_id: str, steps: Sequence[Step | Removal], notes: Sequence[str] = ()) -> None:
        """Tell what would be done in an application."""
        self._told.append(
            {
                "application_id": application_id,
                "steps": [{"step": one.sentence, "done": False} for one in steps],
                "notes": list(notes),
            }
        )
        remark(f"application {application_id}: {'nothing to do' if not steps else f'{len(steps)} to do'}")
        for step in steps:
            remark(f"  - {step.sentence}")
        for note in notes:
            remark(f"  note: {note}", style="yellow")

    def agreed(self, releases: int = 0) -> bool:
        """Tell whether to go on, and ask where there is somebody to ask."""
        if self.yes:
            return True
        if sys.stdin.isatty():
            return typer.confirm("Go on?", err=True)
        if releases > _ASKED_BEYOND:
            raise typer.BadParameter(
                f"{releases:,} stopped accounts could send again: say --yes, or --plan to see more"
            )
        return True

    async def follow(self, steps: AsyncIterator[Step] | AsyncIterator[Removal]) -> None:
        """Tell each step when it is done."""
        planned = self._told[-1]["steps"]
        number = 0
        async for step in steps:
            if isinstance(planned, list):
                planned[number]["done"] = True
            number += 1
            if not self.json:
                sys.stdout.write(f"done: {step.sentence}\n")
                sys.stdout.flush()

    def end(self) -> ExitCode:
        """Print what programs read."""
        if self.json:
            print_json({"plan": self.plan, "applications": self._told})
        elif self.plan:
            remark("Nothing was changed: this is the plan.")
        return ExitCode.DONE


async def _set_up(settings: Settings, manner: _Manner, *, take_over: bool) -> tuple[ExitCode, bool]:
    """Set up; return how it ended, and whether anything was done."""
    changed = False
    async with installations(settings, take_over=take_over) as applications:
        for one in applications:
            planned = await one.set_up.plan()
            manner.show(one.application_id, planned.steps, planned.notes)
            if planned.steps and not manner.plan:
                if not manner.agreed():
                    return _not_agreed(one), changed
                await manner.follow(one.set_up.carry_out(planned))
                changed = True
    return manner.end(), changed


def _wants_history() -> bool:
    """Ask whether history is read now."""
    return typer.confirm(
        f"Read the last {_OFFERED} of sends from the platform now, so that windows are full? It stops nobody. Later: "
        f"breaker backfill --since {_OFFERED}",
        default=True,
        err=True,
    )


async def _tear_down(settings: Settings, manner: _Manner) -> ExitCode:
    async with installations(settings) as applications:
        for one in applications:
            planned = await one.tear_down.plan()
            manner.show(one.application_id, planned)
            if planned and not manner.plan:
                if not manner.agreed(sum(step.releases for step in planned)):
                    return _not_agreed(one)
                await manner.follow(one.tear_down.carry_out(planned))
    return manner.end()


def _not_agreed(one: Installation) -> ExitCode:
    remark(f"Nothing was changed in the application {one.application_id}.")
    return ExitCode.FAILED
