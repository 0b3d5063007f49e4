"""Root with a data directory below folders that the server's user may not enter, such as pytest's own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.embedded import BinariesNotFoundError, EmbeddedPostgres
from breaker.adapters.postgres.embedded.binaries import find_binaries
from breaker.adapters.postgres.embedded.lockfiles import server_lives_in
from tests.embedded.observing import AS_ROOT, ask, mode, owner, postmaster, python, start_elsewhere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = AS_ROOT

# What Docker leaves to root.
_CONTAINER = (
    "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod,"
    "audit_write,setfcap"
)
AS_IN_A_CONTAINER = (
    "setpriv",
    "--inh-caps=-all",
    f"--bounding-set=-all,{','.join(f'+{name}' for name in _CONTAINER.split(','))}",
)
WITHOUT_PROC = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh")
LIVES = """
import sys
from pathlib import Path
from breaker.adapters.postgres.embedded.lockfiles import server_lives_in
print(server_lives_in(Path(sys.argv[1])))
"""


@pytest.fixture
def closed() -> Iterator[Path]:
    """A closed folder within another, with a path that is short enough for a socket."""
    with TemporaryDirectory(prefix="breaker-closed-") as name:
        folder = Path(name) / "home"
        folder.mkdir(0o700)
        yield folder


@pytest.fixture
async def postgres(closed: Path) -> AsyncIterator[EmbeddedPostgres]:
    embedded = EmbeddedPostgres(closed / "breaker" / "postgres", durable=False)
    yield embedded
    await embedded.stop()


async def can(*command: str) -> bool:
    process = await asyncio.create_subprocess_exec(*command, "true", stderr=asyncio.subprocess.DEVNULL)
    return await process.wait() == 0


async def test_a_data_directory_below_closed_folders_is_served_and_they_stay_closed(
    postgres: EmbeddedPostgres, closed: Path
) -> None:
    above = [(folder, owner(folder), mode(folder)) for folder in (closed, *closed.parents)]

    dsn = await postgres.start()

    assert await ask(dsn, "SELECT current_database()") == "breaker"
    assert await ask(dsn, "SHOW listen_addresses") == ""
    assert (postgres.data_dir.owner(), mode(postgres.data_dir)) == ("nobody", 0o700)
    assert [(folder, owner(folder), mode(folder)) for folder in (closed, *closed.parents)] == above


@pytest.mark.parametrize("major", [15, 16, 18])
async def test_every_major_that_is_there_works_from_a_descriptor(closed: Path, major: int) -> None:
    try:
        binaries = (await find_binaries(major=major)).root / "bin"
    except BinariesNotFoundError as error:
        pytest.skip(str(error))
    embedded = EmbeddedPostgres(closed / "postgres", durable=False, binaries=binaries)
    try:
        dsn = await embedded.start()
        assert await ask(dsn, "SELECT current_setting('server_version_num')::int / 10000") == major
        # What reads configuration anew, starts workers and writes everything out.
        await ask(dsn, "ALTER SYSTEM SET work_mem = '8MB'")
        await ask(dsn, "SELECT pg_reload_conf()")
        await ask(dsn, "CREATE DATABASE another")
        await ask(dsn, "CHECKPOINT")
        await embedded.stop()
        assert await ask(await embedded.start(), "SHOW work_mem") == "8MB"
    finally:
        await embedded.stop()


async def test_processes_that_start_at_once_share_the_cluster_and_others_attach(postgres: EmbeddedPostgres) -> None:
    first, second = await asyncio.gather(start_elsewhere(postgres.data_dir), start_elsewhere(postgres.data_dir))

    assert first.startswith("postgresql://")
    assert (first, first) == (second, await postgres.attach())


async def test_a_stopped_server_leaves_its_data_and_no_process(postgres: EmbeddedPostgres) -> None:
    await ask(await postgres.start(), "CREATE TABLE kept AS SELECT 7 AS number")
    await postgres.stop()

    assert not server_lives_in(postgres.data_dir)
    assert await postgres.attach() is None
    assert await ask(await postgres.start(), "SELECT number FROM kept") == 7


async def test_a_killed_server_is_started_again_at_once(postgres: EmbeddedPostgres) -> None:
    await postgres.start()
    os.kill(postmaster(postgres), signal.SIGKILL)

    assert await ask(await postgres.start(), "SELECT 1") == 1


async def test_a_deleted_folder_begins_anew(postgres: EmbeddedPostgres) -> None:
    await ask(await postgres.start(), "CREATE TABLE forgotten ()")
    await postgres.stop()
    shutil.rmtree(postgres.data_dir.parent)

    assert await ask(await postgres.start(), "SELECT to_regclass('forgotten')") is None


async def test_a_path_too_long_for_a_socket_is_served_on_loopback(closed: Path) -> None:
    embedded = EmbeddedPostgres(closed / ("long" * 20) / "it's, er" / "postgres", durable=False)
    try:
        dsn = await embedded.start()
        assert "@127.0.0.1:" in dsn
        assert await ask(dsn, "SELECT 1") == 1
        assert await embedded.attach() == dsn
    finally:
        await embedded.stop()


async def test_an_empty_closed_folder_becomes_the_cluster(closed: Path) -> None:
    (closed / "postgres").mkdir(mode=0o700)
    embedded = EmbeddedPostgres(closed / "postgres", durable=False)
    try:
        assert await ask(await embedded.start(), "SELECT 1") == 1
    finally:
        await embedded.stop()


async def test_a_cluster_that_another_user_owns_is_served_as_that_user(postgres: EmbeddedPostgres) -> None:
    await postgres.start()
    await postgres.stop()
    for path in (postgres.data_dir, *postgres.data_dir.rglob("*")):
        os.chown(path, 4242, 4242, follow_symlinks=False)

    assert await ask(await postgres.start(), "SELECT 1") == 1
    assert owner(f"/proc/{postmaster(postgres)}") == 4242


async def test_the_capabilities_of_a_container_are_enough(postgres: EmbeddedPostgres) -> None:
    if not await can(*AS_IN_A_CONTAINER):
        pytest.skip("capabilities cannot be dropped here")

    told = await start_elsewhere(postgres.data_dir, under=AS_IN_A_CONTAINER)

    assert await postgres.attach() == told


async def test_a_server_that_root_may_not_look_at_is_not_taken_for_dead(postgres: EmbeddedPostgres) -> None:
    if not await can(*AS_IN_A_CONTAINER):
        pytest.skip("capabilities cannot be dropped here")
    await postgres.start()

    assert await python(LIVES, postgres.data_dir, under=AS_IN_A_CONTAINER) == "True"


async def test_where_nothing_helps_the_error_says_what_does(postgres: EmbeddedPostgres) -> None:
    if not await can(*WITHOUT_PROC):
        pytest.skip("no mount namespaces here")

    told = await start_elsewhere(postgres.data_dir, under=WITHOUT_PROC)

    assert f"this user cannot enter {postgres.data_dir.parent}, and there is no /proc/self/fd" in told
    assert "mount /proc, choose a BREAKER_DATA_DIR that is open to it" in told
    assert not postgres.data_dir.exists()
