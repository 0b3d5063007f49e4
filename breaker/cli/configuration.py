"""`breaker check-config`: what the settings are, where each was said, and what they leave undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from breaker.app import would_act
from breaker.cli.exit_codes import ExitCode
from breaker.cli.options import Config, DataDir, Json, read_settings
from breaker.cli.output import Column, print_json, print_table, remark
from breaker.cli.protected import check_protected, never_counting, weaker_before
from breaker.cli.running import run
from breaker.config import describe
from breaker.domain.circuits.circuit import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.app import WouldAct
    from breaker.config import Settings

_COLUMNS = (Column("setting"), Column("value", shrinks=True), Column("from", shrinks=True))
_ACCOUNTS = (
    Column("account", shrinks=True),
    Column("profile", shrinks=True),
    Column("mode", wide=True),
    Column("state"),
    Column("pending", wide=True),
    Column("would be"),
    Column("with one more"),
    Column("detector", wide=True),
)

WouldStop = Annotated[
    bool,
    typer.Option(
        "--would-stop",
        help="List instead the accounts that it would limit or stop at their next bad outcome, and that stand "
        "otherwise now; ends with 3 where there are any.",
        show_default=False,
    ),
]

ShowProtected = Annotated[
    bool,
    typer.Option(
        "--protected",
        help="List instead whom the patterns of protected accounts speak of; ends with 3 where one speaks of nobody.",
        show_default=False,
    ),
]


def register(application: typer.Typer) -> None:
    """Add the commands of this family."""
    application.command("check-config")(check_config)


def check_config(
    *,
    config: Config = None,
    data_dir: DataDir = None,
    would_stop: WouldStop = False,
    protected: ShowProtected = False,
    json: Json = False,
) -> None:
    """Read the configuration as the daemon would, and print it with secrets masked.

    Ends with 2 where it cannot be used, and with 3 where it can but asks for what it does not make possible.
    """
    settings = read_settings(config, data_dir=data_dir)
    if would_stop:
        _check_accounts(settings, as_json=json)
        return
    if protected:
        check_protected(settings, as_json=json)
        return
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


def _check_accounts(settings: Settings, *, as_json: bool) -> None:
    """Print whom the configuration would limit or stop at the next bad outcome, and who stands otherwise now."""
    found = run(would_act(settings))
    if as_json:
        print_json({"would_stop": [_as_json(one) for one in found]})
    elif found:
        print_table(_ACCOUNTS, map(_row, found))
        remark("nobody is stopped by this alone: each would be by one more bad outcome, as far as the guard lets it")
    else:
        remark("nobody would be limited or stopped by one more bad outcome")
    if found:
        raise typer.Exit(ExitCode.FOUND_SOMETHING)


def _as_json(one: WouldAct) -> dict[str, object]:
    account, suspicion = one.foreseen.account, one.foreseen.suspicion
    return {
        "id": account.id,
        "application_id": account.application_id,
        "address": account.address,
        "profile": one.foreseen.profile,
        "mode": one.mode.mode,
        "state": one.foreseen.state,
        "pending": one.foreseen.pending,
        "to": suspicion.step,
        "detector": suspicion.detector,
        "signal": suspicion.signal,
        "window": suspicion.window,
        "count": suspicion.count,
        "of": suspicion.of,
        "rate": suspicion.rate,
        "threshold": suspicion.threshold,
    }


def _row(one: WouldAct) -> tuple[str | None, ...]:
    account, suspicion = one.foreseen.account, one.foreseen.suspicion
    return (
        account.address or account.id,
        one.foreseen.profile,
        one.mode.mode,
        one.foreseen.state,
        one.foreseen.pending,
        suspicion.step,
        f"{suspicion.count:,} {suspicion.signal}s of {suspicion.of:,}",
        suspicion.detector,
    )


def _contradictions(settings: Settings) -> Iterator[str]:
    """Yield what is asked for and cannot happen."""
    for one in settings.guarded_applications():
        enforces = [one.mode, *(workspace.mode for workspace in one.workspaces.values())]
        if Mode.ENFORCE in enforces and one.api_key is None:
            yield f"{_of(one.id)}mode is enforce, but nothing can be stopped without an API key: BREAKER_NYLAS_API_KEY"
        if Mode.ENFORCE in enforces and not one.actuators:
            yield f"{_of(one.id)}mode is enforce, but no actuator is on: set BREAKER_ACTUATORS"
    yield from never_counting(settings)


def _notes(settings: Settings) -> Iterator[str]:
    """Yield what works and may surprise."""
    if settings.database_url is None:
        yield f"no database is configured: the embedded PostgreSQL in {settings.data_dir} is used, for trials"
    if not settings.admin_tokens:
        yield "nobody may use the admin API: set BREAKER_ADMIN_TOKENS"
    if settings.public_url is None:
        yield "`breaker setup` needs BREAKER_PUBLIC_URL to make the webhook"
    yield from weaker_before(settings)
    yield from (
        f"{_of(one.id)}no API key: Breaker counts and judges, but cannot act"
        for one in settings.guarded_applications()
        if one.api_key is None and one.mode is Mode.OBSERVE
    )


def _of(application_id: str | None) -> str:
    return f"application {application_id}: " if application_id else ""
