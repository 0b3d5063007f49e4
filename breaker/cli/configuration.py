"""`breaker check-config`: what the settings are, where each was said, and what they leave undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, DataDir, Json, read_settings
from breaker.cli.output import Column, print_json, print_table, remark
from breaker.config import describe
from breaker.domain.circuit import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.config import Settings

_COLUMNS = (Column("setting"), Column("value", shrinks=True), Column("from", shrinks=True))


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("check-config")(check_config)


def check_config(*, config: Config = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Read the configuration as the daemon would, and print it with secrets masked.

    Ends with 2 where it cannot be used, and with 3 where it can but asks for what it does not make possible.
    """
    settings = read_settings(config, data_dir=data_dir)
    lines = describe(settings)
    contradictions, notes = list(_contradictions(settings)), list(_notes(settings))
    if json:
        print_json(
            {
                "settings": [{"key": one.key, "value": one.value, "source": one.source} for one in lines],
                "contradictions": contradictions,
                "notes": notes,
            }
        )
    else:
        print_table(_COLUMNS, [(one.key, one.value, one.source) for one in lines])
        for note in notes:
            remark(f"note: {note}")
        for contradiction in contradictions:
            remark(f"problem: {contradiction}", style="yellow")
    if contradictions:
        raise typer.Exit(ExitCode.FOUND_SOMETHING)


def _contradictions(settings: Settings) -> Iterator[str]:
    """Yield what is asked for and cannot happen."""
    for one in settings.guarded_applications():
        enforces = [one.mode, *(workspace.mode for workspace in one.workspaces.values())]
        if Mode.ENFORCE in enforces and one.api_key is None:
            yield f"{_of(one.id)}mode is enforce, but nothing can be stopped without an API key: BREAKER_NYLAS_API_KEY"
        if Mode.ENFORCE in enforces and not one.actuators:
            yield f"{_of(one.id)}mode is enforce, but no actuator is on: set BREAKER_ACTUATORS"


def _notes(settings: Settings) -> Iterator[str]:
    """Yield what works and may surprise."""
    if settings.database_url is None:
        yield f"no database is configured: the embedded PostgreSQL in {settings.data_dir} is used, for trials"
    if not settings.admin_tokens:
        yield "nobody may use the admin API: set BREAKER_ADMIN_TOKENS"
    if settings.public_url is None:
        yield "`breaker setup` needs BREAKER_PUBLIC_URL to make the webhook"
    yield from (
        f"{_of(one.id)}no API key: Breaker counts and judges, but cannot act"
        for one in settings.guarded_applications()
        if one.api_key is None and one.mode is Mode.OBSERVE
    )


def _of(application_id: str | None) -> str:
    return f"application {application_id}: " if application_id else ""
