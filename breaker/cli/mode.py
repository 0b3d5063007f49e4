"""`breaker mode` and `modes`: how far Breaker may go, and who said so."""

from __future__ import annotations

from enum import StrEnum
from time import time
from typing import TYPE_CHECKING, Annotated

import typer

from breaker.app import Operations, modes_as_json
from breaker.cli.acting import Manner, carry_out, in_a_manner, read_selectors
from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, DataDir, Everything, Json, parse_duration, parse_end, read_settings
from breaker.cli.output import Column, print_json, print_table
from breaker.cli.running import operate
from breaker.cli.words import ago, lasting
from breaker.domain.acts.acts import EXEMPT_LASTS, Act, ActKind
from breaker.domain.circuits.circuit import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.domain.circuits.modes import ConfiguredModes, SetMode

_COLUMNS = (
    Column("whose", shrinks=True),
    Column("mode"),
    Column("since", justify="right"),
    Column("ends in", justify="right"),
    Column("by"),
    Column("why", shrinks=True),
)
_CONFIGURED = "the configuration"


class ModeChoice(StrEnum):
    """What `breaker mode` sets; `inherit` takes a setting away."""

    OBSERVE = "observe"
    ENFORCE = "enforce"
    EXEMPT = "exempt"
    STOPPED = "stopped"
    INHERIT = "inherit"


Words = Annotated[
    list[str],
    typer.Argument(
        metavar=f"SELECTOR... {'|'.join(ModeChoice)}",
        help="Whose mode (a group's holds for accounts to come), and which; inherit takes a setting away.",
        show_default=False,
    ),
]
Lasts = Annotated[
    str | None,
    typer.Option("--for", metavar="24h", help="Ends by itself after that; exempt: 24h.", show_default=False),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="Ends by itself then, such as 2026-11-21T09:00.", show_default=False),
]
ApplyPending = Annotated[
    bool,
    typer.Option("--apply-pending", help="With enforce: also do what pending verdicts asked.", show_default=False),
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("mode")(mode)
    application.command("modes")(modes)


@in_a_manner
def mode(  # noqa: PLR0913 - every argument is an option that a person may give
    manner: Manner,
    *,
    words: Words,
    everything: Everything = False,
    lasts: Lasts = None,
    until: Until = None,
    apply_pending: ApplyPending = False,
) -> None:
    """Say how far Breaker may go: observe (verdicts only), enforce, exempt; stopped stops accounts and keeps them so.

    The most specific setting wins: account, domain, workspace, application. Going from observe to enforce stops nobody
    for what was seen before: it lists who has a verdict pending, and --apply-pending takes them. When stopped ends or
    is taken away, nobody is let go by that: `breaker reset` does it.
    """
    *selectors, last = words
    if last not in set(ModeChoice):
        raise typer.BadParameter(f"{last!r} is no mode: the last word is one of {', '.join(ModeChoice)}")
    if apply_pending and last != ModeChoice.ENFORCE:
        raise typer.BadParameter("--apply-pending goes with enforce only")
    act = Act(
        ActKind.MODE,
        manner.reason,
        manner.author,
        mode=None if last == ModeChoice.INHERIT else Mode(last),
        lasts=_seconds(last, lasts, until),
        apply_pending=apply_pending,
    )
    carry_out(act, read_selectors(selectors, everything=everything), manner)


def modes(*, json: Json = False, config: Config = None, data_dir: DataDir = None) -> None:
    """List the modes in force: what people set, the most specific first, and what the configuration says beneath."""

    async def work(available: Operations) -> ExitCode:
        now = available.clock.now()
        listed, configured = await available.modes.listed(now), available.in_force.modes
        if json:
            print_json(modes_as_json(listed, configured))
        else:
            print_table(_COLUMNS, [*(_row(one, now) for one in listed), *_configured(configured)])
        return ExitCode.DONE

    operate(read_settings(config, data_dir=data_dir), work)


def _seconds(mode: str, lasts: str | None, until: str | None) -> float | None:
    if mode == ModeChoice.INHERIT and (lasts or until):
        raise typer.BadParameter("inherit takes a setting away: --for and --until go with the other modes")
    if lasts and until:
        raise typer.BadParameter("--for and --until say the same thing: give one of them")
    if until:
        now = time()
        return parse_end(until, now) - now
    if lasts:
        return parse_duration(lasts)
    return EXEMPT_LASTS if mode == ModeChoice.EXEMPT else None


def _row(one: SetMode, now: float) -> tuple[str | None, ...]:
    setting = one.setting
    ends = lasting(setting.expires_at - now) if setting.expires_at else None
    return (one.selector, setting.mode, ago(setting.set_at, now), ends, setting.author, setting.reason)


def _configured(configured: ConfiguredModes) -> Iterator[tuple[str | None, ...]]:
    for (_, name), said in sorted(configured.workspaces.items()):
        yield (f"workspace:{name}", said, None, None, _CONFIGURED, None)
    for name, said in sorted(configured.applications.items()):
        yield (f"application:{name}", said, None, None, _CONFIGURED, None)
    yield ("--all", configured.daemon, None, None, _CONFIGURED, None)
