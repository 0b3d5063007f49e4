"""`breaker backtest`: what Breaker, the platform and others would have done, given what was recorded."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from breaker import app
from breaker.cli.backtested import as_json, show
from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, Json, read_settings
from breaker.cli.output import print_json, remark, remarks
from breaker.domain.backtest.others import chosen
from breaker.domain.backtest.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from breaker.app import Backtest

_STANDARD_INPUT = "-"

Record = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="JSON Lines as `breaker simulate --record` writes them: in each line a notification with `received_at` "
        "(Unix seconds) beside its fields, in the order of arrival. May be packed by gzip; `-` is standard input.",
        show_default=False,
    ),
]
Fleet = Annotated[
    int | None,
    typer.Option(
        "--accounts", metavar="N", min=1, help="Accounts of the fleet. [detection.fleet_accounts]", show_default=False
    ),
]
Compare = Annotated[
    list[str] | None,
    typer.Option(
        "--compare",
        metavar="PRESET",
        help=f"Hold the rule of somebody else against the same outcomes; repeatable. One of "
        f"{', '.join(preset.name for preset in PRESETS)}, or all.",
        show_default=False,
    ),
]
Truth = Annotated[
    Path | None,
    typer.Option(
        "--truth",
        metavar="FILE",
        help="Which accounts are bad, and from when on: the second file that `breaker simulate --record` writes. "
        "Without it, those are bad whose outcomes reach the platform's own line for any R, from where that began.",
        show_default=False,
    ),
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("backtest")(backtest)


def backtest(  # noqa: PLR0913 - every argument is an option that a person may give
    record: Record,
    *,
    compare: Compare = None,
    truth: Truth = None,
    accounts: Fleet = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Replay recorded notifications through the detectors, and say what would have been done, and how early.

    The loop is open: outcomes go on after a stop. Nothing is only observed, no feed is blind and the fleet guard holds
    nothing; how many stops it would have held is a figure of its own. Beside it stands when each account reached the
    platform's own line: 5 % hard bounces of the last R sends, from 1,000 known sends on, or .1 % complaints of a full
    window of R delivered ones.

    Precision: the share of the stops that were right. Recall: the share of the bad accounts that were stopped.
    Detection time: sends with a known outcome, and hours, from when an account was bad until it was stopped. Reset
    time: hours from when its rate was below the platform's line again until the rule asked for a stop no more. Lines
    that can't be used are told by number and left out.
    """
    settings = read_settings(config, **{"detection.fleet_accounts": accounts})
    try:
        presets = chosen(compare or (), PRESETS)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--compare") from error
    path = None if record == _STANDARD_INPUT else Path(record)
    try:
        with _progress() as progress:
            found = app.backtest(settings, path, presets, truth, progress)
    except OSError as error:
        remark(f"breaker: {error.filename or record} can't be read: {error.strerror or error}", style="red")
        raise typer.Exit(ExitCode.BAD_USAGE) from error
    except app.TruthError as error:
        remark(f"breaker: {error}", style="red")
        raise typer.Exit(ExitCode.BAD_USAGE) from error
    _tell_unread(found)
    if not found.outcomes and not found.ignored:
        remark(f"breaker: nothing in {record} could be used", style="red")
        raise typer.Exit(ExitCode.FAILED)
    if json:
        print_json(as_json(found))
        return
    show(found)


def _tell_unread(found: Backtest) -> None:
    for one in found.first_unread:
        remark(f"line {one.number:,}: {one.reason}", style="yellow")
    if more := found.unread - len(found.first_unread):
        remark(f"... and {more:,} more", style="yellow")
    if found.unread:
        remark(f"{found.unread:,} of {found.lines:,} lines can't be used and are left out", style="yellow")


@contextmanager
def _progress() -> Iterator[Callable[[int, int | None, int], None] | None]:
    """Show how far the reading is, on a terminal."""
    console = remarks()
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[outcomes]:,} outcomes"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("replaying", total=None, outcomes=0)
        yield lambda read, of, outcomes: bar.update(task, completed=read, total=of, outcomes=outcomes)
