from __future__ import annotations

import pwd
import shutil
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.embedded import BinariesNotFoundError, EmbeddedPostgres
from breaker.adapters.postgres.embedded.account import ServerAccount
from breaker.adapters.postgres.embedded.binaries import Binaries, find_binaries
from breaker.adapters.postgres.embedded.copies import reachable_binaries
from tests.embedded.observing import AS_ROOT, ask, mode, names_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def account() -> ServerAccount:
    nobody = pwd.getpwnam("nobody")
    return ServerAccount(nobody.pw_uid, nobody.pw_gid)


@pytest.fixture
async def closed(home: Path) -> Binaries:
    """An installation where the server's user cannot reach it, as in a virtual environment under /root."""
    original = await find_binaries()
    folder = home / "closed"
    package = folder / original.root.parent.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(original.root / part, package / original.root.name / part, symlinks=True)
    if original.libraries is not None:
        shutil.copytree(original.libraries, folder / original.libraries.name, symlinks=True)
    folder.chmod(0o700)
    return await find_binaries(package / original.root.name / "bin")


async def test_binaries_that_the_account_can_execute_are_used_where_they_are(home: Path) -> None:
    found = await find_binaries()

    assert await reachable_binaries(found, ServerAccount(), [home / "copies"]) == found
    assert not (home / "copies").exists()


@AS_ROOT
async def test_binaries_in_a_closed_folder_are_copied_once_with_their_libraries(
    closed: Binaries, account: ServerAccount, home: Path
) -> None:
    copied = await reachable_binaries(closed, account, [home / "copies"])
    made = (copied.root / "bin" / "postgres").stat()

    assert copied.root.is_relative_to(home / "copies")
    assert (await account.run([copied.program("postgres"), "--version"], timeout=10)).returncode == 0
    assert mode(home / "closed") == 0o700
    assert await reachable_binaries(closed, account, [home / "copies"]) == copied
    assert (copied.root / "bin" / "postgres").stat() == made


@AS_ROOT
async def test_a_copy_of_which_files_were_cleaned_away_is_made_again(
    closed: Binaries, account: ServerAccount, home: Path
) -> None:
    copied = await reachable_binaries(closed, account, [home / "copies"])
    (copied.root / "share" / "postgres.bki").unlink(missing_ok=True)
    shutil.rmtree(copied.root / "share")

    assert await reachable_binaries(closed, account, [home / "copies"]) == copied
    assert (copied.root / "share").is_dir()


@AS_ROOT
async def test_a_place_that_somebody_else_could_change_is_passed_over(
    closed: Binaries, account: ServerAccount, home: Path
) -> None:
    open_to_all, of_another, a_link, safe = (home / name for name in ("open", "another", "link", "safe"))
    open_to_all.mkdir()
    open_to_all.chmod(0o1777)
    of_another.mkdir()
    account.own(of_another)
    safe.mkdir()
    a_link.symlink_to(safe)

    with pytest.raises(BinariesNotFoundError, match=r"could be changed by another user.*install Breaker where every"):
        await reachable_binaries(closed, account, [open_to_all, of_another, a_link])
    assert [names_in(place) for place in (open_to_all, of_another, safe)] == [[], [], []]

    copied = await reachable_binaries(closed, account, [open_to_all, of_another, a_link, safe])
    assert copied.root.is_relative_to(safe)


@AS_ROOT
async def test_closed_binaries_and_a_closed_data_directory_go_together(
    closed: Binaries, home: Path, tmp_path: Path
) -> None:
    embedded = EmbeddedPostgres(
        tmp_path / "postgres", durable=False, binaries=closed.root / "bin", shared_copies=[home / "copies"]
    )
    try:
        assert await ask(await embedded.start(), "SELECT 1") == 1
    finally:
        await embedded.stop()

    assert names_in(tmp_path) == ["postgres", "postgres.lock", "postgres.password"]
    assert mode(home / "closed") == 0o700
