from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

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
