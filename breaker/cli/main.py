"""The `breaker` command: every family of commands, and what their errors mean to a shell."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

import breaker
from breaker.app import UnavailableError
from breaker.cli import (
    act,
    backtest,
    configuration,
    demo,
    detection,
    doctor,
    drill,
    explain,
    fleet,
    guard,
    history,
    letting_go,
    mode,
    report,
    schema,
    serve,
    setup,
    simulate,
    support,
    suppression,
)
from breaker.cli.exit_codes import ExitCode
from breaker.cli.output import remark
from breaker.config import ConfigurationError
from breaker.domain.acts.acts import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Family(Protocol):
    """A module with commands."""

    def register(self, application: typer.Typer) -> None:
        """Add its commands."""
        ...


FAMILIES: Sequence[Family] = (
    demo,
    simulate,
    serve,
    setup,
    doctor,
    drill,
    schema,
    configuration,
    fleet,
    explain,
    support,
    act,
    letting_go,
    mode,
    guard,
    suppression,
    detection,
    backtest,
    history,
    report,
)
"""The modules of the commands, in the order in which `--help` lists them; each has `register(application)`."""

EXPECTED: Mapping[type[Exception], ExitCode] = {
    ConfigurationError: ExitCode.BAD_USAGE,
    RefusedError: ExitCode.FAILED,
    UnavailableError: ExitCode.FAILED,
}
"""What may go wrong without being a fault of Breaker's: the error's sentence is all that is shown."""


def build() -> typer.Typer:
    """Return the command line with every family registered."""
    application = typer.Typer(
        name="breaker",
        help="Guard a fleet of Nylas Agent Accounts: stop the one mailbox that is going bad before the platform does.",
        epilog="Begin with: breaker demo",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    application.callback()(_top)
    for family in FAMILIES:
        family.register(application)
    return application


def run(arguments: Sequence[str]) -> int:
    """Carry out a command line and return its exit code."""
    try:
        build()(list(arguments), prog_name="breaker")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else ExitCode.FAILED
    except tuple(EXPECTED) as error:
        remark(f"breaker: {error}", style="red")
        return next(code for kind, code in EXPECTED.items() if isinstance(error, kind))
    return ExitCode.DONE


def main() -> None:
    """Run the command that was typed."""
    sys.exit(run(sys.argv[1:]))


def _top(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """Hold the options that come before any command."""


def _version(on: bool) -> None:
    if on:
        sys.stdout.write(f"breaker {breaker.__version__}\n")
        raise typer.Exit
