"""`breaker serve`: the daemon."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer
import uvloop

from breaker.app import serve as run_daemon
from breaker.cli.options import Config, DataDir, read_settings


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command()(serve)


def serve(
    *,
    config: Config = None,
    data_dir: DataDir = None,
    embedded: Annotated[
        bool,
        typer.Option("--embedded", help="Act, not only observe, on the embedded database of --data-dir."),
    ] = False,
) -> None:
    """Run the daemon until it is told to stop (SIGTERM); SIGHUP makes it read its configuration and secrets again."""
    again = partial(read_settings, config, data_dir=data_dir)
    uvloop.run(run_daemon(again(), again, embedded=embedded))
