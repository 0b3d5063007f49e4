"""The options that several commands share, and the settings that follow from them."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from breaker.config import load
from breaker.domain.acts.selectors import EVERYTHING

if TYPE_CHECKING:
    from breaker.config import Settings

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file; unset: the one that BREAKER_CONFIG names. BREAKER_* variables win over it.",
        show_default=False,
    ),
]

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Folder of the embedded PostgreSQL and of the secrets that Breaker makes.",
        show_default=False,
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON, as the API gives it.", show_default=False)]

Selectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SELECTOR...",
        help="An address, a grant id, domain:X, workspace:X, application:X, or - to read them from standard input.",
        show_default=False,
    ),
]

Everything = Annotated[bool, typer.Option(EVERYTHING, help="Every account.", show_default=False)]

Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the audit trail.", show_default=False)
]

Plan = Annotated[bool, typer.Option("--plan", help="Show what would be done, and do nothing.", show_default=False)]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.", show_default=False)]

Wait = Annotated[
    str | None,
    typer.Option(
        "--wait",
        metavar="60s",
        help="Wait that long for the platform to be read back; ends with 4 where it was not.",
        show_default=False,
    ),
]

OnlyDomain = Annotated[
    bool,
    typer.Option(
        "--only-domain",
        help="Of domain:X its own circuit alone, and not its accounts, which keep what was counted.",
        show_default=False,
    ),
]

Pace = Annotated[
    float | None,
    typer.Option("--pace", metavar="N", min=0.001, help="Accounts a second that are let go.", show_default=False),
]

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def read_settings(config: Path | None, **flags: object) -> Settings:
    """Return the settings of a command.

    Args:
        config: The file that `--config` names, or None.
        flags: What other flags said, by dotted name; None says nothing.

    Raises:
        ConfigurationError: They cannot be used.
    """
    return load(config, flags, os.environ)


def parse_duration(text: str) -> float:
    """Read a duration such as `60s`, `5m`, `12h` or `7d` as seconds; a bare number is seconds.

    Raises:
        typer.BadParameter: It is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip().lower())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no duration: say 60s, 5m, 12h or 7d")
    return float(found[1]) * _UNITS[found[2]]


def parse_end(text: str, now: float) -> float:
    """Read the moment at which something ends as Unix seconds: a time of the calendar, in UTC where it names no zone.

    Raises:
        typer.BadParameter: It is none, or is over.
    """
    moment = _calendar(text)
    if moment is None or moment <= now:
        raise typer.BadParameter(f"{text!r} is no moment to come: say 2026-11-21T09:00, or how long by --for")
    return moment


def parse_moment(text: str, now: float) -> float:
    """Read a moment as Unix seconds: so long ago (`2h`), or a time of the calendar, in UTC where it names no zone.

    Raises:
        typer.BadParameter: It is neither.
    """
    if re.fullmatch(r"\d+(?:\.\d+)?[smhd]", text.strip().lower()):
        return now - parse_duration(text)
    moment = _calendar(text)
    if moment is None:
        raise typer.BadParameter(f"{text!r} is no moment: say 2h for two hours ago, or 2026-11-20T09:00")
    return moment


def _calendar(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
