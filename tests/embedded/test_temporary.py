from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.embedded import EmbeddedPostgres, temporary_home
from tests.embedded.observing import ended, names_in, postmaster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OWNER = """
import asyncio, sys
from pathlib import Path
from breaker.adapters.postgres.embedded import EmbeddedPostgres, temporary_home
with temporary_home(within=Path(sys.argv[1])) as home:
    asyncio.run(EmbeddedPostgres(home / "postgres", durable=False).start())
    print(home, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
async def owner(tmp_path: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    """A process with a temporary home and a server in it, and that home."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    yield process, Path((await process.stdout.readline()).decode().strip())
    process.stdin.close()
    await process.communicate()


async def test_the_end_leaves_neither_folder_nor_server(tmp_path: Path) -> None:
    with temporary_home(within=tmp_path) as home:
        embedded = EmbeddedPostgres(home / "deep" / "postgres", durable=False)
        await embedded.start()
        server = postmaster(embedded)

    await ended(server)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
async def test_what_a_killed_owner_left_is_ended_and_removed_by_the_next(
    owner: tuple[asyncio.subprocess.Process, Path], tmp_path: Path, sent: signal.Signals
) -> None:
    process, left = owner
    server = postmaster(EmbeddedPostgres(left / "postgres"))
    process.send_signal(sent)
    await process.wait()
    assert left.exists()

    with temporary_home(within=tmp_path) as home:
        assert names_in(tmp_path) == [home.name]
        await ended(server)


async def test_the_home_of_a_living_owner_is_left_alone(
    owner: tuple[asyncio.subprocess.Process, Path], tmp_path: Path
) -> None:
    _, used = owner

    with temporary_home(within=tmp_path):
        assert await EmbeddedPostgres(used / "postgres").attach() is not None


def test_folders_that_are_not_provably_ours_are_left_alone(tmp_path: Path) -> None:
    with temporary_home(within=tmp_path) as home:
        mark = next(path.name for path in home.iterdir())
    unmarked, linked, link = (tmp_path / name for name in ("breaker-unmarked", "breaker-linked", "breaker-link"))
    for folder in (unmarked, linked):
        folder.mkdir()
        (folder / "thesis").write_text("one")
    (linked / mark).symlink_to(linked / "thesis")
    outside = tmp_path.with_name(f"{tmp_path.name}-outside")
    outside.mkdir()
    (outside / mark).write_text("")
    link.symlink_to(outside)
    left_alone = [unmarked / "thesis", linked / "thesis", outside / mark]
    if os.geteuid() == 0:
        of_another = tmp_path / "breaker-another"
        of_another.mkdir()
        (of_another / mark).write_text("")
        os.chown(of_another, 4242, 4242)
        left_alone.append(of_another / mark)

    with temporary_home(within=tmp_path):
        pass

    assert [path for path in left_alone if not path.exists()] == []
