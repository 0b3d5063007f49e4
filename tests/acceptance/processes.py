"""Breaker as a person runs it: in processes of its own, whose words are read from files."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

LIMIT = 30.0
"""Seconds after which what should have come about is taken not to."""

_LOOK_AGAIN = 0.05
_PROGRAM = (sys.executable, "-m", "breaker")


async def until(what: str, holds: Callable[[], Awaitable[object]], seconds: float = LIMIT) -> Any:  # noqa: ANN401 - whatever was asked for
    """Return what a question is answered by, once that is not nothing; ask again until then, for so many seconds."""
    give_up_at = asyncio.get_running_loop().time() + seconds
    while not (answer := await holds()):
        if asyncio.get_running_loop().time() > give_up_at:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(_LOOK_AGAIN)
    return answer


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command prints
        """Return the one JSON document that it printed."""
        return json.loads(self.out)


class Running:
    """A process that runs until it is told to end.

    Args:
        name: What its files are called by.
        arguments: What stands behind `breaker`.
        environment: All of its environment.
        folder: Where what it says is kept.
        handed_over: A descriptor that it is given as its number 3, as a service manager gives a socket.
    """

    def __init__(
        self,
        name: str,
        arguments: tuple[str, ...],
        environment: Mapping[str, str],
        folder: Path,
        handed_over: int | None = None,
    ) -> None:
        self.name = name
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.log"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            program = [*_PROGRAM, *arguments]
            if handed_over is not None:
                # The number of the process is known to itself alone, before it becomes what it is to be.
                program = ["/bin/bash", "-c", f'LISTEN_PID=$$ exec "$@" 3<&{handed_over}', "bash", *program]
            self._process = subprocess.Popen(
                program,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=dict(environment),
                pass_fds=() if handed_over is None else (handed_over,),
            )

    @property
    def out(self) -> str:
        """What it has printed."""
        return self._out.read_text()

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._err.read_text()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it has logged, line by line."""
        return [json.loads(line) for line in self.log.splitlines(keepends=True) if line.endswith("}\n")]

    async def said(self, what: str) -> dict[str, Any]:
        """Return the first line of its log with an event, once it is there."""

        async def found() -> dict[str, Any] | None:
            self.must_run()
            return next((one for one in self.events if one["event"] == what), None)

        line: dict[str, Any] = await until(f"{self.name} logs {what!r}", found)
        return line

    def must_run(self) -> None:
        """Fail if it has ended."""
        if self._process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self._process.returncode}: {self.out}\n{self.log}")

    @property
    def peak_memory(self) -> int:
        """The most bytes that it has had in memory."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self._process.pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def ended(self, seconds: float = LIMIT) -> int:
        """Return its exit code, once it has ended by itself."""

        async def over() -> bool:
            return self._process.poll() is not None

        await until(f"{self.name} ends", over, seconds)
        return self._process.returncode

    async def end(self) -> int:
        """Tell it to end as a service manager does, and return its exit code."""
        if self._process.poll() is None:
            self.tell(signal.SIGTERM)
        return await self.ended()

    def kill(self) -> None:
        """End it whatever it is doing; nothing of it is left."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


async def run(arguments: tuple[str, ...], environment: Mapping[str, str], seconds: float = 2 * LIMIT) -> Said:
    """Run a command to its end."""
    done = await asyncio.to_thread(
        subprocess.run,
        [*_PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env=dict(environment),
        text=True,
        timeout=seconds,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def bare_environment(bytecode: Path) -> dict[str, str]:
    """Return an environment in which nothing of Breaker's is configured.

    Args:
        bytecode: Where compiled modules are kept if they may not be kept beside the sources: else every process would
            compile all of them.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BREAKER_")}
    if ours.pop("PYTHONDONTWRITEBYTECODE", None):
        ours["PYTHONPYCACHEPREFIX"] = str(bytecode)
    return {**ours, "PYTHONUNBUFFERED": "1", "LOGNAME": "ada", "TZ": "UTC"}
