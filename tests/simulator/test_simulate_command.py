from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import aiohttp
import typer
from typer.testing import CliRunner

from breaker.cli.simulate import register
from breaker.simulator.alone import Alone
from breaker.simulator.fleets.scenarios import FleetSize
from breaker.simulator.webhooks.feed import Feed

if TYPE_CHECKING:
    from pathlib import Path

    from breaker.simulator.platform import SimulatedPlatform

_PROGRAM = """
import typer
from breaker.cli.simulate import register
application = typer.Typer()
application.callback()(lambda: None)
register(application)
application()
"""


def test_the_command_runs_the_platform_says_what_to_export_and_ends_on_sigterm() -> None:
    command = [sys.executable, "-c", _PROGRAM, "simulate", "--port", "0", "--accounts", "5", "--api-key", "key-1"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("export BREAKER_APPLICATION_ID"):
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            lines.append(line)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (0, "")
    assert any(line.startswith("export BREAKER_NYLAS_API_URL=http://127.0.0.1:") for line in lines)
    assert "export BREAKER_NYLAS_API_KEY=key-1\n" in lines
    assert "5 accounts on 2 domains. For a daemon beside it:\n" in lines


async def test_a_scenario_runs_live_on_a_clock_that_follows_the_wall() -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    alone = Alone(port=0, speed=100_000.0, scenario="steady", size=FleetSize(10), feed=Feed(repeated=0.5))

    def announce(base_url: str, platform: SimulatedPlatform) -> None:
        assert base_url.startswith("http://127.0.0.1:")
        platform.deliveries.taps.append(lambda notification, _: heard.put_nowait(notification.id))

    running = asyncio.create_task(alone.run(announce))
    async with asyncio.timeout(30):
        identifiers = [await heard.get() for _ in range(200)]
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(30):
        await running

    assert 100 < len(set(identifiers)) < 200


async def test_a_history_was_told_to_nobody_and_each_of_its_messages_is_of_its_own_time() -> None:
    history, passed = 3.0, list[float]()
    opened: asyncio.Future[tuple[str, SimulatedPlatform]] = asyncio.get_running_loop().create_future()
    alone = Alone(port=0, scenario="steady", size=FleetSize(4, history), history=history)
    before = time.time()

    running = asyncio.create_task(alone.run(lambda *what: opened.set_result(what), passed.append))
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        base_url, platform = await opened
        now, headers = platform.clock.now(), {"Authorization": f"Bearer {alone.api_key}"}
        url = f"{base_url}/v3/activity/send?event_type=accepted&start={int(before - 9 * 86_400)}&limit=200"
        async with session.get(url, headers=headers) as answer:
            sent = [event["timestamp"] for event in (await answer.json())["data"]]
        os.kill(os.getpid(), signal.SIGTERM)
        await running

    assert passed == [0.25 * number for number in range(1, 13)]
    assert before <= now <= time.time()
    assert sent == sorted(sent, reverse=True)
    assert {int((now - at) // 86_400) for at in sent} == {0, 1, 2}
    assert not platform.deliveries.counts.statuses


def test_a_history_is_a_scenario_s_and_no_record_s(tmp_path: Path) -> None:
    without = _run("simulate", "--history", "3")
    of_a_record = _run("simulate", "--history", "3", "--scenario", "steady", "--record", str(tmp_path / "fleet.jsonl"))

    assert [code for code, _ in (without, of_a_record)] == [2, 2]
    assert "needs a --scenario" in without[1]


def _run(*arguments: str) -> tuple[int, str]:
    application = typer.Typer()
    application.callback()(lambda: None)
    register(application)
    result = CliRunner().invoke(application, list(arguments))
    return result.exit_code, result.output


def test_an_unknown_plan_is_bad_usage() -> None:
    code, output = _run("simulate", "--plan", "gold")

    assert code == 2
    assert "free" in output


def test_a_record_and_its_truth_are_written_and_the_same_seed_writes_the_same(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.jsonl"
        code, output = _run(
            "simulate",
            "--record",
            str(path),
            "--scenario",
            "bought-list",
            "--accounts",
            "5",
            "--days",
            "2",
            "--seed",
            "3",
        )
        written.append(path.read_bytes())

        assert code == 0
        assert f"{len(written[-1].splitlines())} notifications of 5 accounts" in output
        assert path.with_suffix(".truth.json").exists()

    assert written[0] == written[1]


def test_a_record_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    code, output = _run("simulate", "--record", str(tmp_path / "nowhere" / "fleet.jsonl"))

    assert code == 1
    assert "cannot write" in output
    assert "No such file or directory" in output


def test_the_help_tells_what_the_surface_has() -> None:
    code, output = _run("simulate", "--help")

    assert code == 0
    assert "/simulator/bursts" in output
