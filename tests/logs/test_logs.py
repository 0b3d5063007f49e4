from __future__ import annotations

import io
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from breaker.adapters.logs import ADDRESS, REDACTED, configure_logging, redact, redact_text

if TYPE_CHECKING:
    from collections.abc import Iterator


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Leave the process's logging as the other tests expect it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    for name in ("aiohttp.access", "alembic", "asyncio", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_the_time_in_utc_where_nobody_looks_on() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream)

    structlog.get_logger("breaker.flows.act").info("stopped", account_address="agent@fleet.example", count=3)

    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "stopped",
        "level": "info",
        "logger": "breaker.flows.act",
        "account_address": "agent@fleet.example",
        "count": 3,
    }


def test_a_terminal_gets_readable_lines_and_a_file_of_them_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal, file = Terminal(), io.StringIO()

    configure_logging(stream=terminal)
    structlog.get_logger("breaker").warning("blind", application="a")
    configure_logging("console", stream=file)
    structlog.get_logger("breaker").warning("blind", application="a")

    assert "\x1b[" in terminal.getvalue()
    assert "\x1b[" not in file.getvalue()
    assert "blind" in file.getvalue()
    assert "application=a" in file.getvalue()


def test_libraries_log_the_same_way() -> None:
    stream = io.StringIO()
    configure_logging("json", stream=stream)

    logging.getLogger("aiohttp.server").error("no answer for %s", "jo@example.com")
    logging.getLogger("aiohttp.access").info("GET /livez")

    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == (f"no answer for {ADDRESS}", "aiohttp.server", "error")


def test_below_the_level_nothing_is_written() -> None:
    stream = io.StringIO()
    configure_logging("json", "warning", stream)

    structlog.get_logger("breaker").info("unheard")

    assert stream.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exceptions_text_is_redacted_with_its_traceback(form: Literal["json", "console"]) -> None:
    stream = io.StringIO()
    configure_logging(form, stream=stream)
    address = "jo@example.com"

    try:
        int(f"recipient {address}")
    except ValueError:
        structlog.get_logger("breaker").exception("refused")
        logging.getLogger("asyncio").exception("refused")

    assert address not in stream.getvalue()
    assert stream.getvalue().count(f"recipient {ADDRESS}") == 2


@dataclass
class Verdict:
    address: str
    count: int


def test_what_is_nested_is_redacted_too() -> None:
    event = {
        "event": "decided",
        "verdict": Verdict("jo@example.com", 3),
        "by_recipient": {"jo@example.com": ["jo@example.com", 1]},
        "nylas_api_key": "key",
        "webhook_secrets": ["one", "two"],
        "headers": {"Authorization": "Bearer abc", "Accept": "text/html"},
        "path": "/api/v1/accounts/jo%40example.com?sort=rate",
        "account_address": "agent@fleet.example",
        "hold": True,
        "since": None,
    }

    assert redact(None, "info", event) == {
        "event": "decided",
        "verdict": {"address": ADDRESS, "count": 3},
        "by_recipient": {ADDRESS: [ADDRESS, 1]},
        "nylas_api_key": REDACTED,
        "webhook_secrets": REDACTED,
        "headers": {"Authorization": REDACTED, "Accept": "text/html"},
        "path": f"/api/v1/accounts/{ADDRESS}?sort=rate",
        "account_address": "agent@fleet.example",
        "hold": True,
        "since": None,
    }


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("550 5.1.1 <jo@example.com>: user unknown", f"550 5.1.1 <{ADDRESS}>: user unknown"),
        ('"jo doe"@example.com is full', f"{ADDRESS} is full"),
        ("postgresql://breaker:pass@db.example:5432/breaker", f"postgresql://{REDACTED}@db.example:5432/breaker"),
        ("Authorization: Bearer nyk_v0_abc", f"Authorization: Bearer {REDACTED}"),
        ("at 3 @ 5 %", "at 3 @ 5 %"),
    ],
)
def test_what_looks_like_an_address_or_a_secret_is_taken_out_of_a_text(text: str, redacted: str) -> None:
    assert redact_text(text) == redacted


AROUND = st.text(st.sampled_from(" <>()[],;:\"'\n@%/?abc4"), max_size=12)


@given(address=st.emails(), before=AROUND, after=AROUND)
def test_no_address_survives_whatever_stands_around_it(address: str, before: str, after: str) -> None:
    assert address not in redact_text(f"{before}{address}{after}")


@given(address=st.emails(), before=st.sampled_from(["/", "?account=", "id: "]))
def test_no_address_in_a_url_survives(address: str, before: str) -> None:
    encoded = quote(address, safe="")

    assert encoded not in redact_text(f"{before}{encoded}/verdicts")


def test_a_megabyte_without_an_end_is_redacted_in_one_pass() -> None:
    assert redact_text("a" * 1_000_000 + " jo@example.com").endswith(f"a {ADDRESS}")
    assert redact_text("@" + "%41" * 300_000 + "%40") == "@" + "%41" * 300_000 + "%40"
