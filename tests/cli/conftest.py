from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pytest

from breaker.cli.main import run
from tests.fleet import Fleet, fleet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self.out)
        return found


@dataclass(frozen=True, slots=True)
class Terminal:
    """A shell with `breaker` in it, whose database is known to it by the environment."""

    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    database_url: str
    folder: Path

    def breaker(self, *arguments: str) -> Said:
        self.capture.readouterr()
        with ThreadPoolExecutor(max_workers=1) as thread:  # the test's own loop stays out of it
            code = thread.submit(run, arguments).result()
        said = self.capture.readouterr()
        return Said(code, said.out, said.err)

    def breaker_elsewhere(self, database_url: str, *arguments: str) -> Said:
        """Run a command with another database."""
        with self.patch.context() as patch:
            patch.setenv("BREAKER_DATABASE_URL", database_url)
            return self.breaker(*arguments)

    def prepare(self, work: Callable[[Fleet], Awaitable[T]]) -> T:
        """Do something to the fleet before a command."""

        async def within() -> T:
            async with fleet(self.database_url, self.folder) as opened:
                return await work(opened)

        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(asyncio.run, within()).result()


@pytest.fixture
def shell(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    """A shell with a fresh, migrated database."""
    monkeypatch.setenv("BREAKER_DATABASE_URL", database_url)
    monkeypatch.setenv("BREAKER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.delenv("SUDO_USER", raising=False)
    return Terminal(capsys, monkeypatch, database_url, tmp_path)
