"""The options that several commands share, and the settings that follow from them."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from breaker.config import load

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


def parse_moment(text: str, now: float) -> float:
    """Read a moment as Unix seconds: so long ago (`2h`), or a time of the calendar, in UTC where it names no zone.

    Raises:
        typer.BadParameter: It is neither.
    """
    if re.fullmatch(r"\d+(?:\.\d+)?[smhd]", text.strip().lower()):
        return now - parse_duration(text)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no moment: say 2h for two hours ago, or 2026-11-20T09:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
