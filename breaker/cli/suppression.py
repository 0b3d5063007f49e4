"""`breaker suppression`: the recipients that are not written to any more, shown and erased."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from breaker.app import suppression_office
from breaker.cli.acting import author, read_reason
from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, DataDir, Json, Reason, Yes, read_settings
from breaker.cli.output import Column, print_json, print_table, remark
from breaker.cli.running import run
from breaker.cli.words import many, moment
from breaker.domain.platform.suppression import Reason as Suppressed  # noqa: TC001 - the option's type is read when the command runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.config import Settings
    from breaker.ports import SuppressedRow

_COLUMNS = (
    Column("recipient", shrinks=True),
    Column("reason"),
    Column("last"),
    Column("times", justify="right"),
    Column("listed"),
    Column("application", wide=True),
)
_STANDARD_INPUT = "-"

Addresses = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ADDRESS...",
        help="Recipients; - reads them from standard input, so that no shell keeps them.",
        show_default=False,
    ),
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    family = typer.Typer(help="Show or erase the recipients that are not written to any more.", no_args_is_help=True)
    family.command("list")(show)
    family.command("erase")(erase)
    application.add_typer(family, name="suppression")


def show(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    addresses: Addresses = None,
    reason: Annotated[
        Suppressed | None, typer.Option("--for", help="Only those suppressed for this.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Recipients to show.")] = 50,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Show the recipients that are kept, those that bounced or complained last first.

    "listed" says whether the platform's List was read back and has them. That they were shown stands in the audit
    trail.
    """
    settings = read_settings(config, data_dir=data_dir)
    found = run(_show(settings, limit, reason, _read(addresses)))
    if json:
        print_json({"data": [_as_json(one) for one in found]})
    elif found:
        print_table(_COLUMNS, [_row(one) for one in found])
    else:
        remark("No such recipient is kept." if settings.suppression.enabled else "Nobody is kept: suppression is off.")


def erase(  # noqa: PLR0913 - every argument is an option that a person may give
    *,
    addresses: Addresses = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are kept.", show_default=False)] = False,
    reason: Reason,
    yes: Yes = False,
    json: Json = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Erase recipients: they are gone from the database at once, and from the platform's List within seconds.

    They may be written to again, and are kept again where they bounce or complain again. The audit trail gets a keyed
    hash in place of an address.
    """
    settings, why = read_settings(config, data_dir=data_dir), read_reason(reason)
    chosen = _read(addresses)
    if everything is (chosen is not None):
        raise typer.BadParameter("name recipients, or --all" if everything else "name recipients, - or --all")
    if everything and not yes and sys.stdin.isatty():
        typer.confirm("Erase all suppressed recipients?", abort=True, err=True)
    erased = run(_erase(settings, chosen, why))
    if json:
        print_json({"erased": erased})
    else:
        remark(f"{many(erased, 'recipient')} erased; `breaker serve` takes them out of the platform's List.")
    if chosen is not None and erased < len(chosen):
        remark(f"{many(len(chosen) - erased, 'recipient')} not kept: there was nothing to erase.", style="yellow")
        raise typer.Exit(ExitCode.FOUND_SOMETHING)


async def _show(
    settings: Settings, limit: int, reason: Suppressed | None, addresses: Sequence[str] | None
) -> Sequence[SuppressedRow]:
    async with suppression_office(settings) as office:
        return await office.show(limit, reason, addresses, author())


async def _erase(settings: Settings, addresses: Sequence[str] | None, reason: str) -> int:
    async with suppression_office(settings) as office:
        return await office.erase(addresses, reason, author())


def _read(addresses: Sequence[str] | None) -> list[str] | None:
    """Return addresses as they are kept, or None where none is named."""
    if not addresses:
        return None
    said = sys.stdin.read().split() if list(addresses) == [_STANDARD_INPUT] else addresses
    return list(dict.fromkeys(one.strip().lower() for one in said))


def _as_json(one: SuppressedRow) -> dict[str, object]:
    return {**one._asdict(), "reason": str(one.reason)}


def _row(one: SuppressedRow) -> tuple[str, ...]:
    listed = "yes" if one.listed else "not yet"
    return one.address, str(one.reason), moment(one.last_at), f"{one.times:,}", listed, one.application_id
