"""`breaker backtest`: what Breaker, the platform and others would have done, given what was recorded."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from breaker import app
from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, Json, read_settings
from breaker.cli.output import Column, print_json, print_table, remark, remarks, results
from breaker.domain.backtest.others import chosen
from breaker.domain.backtest.presets import PRESETS
from breaker.domain.backtest.quality import breaker, other, quality
from breaker.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from breaker.app import Backtest
    from breaker.domain.backtest.account import Replayed, Step
    from breaker.domain.backtest.line import PlatformLine
    from breaker.domain.backtest.quality import Quality
    from breaker.domain.circuit import Verdict

_STANDARD_INPUT = "-"
_OWN = {"stopped": State.STOPPED, "limited_or_stopped": State.LIMITED}
_MOST_ROWS = 40

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
        print_json(_as_json(found))
        return
    _print(found)


def _tell_unread(found: Backtest) -> None:
    for one in found.first_unread:
        remark(f"line {one.number:,}: {one.reason}", style="yellow")
    if more := found.unread - len(found.first_unread):
        remark(f"... and {more:,} more", style="yellow")
    if found.unread:
        remark(f"{found.unread:,} of {found.lines:,} lines can't be used and are left out", style="yellow")


def _qualities(found: Backtest) -> tuple[dict[str, Quality], dict[str, Quality]]:
    """Return how good Breaker was, by the step that counts, and the others, by preset."""
    replay = found.replay
    sizes = sorted({*replay.sizes.bounce, *replay.sizes.complaint})

    own = {name: quality(replay.accounts, breaker(step), sizes, truth=found.truth) for name, step in _OWN.items()}
    others = {
        preset.name: quality(replay.accounts, other(preset.name), sizes, truth=found.truth) for preset in replay.presets
    }
    return own, others


def _as_json(found: Backtest) -> dict[str, object]:
    own, others = _qualities(found)
    replay = found.replay
    names = [account.name for account in replay.accounts]
    return {
        "accounts": {
            account.name if names.count(account.name) == 1 else f"{account.application_id}/{account.name}": (
                _account_as_json(account)
            )
            for account in replay.accounts
        },
        "compared": {name: _quality_as_json(one) for name, one in others.items()},
        "breaker": {name: _quality_as_json(one) for name, one in own.items()},
        "domains": {
            name.domain: [_verdict_of_domain(one) for one in domain.verdicts]
            for name, domain in replay.domains.all.items()
            if domain.verdicts
        },
        "truth": "file" if found.truth else "line",
        "guard_held": replay.guard.held if replay.guard else 0,
        "lines": {"read": found.lines, "not_understood": found.unread, "ignored": found.ignored},
        "outcomes": {"counted": replay.counted, **replay.outcomes},
        "outcomes_per_second": round(found.outcomes_per_second),
    }


def _account_as_json(account: Replayed) -> dict[str, object]:
    totals, stopped = account.counters.totals, account.domain_stopped
    sizes = sorted({size for line in account.lines for size in line.sizes})
    return {
        "address": account.address,
        "sends": totals.sends,
        "hard_bounces": totals.hard_bounces,
        "complaints": totals.complaints,
        "verdicts": [_step_as_json(step) for step in account.steps],
        "domain_stopped": None if stopped is None else {"at": stopped[0], "after_sends": stopped[1]},
        "platform": {
            str(size): {line.signal: _line_as_json(line, size) for line in account.lines if size in line.sizes}
            for size in sizes
        },
    }


def _step_as_json(step: Step) -> dict[str, object]:
    return {
        "at": step.at,
        "after_sends": step.after_sends,
        "signal": step.signal,
        "detector": step.detector,
        "to": step.to,
        "count": step.bad,
        "of": step.sends,
    }


def _verdict_of_domain(verdict: Verdict) -> dict[str, object]:
    return {"at": verdict.at, "to": verdict.to, "cause": verdict.cause, "count": verdict.count, "of": verdict.of}


def _line_as_json(line: PlatformLine, size: int) -> dict[str, object]:
    reached = line.reached.get(size)
    return {
        "review_after_sends": reached.after_sends if reached else None,
        "review_at": reached.at if reached else None,
    }


def _quality_as_json(one: Quality) -> dict[str, object]:
    return {
        "precision": one.precision,
        "recall": one.recall,
        "median_delay_sends": one.median_delay_sends,
        "median_delay_hours": one.median_delay_hours,
        "median_reset_hours": one.median_reset_hours,
        "before_the_line": {str(size): share for size, share in one.before_the_line.items()},
        "stopped": one.stopped,
        "right": one.right,
        "bad": one.bad,
    }


def _print(found: Backtest) -> None:
    console = results()
    replay = found.replay
    own, others = _qualities(found)
    bad = own["stopped"].bad
    console.print(
        f"{replay.counted:,} outcomes of {len(replay.accounts):,} accounts, {bad:,} of them bad "
        f"({'by the truth' if found.truth else 'they reached the line of the platform'}); "
        f"{found.outcomes_per_second:,.0f} a second."
    )
    if left_out := {name: number for name, number in replay.outcomes.items() if number}:
        console.print("Not counted: " + ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in left_out.items()))
    if replay.guard:
        console.print(f"The fleet guard would have held {replay.guard.held:,} stops.")
    for name, domain in replay.domains.all.items():
        for verdict in domain.verdicts:
            console.print(f"{name.domain} {verdict.to}: {verdict.why}", soft_wrap=True)
    console.print()
    _print_accounts(found)
    sizes = list(own["stopped"].before_the_line)
    columns = [
        Column("rule"),
        *(Column(title, "right") for title in ("stops", "precision", "recall", "sends", "hours", "reset")),
        *(Column(f"before R={size:,}", "right", wide=True) for size in sizes),
    ]
    rows = [
        _quality_row("breaker, stopped", own["stopped"]),
        _quality_row("breaker, limited or stopped", own["limited_or_stopped"]),
        *(_quality_row(name, one) for name, one in others.items()),
    ]
    print_table(columns, rows)
    remark(
        "sends and hours: the median until a bad account is stopped; reset: the median in hours; before R: the share"
    )
    remark("of the accounts that reached the platform's line for this R that were stopped no later.")


def _print_accounts(found: Backtest) -> None:
    """Print every account that something would have been done about, or that reached the platform's line."""
    affected = [
        one
        for one in found.replay.accounts
        if one.steps or one.domain_stopped or any(line.reached for line in one.lines)
    ]
    if not affected:
        results().print("Nothing would have been done, and nobody reached the platform's line.\n")
        return
    rows = []
    for account in affected[:_MOST_ROWS]:
        totals = account.counters.totals
        reached = [
            f"{line.signal} {size:,}: {one.after_sends:,}"
            for line in account.lines
            for size, one in sorted(line.reached.items())
        ]
        of_domain = [f"domain stopped at {account.domain_stopped[1]:,}"] if account.domain_stopped else []
        steps = [f"{step.to} at {step.after_sends:,} ({step.detector})" for step in account.steps]
        rows.append(
            (
                account.address or account.name,
                f"{totals.sends:,}",
                f"{totals.hard_bounces:,}",
                f"{totals.complaints:,}",
                "; ".join([*steps, *of_domain]) or "-",
                "; ".join(reached) or "-",
            )
        )
    titles = ("sends", "bounces", "complaints")
    print_table(
        [
            Column("account", shrinks=True),
            *(Column(title, "right") for title in titles),
            Column("breaker, after sends", shrinks=True),
            Column("platform's line, after sends", shrinks=True, wide=True),
        ],
        rows,
    )
    if more := len(affected) - len(rows):
        remark(f"... and {more:,} more (--json has them all)")
    results().print()


def _quality_row(name: str, one: Quality) -> tuple[str, ...]:
    return (
        name,
        f"{one.stopped:,}",
        _percent(one.precision),
        _percent(one.recall),
        _number(one.median_delay_sends),
        _number(one.median_delay_hours, 1),
        _number(one.median_reset_hours, 1),
        *(_percent(share) for share in one.before_the_line.values()),
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


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
