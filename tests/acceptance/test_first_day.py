"""The first day as the README tells it: its commands are typed in their order, and what they print is compared."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from breaker.adapters.postgres.embedded import EmbeddedPostgres, temporary_home
from tests.acceptance.processes import bare_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(__file__).parents[2] / "README.md"
SECTION = "## A first day, rehearsed"
PATIENCE = 360.0
_MARK = "@@"


class Step(NamedTuple):
    """One command of the section, and the lines that it is said to print; `…` stands for what differs each time."""

    command: str
    said: list[str]


def steps() -> Iterator[Step]:
    """Give the commands of the section."""
    section = README.read_text().split(f"\n{SECTION}\n")[1].split("\n## ")[0]
    for block in re.findall(r"```console\n(.*?)```", section, re.DOTALL):
        for typed in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = typed.splitlines()
            length = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\"))
            yield Step("\n".join(lines[:length]), [line for line in lines[length:] if line.strip()])


def script(ports: dict[str, int]) -> str:
    """Return all of it as one script, which marks where each command ends and how."""
    lines = ["until_open() { until : 2>/dev/null </dev/tcp/127.0.0.1/$1; do sleep 0.1; done; }"]
    beside = {"breaker simulate": ports["8590"], "breaker serve": ports["8581"]}
    for step in steps():
        command = step.command.replace("breaker simulate", f"breaker simulate --port {ports['8590']}")
        for known, port in ports.items():
            command = command.replace(f":{known}", f":{port}")
        if command.endswith("&"):
            opened = next(port for name, port in beside.items() if name in command)
            command = f"{command.removesuffix('&')} > {opened}.log 2>&1 & until_open {opened}"
        lines += [command, f'echo "{_MARK}$?"']
    return "\n".join([*lines, "kill %2; wait %2; kill %1; wait", ""])


def fits(line: str, said: str) -> bool:
    """Tell whether a line is as it is said, but for how wide its columns are and for what `…` stands for."""
    pattern = re.escape(" ".join(said.split())).replace("…", ".*")
    pattern = pattern.replace(r"\ .*\ ", r"\ (?:.*\ )?")  # what differs may be nothing
    return re.fullmatch(pattern, " ".join(line.split())) is not None


def test_what_is_said_stands_for_whatever_differs_each_time() -> None:
    assert fits("done in 4.2 s   at 12:00", "done in … s at …")
    assert fits("read from     send events", "read from …  send events")
    assert not fits("done in 4.2 s", "done … s at …")


@pytest.mark.timeout(400)
async def test_the_first_day_is_as_the_readme_tells_it(bytecode: Path) -> None:
    with temporary_home("breaker-first-day-") as home, ExitStack() as stack:
        ports = {known: _free_port(stack) for known in ("8590", "8580", "8581")}
        stack.close()
        environment = bare_environment(bytecode) | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "BREAKER_LISTEN": f"127.0.0.1:{ports['8580']}",
            "BREAKER_ADMIN_LISTEN": f"127.0.0.1:{ports['8581']}",
            "COLUMNS": "400",
        }
        process = await asyncio.create_subprocess_exec(
            "/bin/bash",
            "-c",
            script(ports),
            cwd=home,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                printed, _ = await process.communicate()
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            await EmbeddedPostgres(home / "first-day" / "postgres").stop()

        outputs = re.split(rf"^{_MARK}(\d+)\n", printed.decode(), flags=re.MULTILINE)
        answers = list(zip(outputs[::2], outputs[1::2], strict=False))
        for step, (output, code) in zip(steps(), answers, strict=True):
            missing = _missing(step, output, ports)
            found_something = step.command == "breaker doctor"
            assert code == ("3" if found_something else "0"), output
            assert not missing, f"{step.command}\nsays no longer:\n{missing}\nbut:\n{output}"


def _missing(step: Step, output: str, ports: dict[str, int]) -> str | None:
    """Return the first line that is said and was not printed; None where there is none.

    What is said beside a result goes to another stream, so that the order of both is left to chance.
    """
    for known, port in ports.items():
        output = output.replace(f":{port}", f":{known}")
    printed = output.splitlines()
    for said in step.said:
        found = next((line for line in printed if fits(line, said)), None)
        if found is None and said.strip() != "…":
            return said
        if found is not None and said.strip() != "…":
            printed.remove(found)
    return None


def _free_port(stack: ExitStack) -> int:
    taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return int(taken.getsockname()[1])
