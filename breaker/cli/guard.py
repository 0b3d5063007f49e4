"""`breaker guard` and `breaker hold`: people's acts on the whole fleet."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from breaker.app import Operations, fleet_act_as_json, guard_as_json, hold_as_json
from breaker.cli.acting import Manner, author, carry_out, in_a_manner, read_reason, read_selectors
from breaker.cli.exit_codes import ExitCode
from breaker.cli.holds import current_hold, hold_line
from breaker.cli.options import Config, DataDir, Everything, Json, Reason, parse_duration, read_settings
from breaker.cli.output import Column, print_json, print_table, remark
from breaker.cli.running import operate
from breaker.cli.words import ago, lasting, many
from breaker.domain.acts.acts import Act, ActKind
from breaker.domain.acts.fleet_acts import RAISED_FOR, FleetAct, FleetActKind, parse_limit
from breaker.domain.circuits.guard import GuardLimit  # noqa: TC001 - the option's type is read when the command runs

if TYPE_CHECKING:
    from breaker.config import Settings
    from breaker.domain.circuits.guard import HeldStop, Usage

_LIMITS = (
    Column("limit"),
    Column("of", shrinks=True),
    Column("used", justify="right"),
    Column("allowed", justify="right"),
)
_HELD = (
    Column("account", shrinks=True),
    Column("headroom", justify="right"),
    Column("waits", justify="right"),
    Column("why", shrinks=True),
)


class Switch(StrEnum):
    """What `breaker hold` does."""

    ON = "on"
    OFF = "off"


Selectors = Annotated[
    list[str] | None,
    typer.Argument(metavar="SELECTOR...", help="Whose held stops, as for `breaker trip`.", show_default=False),
]
Lasts = Annotated[
    str | None, typer.Option("--for", metavar="1h", help="Ends by itself after that.", show_default=False)
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    guard = typer.Typer(help="Show what the fleet guard holds; approve it, or raise a limit for a while.")
    guard.callback(invoke_without_command=True)(show)
    guard.command("approve")(approve)
    guard.command("raise")(raise_)
    guard.command("lower")(lower)
    application.add_typer(guard, name="guard")
    application.command("hold")(hold)


def show(context: typer.Context, *, json: Json = False, config: Config = None, data_dir: DataDir = None) -> None:
    """Show how much of the fleet guard's limits is used, and what it holds, nearest to the platform's line first."""
    if context.invoked_subcommand is not None:
        return

    async def work(available: Operations) -> ExitCode:
        now = available.clock.now()
        usage, raises = await available.guard.usage(now), await available.guard.raises(now)
        held = await available.guard.stops()
        if json:
            print_json(guard_as_json(usage, raises, held))
            return ExitCode.DONE
        print_table(_LIMITS, [_limit(one) for one in usage])
        for one in raises:
            to = f"{100 * one.share:g} %" if one.share else f"{one.number:,}"
            left = lasting(one.expires_at - now)
            remark(f"{one.only or 'all limits'} raised to {to} by {one.author}, {left} left: {one.reason}")
        if held:
            print_table(_HELD, [_held(one, now) for one in held])
            remark(
                f"{many(len(held), 'stop')} held. `breaker guard approve` takes them, `breaker guard raise` makes room."
            )
        else:
            remark("Nothing is held.")
        return ExitCode.DONE

    operate(read_settings(config, data_dir=data_dir), work)


@in_a_manner
def approve(manner: Manner, *, selectors: Selectors = None, everything: Everything = False) -> None:
    """Do what the fleet guard holds for these accounts; a person's stop takes no room of it."""
    act = Act(ActKind.GUARD_APPROVE, manner.reason, manner.author)
    carry_out(act, read_selectors(selectors, everything=everything), manner)


def raise_(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="N|PERCENT", help="A number of stops, or a share such as 20%.", show_default=False
        ),
    ],
    only: Annotated[
        GuardLimit | None, typer.Option("--limit", help="Only this limit; all three else.", show_default=False)
    ] = None,
    lasts: Lasts = None,
    reason: Reason,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Let more automatic stops through for an hour, or as long as --for says. What is held is judged again."""
    try:
        number, share = parse_limit(to)
    except ValueError as error:
        raise typer.BadParameter(f"--to: {error}") from error
    seconds = parse_duration(lasts) if lasts else RAISED_FOR
    act = FleetAct(FleetActKind.GUARD_RAISE, read_reason(reason), author(), seconds, number, share, only)
    _do(read_settings(config, data_dir=data_dir), act, json=json)


def lower(*, reason: Reason, json: Json = False, config: Config = None, data_dir: DataDir = None) -> None:
    """Set the fleet guard's limits back to what is configured, before what was raised expires."""
    act = FleetAct(FleetActKind.GUARD_LOWER, read_reason(reason), author())
    _do(read_settings(config, data_dir=data_dir), act, json=json)


def hold(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    switch: Annotated[
        Switch | None, typer.Argument(metavar="on|off", help="Without: show it.", show_default=False)
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="Why; it stands in the audit trail.", show_default=False),
    ] = None,
    lasts: Lasts = None,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Freeze what Breaker would change by itself, both ways; intake, verdicts and people's acts go on."""
    settings = read_settings(config, data_dir=data_dir)
    if switch is None:
        operate(settings, lambda available: _show_hold(available, json=json))
    if reason is None:
        raise typer.BadParameter("--reason must say why")
    if lasts and switch is Switch.OFF:
        raise typer.BadParameter("--for goes with on")
    kind = FleetActKind.HOLD_ON if switch is Switch.ON else FleetActKind.HOLD_OFF
    act = FleetAct(kind, read_reason(reason), author(), parse_duration(lasts) if lasts else None)
    _do(settings, act, json=json)


async def _show_hold(available: Operations, *, json: bool) -> ExitCode:
    held = await current_hold(available)
    if json:
        print_json(hold_as_json(held))
    else:
        remark(hold_line(held, available.clock.now()) if held else "Automatic changes are not on hold.")
    return ExitCode.DONE


def _do(settings: Settings, act: FleetAct, *, json: bool) -> None:
    async def work(available: Operations) -> ExitCode:
        await available.fleet_acts.carry_out(act, available.clock.now())
        if json:
            print_json(fleet_act_as_json(act, plan=False))
        else:
            remark(act.sentence)
        return ExitCode.DONE

    operate(settings, work)


def _limit(one: Usage) -> tuple[str, ...]:
    return (one.limit, one.scope, f"{one.used:,}", f"{one.allowed:,}")


def _held(one: HeldStop, now: float) -> tuple[str | None, ...]:
    left = None if one.headroom is None else f"{one.headroom.bad_outcomes:,}"
    return (one.address or one.id, left, ago(one.at, now), one.why)
