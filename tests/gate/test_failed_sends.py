"""Sends that failed after they were accepted, as the platform's notifications tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from breaker.adapters.metrics import Metrics
from breaker.adapters.nylas.notifications import SendFailed
from breaker.app import account_as_json
from breaker.app.refusals import Refusals
from breaker.app.reporter import Reporter
from breaker.config import ConfigurationError
from breaker.domain.acts.selectors import parse_selector
from breaker.ports import NoHolds
from tests.fleet import APPLICATION, NOW, Fleet, fleet, settings_of

if TYPE_CHECKING:
    from pathlib import Path


def wired(known: Fleet) -> Refusals:
    operations = known.operations
    reporter = Reporter(Metrics(), lambda: None)
    return Refusals(known.pool, operations.in_force, operations.modes, NoHolds(), known.clock, reporter, "test")


async def platform_of(known: Fleet, name: str) -> object:
    [standing] = await known.operations.accounts.find(parse_selector(name))
    return account_as_json(standing)["platform"]


async def test_a_send_that_failed_says_that_the_account_is_paused(database_url: str, tmp_path: Path) -> None:
    async with fleet(database_url, tmp_path) as known:
        await known.know("a@x.example", "grant-a")
        refusals = wired(known)

        # The second is of nobody who is known, and the third of no refusal that is worth a word beside the state.
        for grant_id, status, message in (
            ("grant-a", 400, "sending paused"),
            ("grant-b", 400, "sending paused"),
            ("grant-a", None, "it broke"),
        ):
            await refusals.failed(SendFailed(APPLICATION, grant_id, NOW - 5, status, "bad", message))

        assert await platform_of(known, "grant-a") == {
            "what": "platform_paused",
            "scope": "grant",
            "since": NOW - 5,
            "source": "send_failed",
        }


async def test_the_words_of_a_pause_are_configured(database_url: str, tmp_path: Path) -> None:
    async with fleet(database_url, tmp_path, **{"platform.paused_text": "FROZEN"}) as known:
        for letter, message in (("a", "sending paused"), ("b", "This mailbox is frozen.")):
            await known.know(f"{letter}@x.example", f"grant-{letter}")
            await wired(known).failed(SendFailed(APPLICATION, f"grant-{letter}", NOW, 400, "", message))

        assert [await platform_of(known, f"grant-{letter}") is None for letter in "ab"] == [True, False]


def test_words_that_are_no_expression_are_an_error_that_names_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"platform\.paused_text.*must be a regular expression"):
        settings_of(tmp_path, **{"platform.paused_text": "(paused"})
