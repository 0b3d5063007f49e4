"""`breaker doctor`: all that can make a stop not stop, each with what to type; it only reads."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import typer
from rich.table import Table
from rich.text import Text

from breaker.app import examine
from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, DataDir, Json, read_settings
from breaker.cli.output import Column, print_json, print_table, remark, results
from breaker.cli.running import run
from breaker.cli.words import many
from breaker.domain.findings import Severity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from breaker.config import Settings
    from breaker.domain.findings import Finding

_PATIENCE = 2.0
"""Seconds after which somebody who waits is told how far it is, and again and again."""

_COLUMNS = (Column("severity"), Column("kind"), Column("what"), Column("fix"))
_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow"}


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("doctor")(doctor)


def doctor(*, json: Json = False, config: Config = None, data_dir: DataDir = None) -> None:
    """Find all that can make a stop not stop, on the platform, in the database and between them; nothing is changed.

    Ends with 3 where something was found. Run it where the daemon runs, with its configuration.
    """
    settings = read_settings(config, data_dir=data_dir)
    raise typer.Exit(run(_examined(settings, json=json)))


async def _examined(settings: Settings, *, json: bool) -> ExitCode:
    async with _progress() as progress:
        found = await examine(settings, progress.reading)
    if json:
        print_json({"applications": [{"id": number, "findings": _as_json(some)} for number, some in found]})
    else:
        for number, some in found:
            _print(number, some)
    return ExitCode.FOUND_SOMETHING if any(some for _, some in found) else ExitCode.DONE


def _as_json(found: Sequence[Finding]) -> list[dict[str, str]]:
    return [{"kind": one.kind, "severity": one.severity.value, "what": one.sentence, "fix": one.fix} for one in found]


def _print(number: str | None, found: Sequence[Finding]) -> None:
    """Print what was found, and the fix beside it: both are to be read whole."""
    critical = sum(one.severity is Severity.CRITICAL for one in found)
    named = f"application {number}" if number else "the application"
    if not found:
        remark(f"{named}: nothing found")
        return
    remark(f"{named}: {many(len(found), 'finding')}, {critical} of them critical")
    table = Table(box=None, padding=(0, 2, 1, 0), pad_edge=False)
    for title in ("", "what", "fix"):
        table.add_column(title, overflow="fold")
    for one in found:
        table.add_row(Text(one.severity.value, style=_STYLES[one.severity]), Text(one.sentence), Text(one.fix))
    console = results()
    if console.is_terminal:
        console.print(table)
        return
    print_table(_COLUMNS, [(one.severity.value, one.kind, one.sentence, one.fix) for one in found], console)


class _Progress:
    """How many accounts were read."""

    def __init__(self) -> None:
        self._read = 0

    def reading(self, count: int) -> None:
        """Take in how many were read of the application that is read now."""
        self._read = count

    async def tell(self) -> None:
        """Say it every two seconds, until cancelled."""
        while True:
            await asyncio.sleep(_PATIENCE)
            remark(f"reading the platform: {many(self._read, 'account')} so far")


@asynccontextmanager
async def _progress() -> AsyncIterator[_Progress]:
    progress = _Progress()
    task = asyncio.create_task(progress.tell())
    try:
        yield progress
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
