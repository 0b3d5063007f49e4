"""`breaker report`: what would have been stopped and why, and whether Breaker is ready to act."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from breaker.app import fleet_report
from breaker.cli.exit_codes import ExitCode
from breaker.cli.history import Only  # noqa: TC001 - the option's type is read when the command runs
from breaker.cli.options import Config, DataDir, Json, parse_moment, read_settings
from breaker.cli.output import Column, print_json, print_table, remark
from breaker.cli.running import run
from breaker.cli.words import many, moment, percent

if TYPE_CHECKING:
    from breaker.domain.standing.readiness import Asked, Facts
    from breaker.domain.windows.comparison import Compared, Comparison
    from breaker.flows.report import FleetReport

_SHOWN = 20
_ASKED = (
    Column("account", shrinks=True),
    Column("asked for"),
    Column("at"),
    Column("held by"),
    Column("rate", justify="right"),
    Column("why", shrinks=True),
)
_COUNTS = (
    Column("account", shrinks=True),
    Column("delivered", justify="right"),
    Column("platform", justify="right"),
    Column("bounced", justify="right"),
    Column("platform", justify="right"),
    Column("complaints", justify="right"),
    Column("platform", justify="right"),
    Column("difference", justify="right"),
)


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("report")(report)


def report(
    *,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From then on: 7d, or 2026-11-20T09:00.")
    ] = "7d",
    only: Only = None,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Say what would have been stopped and why, and whether Breaker is ready to act; it changes nothing.

    Verdicts, held and applied; our counts beside the platform's; what the fleet guard would have held. It ends with
    "ready to enforce", or with what is open and what to type next; then the exit code is 3.
    """
    settings = read_settings(config, data_dir=data_dir)
    made = run(fleet_report(settings, lambda now: parse_moment(since, now), only))
    if json:
        print_json(fleet_report_as_json(made))
    else:
        _show(made)
    raise typer.Exit(ExitCode.DONE if made.is_ready else ExitCode.FOUND_SOMETHING)


def fleet_report_as_json(made: FleetReport) -> dict[str, object]:
    """Return a report as `--json` prints it; times are Unix seconds, rates are fractions."""
    return {
        "since": made.since,
        "until": made.until,
        "active_accounts": made.active,
        "verdicts": made.verdicts,
        "asked": [_asked_as_json(one) for one in made.asked],
        "guard": {"stops": made.guard.stops, "held": [one.account for one in made.guard.held]},
        "applications": [_facts_as_json(one) for one in made.applications],
        "over_line": [
            {
                "account": one.account.id,
                "address": one.account.address,
                "application_id": one.account.application_id,
                "verdict": one.verdict,
                "asks_for": str(one.to),
                "signal": str(one.signal),
                "protected": by.describe() if by else None,
            }
            for one, by in made.over_line
        ],
        "false_stops": [asdict(one) for one in made.false_stops],
        "ready": made.is_ready,
        "open": [asdict(point) for point in made.points],
        "next": _next(made),
    }


def _asked_as_json(one: Asked) -> dict[str, object]:
    return {
        "id": one.id,
        "account": one.account,
        "address": one.address,
        "application_id": one.application_id,
        "at": one.at,
        "to": str(one.to),
        "applied": one.held_by is None,
        "held_by": one.held_by and str(one.held_by),
        "detector": one.detector,
        "signal": one.signal and str(one.signal),
        "count": one.count,
        "of": one.of,
        "rate": one.rate,
        "cause": one.cause,
        "why": one.why,
    }


def _facts_as_json(facts: Facts) -> dict[str, object]:
    return {
        "application_id": facts.application_id,
        "set_up": facts.is_set_up,
        "history_from": facts.history_from,
        "counts": _comparison_as_json(facts.comparison) if facts.comparison else None,
        "not_compared": facts.not_compared,
        "blind_since": facts.blind_since,
        "undecoded": facts.undecoded,
    }


def _comparison_as_json(comparison: Comparison) -> dict[str, object]:
    return {
        "since": comparison.first_day * 86_400,
        "difference_ratio": comparison.difference_ratio,
        "accounts": [
            {
                "account": row.name,
                "ours": row.ours._asdict(),
                "platform": row.platform._asdict(),
                "difference_ratio": row.difference_ratio,
            }
            for row in comparison.rows
        ],
    }


def _show(made: FleetReport) -> None:
    domains = sum(one.address is None and one.account.startswith("domain:") for one in made.asked)
    concerned = many(len(made.asked) - domains, "account") + (f" and {many(domains, 'domain')}" if domains else "")
    _say(f"Since {moment(made.since)}, detectors asked to limit or stop {concerned}; {made.active:,} are active.")
    if made.asked:
        print_table(_ASKED, [_asked_row(one) for one in made.asked[:_SHOWN]])
        _rest(len(made.asked))
    for facts in made.applications:
        comparison = facts.comparison
        if comparison is None:
            _say(f"\nCounts of {facts.application_id}: not compared, {facts.not_compared}")
            continue
        ratio = comparison.difference_ratio
        _say(
            f"\nCounts of {facts.application_id} beside the platform's, from {moment(comparison.first_day * 86_400)}: "
            + ("nothing was sent" if ratio is None else f"{percent(ratio)} of outcomes differ")
        )
        print_table(_COUNTS, [_counts_row(row) for row in comparison.rows[:_SHOWN]])
        _rest(len(comparison.rows))
    _say(
        f"\nThe fleet guard would have held {len(made.guard.held):,} of {many(made.guard.stops, 'stop')}."
        if made.guard.stops
        else "\nThe fleet guard would have had nothing to hold."
    )
    for mistake in made.false_stops:
        whom, of = mistake.address or mistake.account, f" of {mistake.detector}" if mistake.detector else ""
        _say(f"\nA false stop{of}, says {mistake.author} ({moment(mistake.at)}): {whom}. {mistake.why}")
    for one, by in made.over_line:
        whose = f"protected, owner {by.owner}" if by else "exempt"
        _say(f"\n{one.account.address or one.account.id} is over the platform's line and goes on sending: {whose}")
    for point in made.points:
        _say(f"\nopen: {point.what}\n  next: {point.next}")
    _say(f"\n{'ready to enforce' if made.is_ready else f'not ready to enforce: {len(made.points)} open'}")
    if made.is_ready:
        _say(f"  next: {_next(made)}")


def _next(made: FleetReport) -> str:
    """Return what to type next."""
    if made.points:
        return made.points[0].next
    return f'breaker mode {made.first or "SELECTOR"} enforce --reason "…"'


def _asked_row(one: Asked) -> tuple[str | None, ...]:
    held_by = None if one.held_by is None else str(one.held_by)
    return one.address or one.account, str(one.to), moment(one.at), held_by, percent(one.rate), one.why


def _counts_row(row: Compared) -> tuple[str, ...]:
    pairs = (f"{number:,}" for pair in zip(row.ours, row.platform, strict=True) for number in pair)
    return row.name, *pairs, percent(row.difference_ratio)


def _rest(number: int) -> None:
    if number > _SHOWN:
        remark(f"and {number - _SHOWN:,} more: --json tells all")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
