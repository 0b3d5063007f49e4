"""The slow comparison that the daemon makes: a notification that never came does not go unseen."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import aiohttp

from breaker.app import running
from breaker.app.rhythm import Rhythm
from breaker.config import load
from tests.simulated import KEY, simulated

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_daemon_tells_by_how_much_its_counts_and_the_platforms_differ(
    database_url: str, tmp_path: Path
) -> None:
    async with simulated() as platform:
        application = platform.application
        grant = application.add_grant("agent@agents.example.com")
        application.deliver(application.send(grant.id, ["a@y.example"]))  # nobody heard of it
        flags = {
            "data_dir": tmp_path,
            "database_url": database_url,
            "listen": "127.0.0.1:0",
            "admin_listen": "127.0.0.1:0",
            "nylas_api_key": KEY,
            "nylas_api_url": platform.url,
        }
        async with (
            running(load(None, flags, {}), rhythm=Rhythm(counts=0.05)) as daemon,
            aiohttp.ClientSession() as session,
            asyncio.timeout(20),
        ):
            told = "NaN"
            while told == "NaN":
                async with session.get("http://{}:{}/metrics".format(*daemon.admin_address)) as answer:
                    found = re.search(r"^breaker_count_difference_ratio (\S+)$", await answer.text(), re.MULTILINE)
                assert found is not None
                told = found[1]

        assert told == "1.0"
