"""`breaker migrate`: the database's schema."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from breaker import app
from breaker.cli.options import Config, DataDir, Json, read_settings
from breaker.cli.output import print_json, results
from breaker.cli.running import run

Sql = Annotated[
    bool,
    typer.Option(
        "--sql", help="Print the SQL of the whole schema for review; no database is touched.", show_default=False
    ),
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("migrate")(migrate)


def migrate(*, config: Config = None, data_dir: DataDir = None, sql: Sql = False, json: Json = False) -> None:
    """Bring the database to the schema that this Breaker needs, in one transaction.

    Past a pooler where BREAKER_DATABASE_DIRECT_URL says how. Does nothing where the schema is as it should be.
    """
    if sql:
        sys.stdout.write(app.migration_sql())
        return
    settings = read_settings(config, data_dir=data_dir)
    before, after = run(app.migrate(settings))
    if json:
        print_json({"before": before, "after": after})
    elif before == after:
        results().print(f"The schema is {after} already; nothing was changed.")
    else:
        results().print(f"The schema was {before or 'not there'} and is {after} now.")
