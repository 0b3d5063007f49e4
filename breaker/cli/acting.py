"""How every act on accounts is gone about: whom it means and why, the plan, the question, the deed, what came of it."""

from __future__ import annotations

import getpass
import inspect
import os
import sys
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import typer

from breaker.app import Operations, report_as_json
from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, DataDir, Json, Plan, Reason, Wait, Yes, parse_duration, read_settings
from breaker.cli.output import Column, print_json, print_table, remark, remarks
from breaker.cli.running import operate
from breaker.cli.waiting import progress
from breaker.cli.words import many
from breaker.domain.acts.acts import Act, ActKind, Effect
from breaker.domain.acts.selectors import EVERYTHING, Selector, parse_selector
from breaker.domain.circuits.circuit import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from breaker.config import Settings
    from breaker.domain.acts.acts import AccountEffect, Report

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


@dataclass(frozen=True, slots=True)
class Manner:
    """How an act is gone about.

    Args:
        settings: The configuration.
        reason: Why.
        author: Who is at the keyboard.
        plan: Show what would be done, and do nothing.
        yes: Ask nothing.
        wait: Seconds to wait for the platform to be read back.
        json: Print JSON.
    """

    settings: Settings
    reason: str
    author: str
    plan: bool
    yes: bool
    wait: float
    json: bool


def in_a_manner(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that every act has; it gets them as its first argument, a `Manner`."""
    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    shared = inspect.signature(_manner, eval_str=True).parameters

    @wraps(command)
    def with_options(**given: Any) -> None:  # noqa: ANN401 - whatever the command's own options are
        manner = _manner(**{name: given.pop(name) for name in shared})
        command(manner, **given)

    parameters = [*own, *shared.values()]
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # as `inspect` reads it
    with_options.__annotations__ = {one.name: one.annotation for one in parameters}
    return with_options


def _manner(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    reason: Reason,
    plan: Plan = False,
    yes: Yes = False,
    wait: Wait = None,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> Manner:
    return Manner(
        settings=read_settings(config, data_dir=data_dir),
        reason=read_reason(reason),
        author=author(),
        plan=plan,
        yes=yes,
        wait=parse_duration(wait) if wait else 0.0,
        json=json,
    )


def author() -> str:
    """Return who is at the keyboard, for the audit trail."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER")
    return f"{behind} (as {name})" if behind and behind != name else name


def read_reason(reason: str) -> str:
    """Return a reason, which has to say something.

    Raises:
        typer.BadParameter: It says nothing.
    """
    if not reason.strip():
        raise typer.BadParameter("--reason must say why")
    return reason.strip()


def read_selectors(words: Sequence[str] | None, *, everything: bool) -> list[Selector]:
    """Read selectors as they were typed; `-` stands for the lines of standard input.

    Raises:
        typer.BadParameter: There is none, or one has no known form.
    """
    texts: list[str] = [EVERYTHING] if everything else []
    for word in words or ():
        lines = (line.partition("#")[0].strip() for line in sys.stdin) if word == _STANDARD_INPUT else [word]
        texts += [line for line in lines if line]
    if not texts:
        raise typer.BadParameter(f"no account is named: {_FORMS}")
    try:
        return list(dict.fromkeys(parse_selector(text) for text in texts))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def carry_out(act: Act, selectors: Sequence[Selector], manner: Manner) -> None:
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
        with progress(available.clock.now) as told:
            unconfirmed = await available.operator.wait(done, manner.wait, told if manner.wait else _nobody)
        _print(act, done, manner, plan=False, unconfirmed=len(unconfirmed))
        if act.mode is Mode.ENFORCE and manner.settings.database_url is None:
            remark(
                "note: no BREAKER_DATABASE_URL is set: on its embedded database `breaker serve` stops nobody by "
                "itself, unless it runs with --embedded",
                style="yellow",
            )
        if done.counts[Effect.REFUSED]:
            return ExitCode.FAILED
        return ExitCode.NOT_CONFIRMED if unconfirmed else ExitCode.DONE

    operate(manner.settings, work)


def _nobody(_left: int) -> None:
    """Say nothing: nobody waits."""


def _announce(act: Act, planned: Report) -> None:
    remark(_headline(act, planned))
    if planned.listed:
        print_table(_COLUMNS, [_row(one) for one in planned.listed[:_SHOWN]], remarks())
    if planned.total > _SHOWN:
        remark(f"... and {planned.total - _SHOWN:,} more")


def _headline(act: Act, report: Report) -> str:
    what = f"mode {act.mode or 'inherit'}" if act.kind is ActKind.MODE else str(act.kind)
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
    if not report.total and act.kind is not ActKind.MODE:
        remark("Nobody stands so: there is nothing to do.")
    elif plan:
        remark(f"Nothing was changed: this is the plan for {many(report.covered, 'account')}.")
    elif unconfirmed:
        remark(
            f"{unconfirmed:,} not yet confirmed by the platform: it is ordered, and `breaker serve` carries it out. "
            "`breaker explain` shows what is missing."
        )
    if act.kind is ActKind.TRIP and report.counts[Effect.UNCHANGED] and not plan:
        remark("What Breaker stopped by itself is still probed after its cool-down: the mode stopped keeps it stopped.")
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
