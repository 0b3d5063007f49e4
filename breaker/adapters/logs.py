"""Logs: JSON lines for machines, readable lines on a terminal, and in neither a secret or a recipient's address.

What libraries log through the standard library goes the same way. Redaction comes last, over everything that is about
to be written, because an address gets into a log where nobody thought of it: in an exception's text, in a path.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

ADDRESS = "[address]"
REDACTED = "[redacted]"

# A guarded account's own address is what most lines are about; its recipients' have no business here.
ALLOWED_ADDRESS_KEYS = frozenset({"account_address"})

_SECRET_KEY = re.compile(
    r"(^|_)(secrets?|tokens?|password|authorization|cookie|credentials?|dsn|api_key|hash_key|signature|database_url"
    r"|database_direct_url)$",
    re.IGNORECASE,
)
# The login in a URL, such as a connection string's.
_LOGIN = re.compile(r"(?<=://)[^/@\s]*+@")
_BEARER = re.compile(r"\b(Bearer|Basic)\s++[^\s,;'\"]++", re.IGNORECASE)
# An address begins only where a run of its characters begins, so that a long text is passed over once. What may stand
# in it is taken widely: a word too much redacted costs less than a person named.
_ADDRESS = re.compile(
    r"(?:\"[^\"\n@]*+\"|(?<![^\s@<>()\[\],;:\"\\])[^\s@<>()\[\],;:\"\\]++)@[^\s@<>()\[\],;:\"'\\/?&#]++"
)
# Not possessive over its alternatives: before Python 3.11.5 that matched wrongly (CPython issue 106052).
_ENCODED_ADDRESS = re.compile(r"(?<![\w.~!$'*+%-])(?:[\w.~!$'*+-]|%(?!40)[0-9A-Fa-f]{2})+%40[\w.-]++")

# Their news are of interest to whoever looks for a fault in them; ours are said by ourselves.
_LIBRARIES = ("aiohttp.access", "alembic", "asyncio", "sqlalchemy")


def configure_logging(
    log_format: Literal["auto", "json", "console"] = "auto", level: str = "info", stream: TextIO | None = None
) -> None:
    """Send everything that this process logs to one stream, in one form; may be called again after a reload.

    Args:
        log_format: `auto` is `console` where the stream is a terminal, else `json`.
        level: The least level that is written: debug, info, warning or error. Some libraries are heard below
            `warning` only at `debug`.
        stream: Unset: standard error, so that a command's own output stays clean.
    """
    stream = stream or sys.stderr
    is_terminal = stream.isatty()
    readable = log_format == "console" or (log_format == "auto" and is_terminal)
    # https://no-color.org
    colors = is_terminal and not os.environ.get("NO_COLOR")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=_described(),
            processors=[ProcessorFormatter.remove_processors_meta, *_rendered(readable=readable, colors=colors)],
        )
    )
    root = logging.getLogger()
    for former in list(root.handlers):
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_described(), ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a reload may change level and form
    )


def redact(logger: object, method: str, event: EventDict) -> EventDict:
    """Take secrets and addresses out of everything that is about to be written; a structlog processor."""
    del logger, method
    return {key: _redacted(key, value) for key, value in event.items()}


def redact_text(text: str) -> str:
    """Return a text without logins in URLs, bearer tokens and email addresses."""
    if "@" in text:
        text = _ADDRESS.sub(ADDRESS, _LOGIN.sub(f"{REDACTED}@", text))
    if "%40" in text:
        text = _ENCODED_ADDRESS.sub(ADDRESS, text)
    return _BEARER.sub(rf"\1 {REDACTED}", text)


def _redacted(key: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float) or key in ALLOWED_ADDRESS_KEYS:
        return value
    if _SECRET_KEY.search(key):
        return REDACTED
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {redact_text(str(name)): _redacted(str(name), one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(key, one) for one in value]
    return redact_text(str(value))


def _described() -> list[Processor]:
    """Add what every line has, whoever wrote it."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _rendered(*, readable: bool, colors: bool) -> list[Processor]:
    renderer: Processor = structlog.processors.JSONRenderer()
    if readable:
        # A prettier traceback would show the values of variables, and be made after the redaction.
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)
    return [structlog.processors.format_exc_info, redact, renderer]
