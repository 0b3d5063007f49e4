"""The demo, as a person runs it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any

import pytest

_LIMIT = 150.0


async def _run(*arguments: str) -> tuple[int, str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BREAKER_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "breaker", "demo", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        async with asyncio.timeout(_LIMIT):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.timeout(_LIMIT + 30)
async def test_the_same_fleet_fares_better_with_breaker_and_worse_for_its_healthy_with_a_naive_one() -> None:
    code, out, err = await _run("--json", "--seed", "5", "--accounts", "100", "--days", "3", "--compare", "naive")

    assert (code, err) == (0, "")
    said: dict[str, Any] = json.loads(out.splitlines()[-1])
    without, guarded, naive = said["without_breaker"], said["with_breaker"], said["naive_breaker"]
    assert (said["accounts"], said["days"], said["seed"]) == (100, 3.0, 5)
    assert said["events"] > 3_000
    assert 1_000 <= said["representative_volume"] <= 10_000
    assert without["paused"] > 0
    assert guarded["paused"] * 10 <= without["paused"]
    assert guarded["stopped"] > 0
    assert guarded["stopped_healthy"] < naive["stopped_healthy"]
    assert guarded["domains"] == ["agents-0.example.com"]
    [stop] = said["domain_stops"]
    assert (stop["domain"], stop["accounts"], stop["stops"]) == ("agents-0.example.com", 40, 1)
    assert stop["verdicts_about_accounts"] <= 1
    assert (len(stop["probed_by"]), stop["back"]) == (1, True)


async def test_a_breaker_to_compare_with_that_is_not_there_is_bad_usage() -> None:
    code, out, err = await _run("--compare", "nobody")

    assert (code, out) == (2, "")
    assert "choose naive" in err


@pytest.mark.timeout(_LIMIT)
async def test_a_demo_that_is_interrupted_ends_without_a_word_of_python() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "breaker", "demo", "--accounts", "100"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(_LIMIT / 2):
            while "the daemon" not in said:
                said += (await process.stdout.readline()).decode()
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of its processes
            said += (await process.stdout.read()).decode()
            code = await process.wait()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    assert code == 130
    assert "Traceback" not in said
    assert "Unclosed" not in said
