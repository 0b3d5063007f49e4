"""What the tests of embedded servers look at from outside."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.adapters.postgres.embedded import EmbeddedPostgres

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the server another user")
_START = """
import asyncio, sys
from pathlib import Path
from breaker.adapters.postgres.embedded import EmbeddedPostgres
print(asyncio.run(EmbeddedPostgres(Path(sys.argv[1]), durable=False).start()))
"""


async def ask(dsn: str, question: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def python(program: str, *arguments: str | Path, under: Sequence[str] = ()) -> str:
    """Run a program in a process of its own, perhaps under another command, and return all it printed."""
    process = await asyncio.create_subprocess_exec(
        *under,
        sys.executable,
        "-c",
        program,
        *arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    output, _ = await process.communicate()
    return output.decode().strip()


async def start_elsewhere(data_dir: Path, *, under: Sequence[str] = ()) -> str:
    """Start the cluster from a process of its own, as a second daemon would, and return what it was told."""
    return await python(_START, data_dir, under=under)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def owner(path: Path | str) -> int:
    return Path(path).stat().st_uid


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def postmaster(embedded: EmbeddedPostgres) -> int:
    return int((embedded.data_dir / "postmaster.pid").read_text().split()[0])


async def ended(process_id: int) -> None:
    """Wait until a process that is not our child has ended; a dead one that nobody has waited for yet counts."""
    async with asyncio.timeout(30):
        while _lives(process_id):  # noqa: ASYNC110 - the end of a process that is not ours has no event
            await asyncio.sleep(0.02)


def _lives(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
