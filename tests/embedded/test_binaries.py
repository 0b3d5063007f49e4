from __future__ import annotations

import os
import pwd
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from breaker.adapters.postgres.embedded import BinariesNotFoundError
from breaker.adapters.postgres.embedded.account import ServerAccount
from breaker.adapters.postgres.embedded.binaries import find_binaries, reachable_binaries

if TYPE_CHECKING:
    from pathlib import Path

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the server another user")


async def test_the_wheels_newest_major_is_found_without_importing_it() -> None:
    found = await find_binaries()

    assert found.major == 18
    assert found.program("initdb").exists()


async def test_a_cluster_of_an_older_major_gets_binaries_of_that_major() -> None:
    assert (await find_binaries(major=16)).major == 16


async def test_a_major_that_is_not_there_is_named_with_what_was_tried() -> None:
    with pytest.raises(BinariesNotFoundError, match=r"no PostgreSQL 99 binaries, .*\(is 18\.\d+\)"):
        await find_binaries(major=99)


async def test_binaries_that_the_account_can_execute_are_used_where_they_are(home: Path) -> None:
    found = await find_binaries()

    assert await reachable_binaries(found, ServerAccount(), home / "copies") == found
    assert not (home / "copies").exists()


@AS_ROOT
async def test_binaries_in_a_closed_folder_are_copied_with_their_libraries(home: Path) -> None:
    original = await find_binaries()
    closed = home / "closed"
    package = closed / original.root.parent.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(original.root / part, package / original.root.name / part, symlinks=True)
    if original.libraries is not None:
        shutil.copytree(original.libraries, closed / original.libraries.name, symlinks=True)
    closed.chmod(0o700)
    nobody = pwd.getpwnam("nobody")
    account = ServerAccount(nobody.pw_uid, nobody.pw_gid)

    copied = await reachable_binaries(
        await find_binaries(package / original.root.name / "bin"), account, home / "copies"
    )

    assert copied.root.is_relative_to(home / "copies")
    assert (await account.run([copied.program("postgres"), "--version"], timeout=10)).returncode == 0
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert await reachable_binaries(original, ServerAccount(), home / "copies") == original
