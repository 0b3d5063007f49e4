"""`breaker backfill`: the platform's send events, and what was not understood, into the ledger."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from breaker.app import histories
from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, DataDir, Json, parse_moment, read_settings
from breaker.cli.output import Column, print_json, print_table, remark, remarks
from breaker.cli.running import run
from breaker.cli.words import many, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from breaker.config import Settings
    from breaker.flows.backfill import Progress
    from breaker.flows.judge import Given
    from breaker.flows.replay_undecoded import Replayed

_DONE = (
    Column("application", shrinks=True),
    Column("read from"),
    Column("send events", justify="right"),
    Column("counted", justify="right"),
    Column("known before", justify="right"),
    Column("pending verdicts", justify="right"),
    Column("events/s", justify="right"),
)
_REPLAYED = (
    Column("application", shrinks=True),
    Column("kept", justify="right"),
    Column("understood", justify="right"),
    Column("outcomes counted", justify="right"),
    Column("pending verdicts", justify="right"),
)

Only = Annotated[
    str | None,
    typer.Option("--application", metavar="ID", help="One application; unset: all of them.", show_default=False),
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("backfill")(backfill)


def backfill(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="From then on: 90d, or 2026-11-20T09:00.", show_default=False),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Until then; unset: now.", show_default=False)
    ] = None,
    undecoded: Annotated[
        bool,
        typer.Option(
            "--undecoded", help="Replay the notifications that were kept undecoded, instead.", show_default=False
        ),
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Read anew what was read before; it is counted once all the same.", show_default=False
        ),
    ] = False,
    only: Only = None,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Read what the platform kept of past sends into the ledger: nothing is counted twice, and nobody is stopped.

    The platform keeps 90 days. It runs beside a daemon or without one, and takes a quarter of the budget of requests at
    most. Cut off, it goes on where it was when it is run again. In the end every account is judged once, as if it were
    observed: what is found is pending until a person takes it, or something bad follows.
    """
    settings = read_settings(config, data_dir=data_dir)
    if undecoded == (since is not None):
        raise typer.BadParameter("say either --since, such as --since 90d, or --undecoded")
    if since is None:
        raise typer.Exit(run(_replay(settings, only, json=json)))
    raise typer.Exit(run_backfill(settings, since, until, only=only, again=again, json=json))


def run_backfill(  # noqa: PLR0913 - as many as the command has options
    settings: Settings,
    since: str,
    until: str | None = None,
    *,
    only: str | None = None,
    again: bool = False,
    json: bool = False,
    quiet: bool = False,
) -> ExitCode:
    """Read the history of all applications, or of one, and tell what came of it, unless that is to be quiet."""
    try:
        done = run(_backfill(settings, since, until, only=only, again=again))
    except KeyboardInterrupt:
        remark("Broken off. What was read is counted; the same command goes on from there.", style="yellow")
        return ExitCode.FAILED
    if not quiet:
        _show(done, json=json)
    return ExitCode.DONE


async def _backfill(
    settings: Settings, since: str, until: str | None, *, only: str | None, again: bool
) -> list[Progress]:
    done: list[Progress] = []
    async with histories(settings, only) as found:
        for one in found:
            now = one.clock.now()
            begins_at, ends_at = parse_moment(since, now), parse_moment(until, now) if until else None
            if begins_at >= (ends_at or now):
                raise typer.BadParameter("--since has to be before --until, and before now")
            with _bar(one.application_id) as told:
                done.append(await one.backfill(begins_at, ends_at, told, again=again))
    return done


def _show(done: Sequence[Progress], *, json: bool) -> None:
    if json:
        print_json({"backfills": [backfill_as_json(one) for one in done]})
        return
    print_table(_DONE, [_row(one) for one in done])
    for progress in done:
        for given in progress.given:
            remark(
                f"pending: {given.account.address or given.account.id} -> {given.verdict.to}: {given.verdict.why}",
                style="yellow",
            )
        if not progress.seconds_missing:
            remark(f"{progress.application_id}: all of it had been read before")


async def _replay(settings: Settings, only: str | None, *, json: bool) -> ExitCode:
    async with histories(settings, only) as found:
        done = [await one.replay() for one in found]
    if json:
        print_json({"replays": [_replay_as_json(one) for one in done]})
        return ExitCode.DONE
    print_table(
        _REPLAYED,
        [
            (one.application_id, f"{one.kept:,}", f"{one.understood:,}", f"{one.counted:,}", f"{len(one.given):,}")
            for one in done
        ],
    )
    left = sum(one.kept - one.understood for one in done)
    if left:
        remark(f"{many(left, 'notification')} not understood by this version either, and kept on", style="yellow")
    return ExitCode.DONE


def backfill_as_json(done: Progress) -> dict[str, object]:
    """Return what came of a backfill, as `--json` prints it."""
    return {
        "application_id": done.application_id,
        "since": done.span.begins_at,
        "until": done.span.ends_at,
        "seconds_missing": done.seconds_missing,
        "events": done.events,
        "looked_up": done.looked_up,
        "outcomes": dict(sorted(done.outcomes.items())),
        "counted": dict(sorted(done.kinds.items())),
        "pending_verdicts": _verdicts(done.given),
        "took_seconds": round(done.took, 3),
        "events_per_second": round(done.events_per_second, 1),
    }


def _replay_as_json(done: Replayed) -> dict[str, object]:
    return {
        "application_id": done.application_id,
        "kept": done.kept,
        "understood": done.understood,
        "outcomes_counted": done.counted,
        "pending_verdicts": _verdicts(done.given),
    }


def _verdicts(given: Sequence[Given]) -> list[dict[str, object]]:
    return [
        {"id": one.id, "account": one.account.id, "to": str(one.verdict.to), "why": one.verdict.why} for one in given
    ]


def _row(done: Progress) -> tuple[str, ...]:
    return (
        done.application_id,
        moment(done.span.begins_at),
        f"{done.events:,}",
        f"{done.outcomes['counted']:,}",
        f"{done.outcomes['repeated']:,}",
        f"{len(done.given):,}",
        f"{done.events_per_second:,.0f}",
    )


@contextmanager
def _bar(application_id: str) -> Iterator[Callable[[Progress], None]]:
    """Give what shows how far a backfill is: a bar on a terminal, nothing elsewhere."""
    console = remarks()
    if not console.is_terminal:
        yield lambda _progress: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]} events, {task.fields[speed]}/s"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task(application_id, total=None, events="0", speed="0")

        def told(progress: Progress) -> None:
            bars.update(
                task,
                total=progress.seconds_missing,
                completed=progress.seconds_read,
                events=f"{progress.events + progress.under_way:,}",
                speed=f"{progress.events_per_second:,.0f}",
            )

        yield told
