"""`breaker demo`: the whole thing against a simulated platform, told as it happens."""

from __future__ import annotations

import json
import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
import uvloop
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from breaker.app import DEMO_TOKEN, DemoPlan, DemoResult, DomainStop, Stop, demonstrate
from breaker.cli.explanation import print_explanation
from breaker.cli.output import Column, print_table, remark, results
from breaker.domain.circuits.states import State
from breaker.domain.platform.commands import CommandKind

if TYPE_CHECKING:
    from breaker.app import Daemon
    from breaker.flows.judge import Given
    from breaker.flows.judge_domains import GivenDomain
    from breaker.flows.probe_domains import DomainStep
    from breaker.ports import Command
    from breaker.simulator.fleets.truth import FleetTruth

_DEFAULTS = DemoPlan()


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command()(demo)


def demo(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    seed: Annotated[int, typer.Option(help="What all randomness is drawn from: another seed, another fleet.")] = 1,
    accounts: Annotated[int, typer.Option(min=40, help="Mailboxes.")] = _DEFAULTS.accounts,
    days: Annotated[float, typer.Option(min=2.0, max=60.0, help="Simulated days.")] = _DEFAULTS.days,
    compare: Annotated[
        str | None, typer.Option(help="`naive`: show the same fleet under a fixed level over 24 h as well.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running in the end, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON in the end.")] = False,
) -> None:
    """Show what Breaker does, in about a minute, with nothing but this machine.

    A fleet of mailboxes sends for some simulated days, once without Breaker and once with it: steady ones, new ones,
    and some that go bad in every way. Many share a sending domain whose DKIM breaks and is repaired. The platform is
    simulated and hides its representative volume; the database, the daemon, the signatures and the sockets are real.
    """
    if compare not in {None, "naive"}:
        raise typer.BadParameter(f"{compare!r} can't be compared with: choose naive", param_hint="--compare")
    plan = DemoPlan(seed, accounts, days, compare=compare == "naive")
    # Or its database, its folder and its second process would be left behind.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    with _Story(quiet=as_json) as story:
        result = uvloop.run(demonstrate(plan, story, keep=keep))
    if not keep:
        _print_result(result, as_json=as_json)


class _Story:
    """Tells what happens while it happens.

    Args:
        quiet: Whether to tell nothing but the progress.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = results()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("day {task.completed:.0f} of {task.total:.0f}, {task.fields[events]:,} events"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal or quiet,
        )
        self._task = self._progress.add_task("simulated", total=1.0, events=0)

    def __enter__(self) -> _Story:  # noqa: PYI034 - nobody inherits from it
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begins(self, what: str) -> None:
        self._say(f"Starting {what} ...")

    def passes(self, days: float, of: float, events: int) -> None:
        self._progress.update(self._task, completed=days, total=of, events=events)
        if not self._console.is_terminal:
            self._say(f"day {days:.0f} of {of:.0f}: {events:,} events so far")

    def decides(self, at: float, given: Given) -> None:
        verdict = given.verdict
        if verdict.applied and verdict.to is not State.WARNED and verdict.to is not verdict.before:
            self._say(f"{_moment(at)}  {given.account.address}  {verdict.before} -> {verdict.to}: {verdict.why}")

    def decides_domain(self, at: float, given: GivenDomain) -> None:
        self._say(f"{_moment(at)}  {given.domain.id}  -> {given.verdict.to}: {given.verdict.why}")

    def probes_domain(self, at: float, done: DomainStep) -> None:
        verdict = done.verdict
        self._say(f"{_moment(at)}  {done.domain.id}  {verdict.before} -> {verdict.to}: {verdict.why}")

    def obeys(self, at: float, command: Command) -> None:
        done = {
            CommandKind.BLOCK: "blocked",
            CommandKind.LIMIT: "limited to replies",
            CommandKind.QUARANTINE: "in quarantine",
            CommandKind.BLOCK_DOMAIN: "blocked, with all of its accounts",
            CommandKind.BLOCK_OTHERS: "held by the addresses of all its accounts but one",
            CommandKind.UNBLOCK_DOMAIN: "out of the list of stopped domains",
        }.get(command.kind)
        if done:
            self._say(f"{_moment(at)}  {command.name}  the platform was read back: it is {done}")

    def waits(self, result: DemoResult, daemon: Daemon, platform_url: str) -> None:
        self._progress.stop()
        _print_result(result, as_json=self._quiet)
        remark(
            f"Everything goes on running until Ctrl-C: the simulated platform at {platform_url}, webhooks at "
            f"http://{daemon.webhook_address[0]}:{daemon.webhook_address[1]}, the API at "
            f"http://{daemon.admin_address[0]}:{daemon.admin_address[1]} (token {DEMO_TOKEN})."
        )

    def _say(self, line: str) -> None:
        if not self._quiet:
            self._progress.console.print(Text(line), soft_wrap=True)


def _print_result(result: DemoResult, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(_as_json(result)) + "\n")
        sys.stdout.flush()
        return
    _print_comparison(result)
    _print_stops(result)
    for explanation in result.explanations:
        results().print()
        print_explanation(results(), explanation, result.with_breaker.ended_at)


def _print_comparison(result: DemoResult) -> None:
    console = results()
    console.print()
    columns = [Column("the same fleet"), Column("without Breaker", "right"), Column("with Breaker", "right")]
    stopped = [stop for stop in result.stops if stop.state is State.STOPPED]
    rows: list[list[str | None]] = [
        ["ever under review by the platform", str(result.without.under_review), str(result.with_breaker.under_review)],
        ["paused by the platform, until its support acts", str(result.without.paused), str(result.with_breaker.paused)],
        ["stopped by the breaker", "0", str(len(stopped))],
        ["limited by the breaker", "0", str(len(result.stops) - len(stopped))],
        ["stopped although healthy", "0", str(sum(stop.truth.healthy for stop in stopped))],
        ["sending domains stopped as a whole", "0", str(len(result.domains))],
        ["hard bounces that reached recipients' servers", _bounces(result.without), _bounces(result.with_breaker)],
    ]
    if result.naive is not None:
        columns.append(Column("naive breaker", "right"))
        healthy = {one.grant_id for one in result.naive.truth.accounts if one.healthy}
        naive = [
            str(result.naive.truth.under_review),
            str(result.naive.truth.paused),
            str(len(result.naive.stopped)),
            "0",
            str(len(healthy & set(result.naive.stopped))),
            "0",
            _bounces(result.naive.truth),
        ]
        for row, cell in zip(rows, naive, strict=True):
            row.append(cell)
    print_table(columns, rows)
    console.print(
        Text(
            f"{result.plan.accounts} mailboxes, {result.plan.days:g} simulated days, seed {result.plan.seed}, "
            f"{result.events:,} events in {result.seconds:.0f} s. The platform judged over a representative volume of "
            f"{result.with_breaker.representative_volume:,} sends, which Breaker is not told."
        ),
        soft_wrap=True,
    )


def _bounces(truth: FleetTruth) -> str:
    return f"{sum(round(one.bounce_rate * min(one.accepted, truth.representative_volume)) for one in truth.accounts):,}"


def _print_stops(result: DemoResult) -> None:
    results().print()
    columns = [
        Column("stopped or limited", shrinks=True),
        Column("what was wrong"),
        Column("went bad"),
        Column("decided"),
        Column("read back"),
        Column("why", wide=True, shrinks=True),
    ]
    print_table(columns, [_stop_row(stop) for stop in result.stops])
    for one in result.domains:
        read_back = f", read back {_moment(one.confirmed_at)}" if one.confirmed_at else ""
        results().print()
        results().print(
            Text(f"domain:{one.domain} ({one.accounts} mailboxes), decided {_moment(one.at)}{read_back}: {one.why}"),
            soft_wrap=True,
        )
        results().print(Text(f"  {_way_back(one)}"), soft_wrap=True)


def _way_back(one: DomainStop) -> str:
    """Say how a domain came back, and in how many verdicts."""
    stops = "one stop" if one.stops == 1 else f"{one.stops} stops"
    single = f"{one.single} verdict{'' if one.single == 1 else 's'} about single mailboxes of it meanwhile"
    if not one.probed_by:
        return f"{stops}, {single}; it has not been probed yet"
    probed = f"probed by {' and then '.join(one.probed_by)} in {one.rounds} rounds, all others held"
    back = f"all are back {_moment(one.back_at)}" if one.back_at else "not back yet"
    return f"{stops}, {single}; {probed}; {back}"


def _stop_row(stop: Stop) -> list[str | None]:
    truth = stop.truth
    return [
        truth.address,
        "nothing: a false stop" if truth.healthy else truth.kind,
        None if truth.goes_bad_at is None else _moment(truth.goes_bad_at),
        _moment(stop.at),
        None if stop.confirmed_at is None else _moment(stop.confirmed_at),
        stop.why,
    ]


def _as_json(result: DemoResult) -> dict[str, Any]:
    stopped = [stop for stop in result.stops if stop.state is State.STOPPED]
    found: dict[str, Any] = {
        "accounts": result.plan.accounts,
        "days": result.plan.days,
        "seed": result.plan.seed,
        "events": result.events,
        "seconds": round(result.seconds, 1),
        "representative_volume": result.with_breaker.representative_volume,
        "without_breaker": {"under_review": result.without.under_review, "paused": result.without.paused},
        "with_breaker": {
            "under_review": result.with_breaker.under_review,
            "paused": result.with_breaker.paused,
            "stopped": len(stopped),
            "limited": len(result.stops) - len(stopped),
            "stopped_healthy": sum(stop.truth.healthy for stop in stopped),
            "domains": [one.domain for one in result.domains],
        },
        "domain_stops": [
            {
                "domain": one.domain,
                "accounts": one.accounts,
                "stops": one.stops,
                "verdicts_about_accounts": one.single,
                "probed_by": list(one.probed_by),
                "rounds": one.rounds,
                "back": one.back_at is not None,
            }
            for one in result.domains
        ],
    }
    if result.naive is not None:
        healthy = {one.grant_id for one in result.naive.truth.accounts if one.healthy}
        found["naive_breaker"] = {
            "under_review": result.naive.truth.under_review,
            "paused": result.naive.truth.paused,
            "stopped": len(result.naive.stopped),
            "stopped_healthy": len(healthy & set(result.naive.stopped)),
        }
    return found


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%a %H:%M")
