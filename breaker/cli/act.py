"""`breaker trip`, `reset`, `probe` and `mode`: people's acts."""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from time import time
from typing import TYPE_CHECKING, Annotated

import typer

from breaker.app import Operations, report_as_json
from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, DataDir, Json, parse_duration, parse_moment, read_settings
from breaker.cli.output import Column, print_json, print_table, remark, remarks
from breaker.cli.running import operate
from breaker.cli.words import many
from breaker.domain.acts import EXEMPT_LASTS, UNDONE_PER_SECOND, Act, ActKind, Automatic, Effect
from breaker.domain.circuit import Mode
from breaker.domain.selectors import EVERYTHING, Selector, parse_selector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.config import Settings
    from breaker.domain.acts import AccountEffect, Report

ASKED_BEYOND = 10
"""Accounts beyond which an act asks first."""

_SHOWN = 20
_STANDARD_INPUT = "-"
_FORMS = "give an address, a grant id, domain:X, workspace:X, application:X, --all, or - for standard input"
_COLUMNS = (
    Column("account", shrinks=True),
    Column("from"),
    Column("to"),
    Column("effect"),
    Column("why", shrinks=True),
)


class ModeChoice(StrEnum):
    """What `breaker mode` sets; `inherit` takes a setting away."""

    OBSERVE = "observe"
    ENFORCE = "enforce"
    EXEMPT = "exempt"
    INHERIT = "inherit"


Selectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SELECTOR...",
        help="An address, a grant id, domain:X, workspace:X, application:X, or - to read them from standard input.",
        show_default=False,
    ),
]
Everything = Annotated[bool, typer.Option(EVERYTHING, help="Every account.", show_default=False)]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the audit trail.", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.", show_default=False)]
Plan = Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.", show_default=False)]
OnlyDomain = Annotated[
    bool,
    typer.Option(
        "--only-domain",
        help="With domain:X: its own circuit, and not its accounts, which keep what was counted.",
        show_default=False,
    ),
]
Wait = Annotated[
    str | None,
    typer.Option(
        "--wait",
        metavar="60s",
        help="Wait that long for the platform to be read back; ends with 4 where it was not.",
        show_default=False,
    ),
]


FalseStop = Annotated[
    bool,
    typer.Option(
        "--false-stop",
        help="The stop was a mistake: it is counted as one, and lengthens no later cool-down.",
        show_default=False,
    ),
]
Detector = Annotated[
    str | None,
    typer.Option("--detector", metavar="NAME", help="Only what this detector stopped or limited.", show_default=False),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only what Breaker stopped or limited since then: 2h ago as 2h, or a time such as 2026-11-20T09:00.",
        show_default=False,
    ),
]
Pace = Annotated[
    float | None,
    typer.Option("--pace", metavar="N", min=0.001, help="Accounts a second that are let go.", show_default=False),
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("trip")(trip)
    application.command("reset")(reset)
    application.command("release")(release)
    application.command("probe")(probe)
    application.command("mode")(mode)


def trip(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    selectors: Selectors = None,
    everything: Everything = False,
    reason: Reason,
    only_domain: OnlyDomain = False,
    plan: Plan = False,
    yes: Yes = False,
    wait: Wait = None,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Stop accounts, whatever their mode; --only-domain: a whole sending domain, by one entry in a list."""
    act = Act(ActKind.TRIP, read_reason(reason), author(), only_domain=only_domain)
    chosen = read_selectors(selectors or [], everything=everything)
    carry_out(read_settings(config, data_dir=data_dir), act, chosen, Manner(plan, yes, _seconds(wait), json))


def reset(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    selectors: Selectors = None,
    everything: Everything = False,
    reason: Reason,
    only_domain: OnlyDomain = False,
    false_stop: FalseStop = False,
    detector: Detector = None,
    since: Since = None,
    pace: Pace = None,
    plan: Plan = False,
    yes: Yes = False,
    wait: Wait = None,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Let accounts go: unblock them, bring them home, and begin counting anew; with domain:X the domain as well.

    --detector and --since take back only what Breaker itself stopped or limited so, everywhere unless somebody is
    named: one account a second, or as --pace says, so that who was bad after all shows before all are free.
    """
    undoes = detector is not None or since is not None
    if undoes and only_domain:
        raise typer.BadParameter("--only-domain does not go with --detector and --since")
    act = Act(
        ActKind.RESET,
        read_reason(reason),
        author(),
        only_domain=only_domain,
        false_stop=false_stop,
        automatic=Automatic(detector, parse_moment(since, time()) if since else None) if undoes else None,
        pace=UNDONE_PER_SECOND if undoes and pace is None else pace,
    )
    chosen = read_selectors(selectors or [], everything=everything or (undoes and not selectors))
    carry_out(read_settings(config, data_dir=data_dir), act, chosen, Manner(plan, yes, _seconds(wait), json))


def release(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    selectors: Selectors = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="All that Breaker itself stopped or limited.", show_default=False)
    ] = False,
    reason: Reason,
    pace: Pace = None,
    plan: Plan = False,
    yes: Yes = False,
    wait: Wait = None,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Take back every stop and limit of Breaker's own, of those that are named, or of all.

    What people stopped, and what was found stopped on the platform, stays. What goes on is stopped again: put the mode
    to observe, or `breaker hold on`, first where that is not meant.
    """
    if not everything:
        raise typer.BadParameter("say --everything: all that Breaker itself stopped or limited is meant")
    act = Act(ActKind.RESET, read_reason(reason), author(), automatic=Automatic(), pace=pace)
    chosen = read_selectors(selectors or [], everything=not selectors)
    carry_out(read_settings(config, data_dir=data_dir), act, chosen, Manner(plan, yes, _seconds(wait), json))


def probe(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    selectors: Selectors = None,
    everything: Everything = False,
    reason: Reason,
    plan: Plan = False,
    yes: Yes = False,
    wait: Wait = None,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Have stopped accounts tested now, in rounds of a few sends, whether they may be let go.

    Complaints are too rare for a test: an account that was stopped for them may reply from now on, write new mail in a
    week, and is watched for another one; one that is limited for them is let go. Rounds go on in the mode enforce only.
    """
    act = Act(ActKind.PROBE, read_reason(reason), author())
    chosen = read_selectors(selectors or [], everything=everything)
    carry_out(read_settings(config, data_dir=data_dir), act, chosen, Manner(plan, yes, _seconds(wait), json))


def mode(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="SELECTOR... observe|enforce|exempt|inherit",
            help="Whose mode (a group's holds for accounts to come), and which; inherit takes a setting away.",
            show_default=False,
        ),
    ],
    everything: Everything = False,
    reason: Reason,
    lasts: Annotated[
        str | None,
        typer.Option("--for", metavar="24h", help="Ends by itself after that; exempt: 24h.", show_default=False),
    ] = None,
    apply_pending: Annotated[
        bool,
        typer.Option("--apply-pending", help="With enforce: also do what pending verdicts asked.", show_default=False),
    ] = False,
    plan: Plan = False,
    yes: Yes = False,
    wait: Wait = None,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Say how far Breaker may go: observe (verdicts only), enforce, exempt.

    The most specific setting wins: account, domain, workspace, application. Going from observe to enforce stops nobody
    for what was seen before: it lists who has a verdict pending, and --apply-pending takes them.
    """
    *selectors, last = words
    if last not in set(ModeChoice):
        raise typer.BadParameter(f"{last!r} is no mode: the last word is one of {', '.join(ModeChoice)}")
    chosen = read_selectors(selectors, everything=everything)
    if apply_pending and last != ModeChoice.ENFORCE:
        raise typer.BadParameter("--apply-pending goes with enforce only")
    seconds = None if lasts is None else parse_duration(lasts)
    if seconds is None and last == ModeChoice.EXEMPT:
        seconds = EXEMPT_LASTS
    settings = read_settings(config, data_dir=data_dir)
    act = Act(
        ActKind.MODE,
        read_reason(reason),
        author(),
        mode=None if last == ModeChoice.INHERIT else Mode(last),
        lasts=seconds,
        apply_pending=apply_pending,
    )
    carry_out(settings, act, chosen, Manner(plan, yes, _seconds(wait), json))


@dataclass(frozen=True, slots=True)
class Manner:
    """How an act is gone about.

    Args:
        plan: Show what would be done, and do nothing.
        yes: Ask nothing.
        wait: Seconds to wait for the platform to be read back.
        json: Print JSON.
    """

    plan: bool
    yes: bool
    wait: float
    json: bool


def author() -> str:
    """Return who is at the keyboard, for the audit trail."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER")
    return f"{behind} (as {name})" if behind and behind != name else name


def read_selectors(words: Sequence[str], *, everything: bool) -> list[Selector]:
    """Read selectors as they were typed; `-` stands for the lines of standard input.

    Raises:
        typer.BadParameter: There is none, or one has no known form.
    """
    texts: list[str] = [EVERYTHING] if everything else []
    for word in words:
        lines = (line.partition("#")[0].strip() for line in sys.stdin) if word == _STANDARD_INPUT else [word]
        texts += [line for line in lines if line]
    if not texts:
        raise typer.BadParameter(f"no account is named: {_FORMS}")
    try:
        return list(dict.fromkeys(parse_selector(text) for text in texts))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def carry_out(settings: Settings, act: Act, selectors: Sequence[Selector], manner: Manner) -> None:
    """Plan an act, ask where many are meant, do it, and end the command."""

    async def work(available: Operations) -> ExitCode:
        planned = await available.operator.plan(act, selectors)
        if manner.plan:
            _print(act, planned, manner, plan=True)
            return ExitCode.DONE
        if planned.covered > ASKED_BEYOND and not manner.yes:
            _announce(act, planned)
            if not _agreed(planned):
                remark("Nothing was changed.")
                return ExitCode.FAILED
        done = await available.operator.carry_out(act, selectors)
        unconfirmed = await available.operator.wait(done, manner.wait)
        _print(act, done, manner, plan=False, unconfirmed=len(unconfirmed))
        if act.mode is Mode.ENFORCE and settings.database_url is None:
            remark(
                "note: no BREAKER_DATABASE_URL is set: on its embedded database `breaker serve` stops nobody by "
                "itself, unless it runs with --embedded",
                style="yellow",
            )
        if done.counts[Effect.REFUSED]:
            return ExitCode.FAILED
        return ExitCode.NOT_CONFIRMED if unconfirmed else ExitCode.DONE

    operate(settings, work)


def _announce(act: Act, planned: Report) -> None:
    remark(_headline(act, planned))
    if planned.listed:
        print_table(_COLUMNS, [_row(one) for one in planned.listed[:_SHOWN]], remarks())
    if planned.total > _SHOWN:
        remark(f"... and {planned.total - _SHOWN:,} more")


def _headline(act: Act, report: Report) -> str:
    what = f"mode {act.mode or ModeChoice.INHERIT}" if act.kind is ActKind.MODE else str(act.kind)
    of = f" of {', '.join(report.settings)}" if report.settings else ""
    return f"{what}{of}: {many(report.covered, 'account')}{_counts(report)}"


def _agreed(planned: Report) -> bool:
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            f"{planned.covered:,} accounts are meant and nobody can be asked: say --yes, or --plan to see them"
        )
    return typer.confirm(f"Go on with {planned.covered:,} accounts?", err=True)


def _print(act: Act, report: Report, manner: Manner, *, plan: bool, unconfirmed: int = 0) -> None:
    if manner.json:
        print_json(report_as_json(report, plan=plan, unconfirmed=None if plan else unconfirmed))
        return
    if act.kind is ActKind.MODE or report.covered > 1:
        remark(_headline(act, report))
    if report.listed:
        print_table(_COLUMNS, [_row(one) for one in report.listed])
    if plan:
        remark(f"Nothing was changed: this is the plan for {many(report.covered, 'account')}.")
    elif unconfirmed:
        remark(
            f"{unconfirmed:,} not yet confirmed by the platform: it is ordered, and `breaker serve` carries it out. "
            "`breaker explain` shows what is missing."
        )
    held = report.counts[Effect.PENDING]
    if held and act.mode is Mode.ENFORCE:
        remark(
            "1 verdict given before stays pending and stops nobody now; --apply-pending takes it."
            if held == 1
            else f"{held:,} verdicts given before stay pending and stop nobody now; --apply-pending takes them."
        )


def _counts(report: Report) -> str:
    told = ", ".join(f"{count:,} {effect}" for effect, count in report.counts.items() if count)
    return f" ({told})" if told else ""


def _row(one: AccountEffect) -> tuple[str | None, ...]:
    return (one.address or one.account, one.before, one.to, one.effect, one.detail)


def read_reason(reason: str) -> str:
    """Return a reason, which has to say something."""
    if not reason.strip():
        raise typer.BadParameter("--reason must say why")
    return reason.strip()


def _seconds(wait: str | None) -> float:
    return parse_duration(wait) if wait else 0.0
