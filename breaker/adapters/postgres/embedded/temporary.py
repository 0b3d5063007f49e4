"""A folder for clusters that live as long as a demo or a test run, also where that is killed.

A folder of ours is told by a file in it whose lock its process holds. The kernel drops the lock with the process, so a
folder whose lock can be had is a leftover: whoever makes the next one ends its servers and removes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from breaker.adapters.postgres.embedded.errors import EmbeddedPostgresError
from breaker.adapters.postgres.embedded.locks import lock_at_once
from breaker.adapters.postgres.embedded.manager import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWNER = ".breaker-temporary-home"


@contextlib.contextmanager
def temporary_home(prefix: str = "breaker-", *, within: Path | None = None) -> Iterator[Path]:
    """Make a folder for data directories; in the end stop the servers that still run in it, and remove it.

    Leftovers of processes that were killed, in the same place and of the same user, are removed first.

    Args:
        prefix: How the folder's name begins.
        within: The folder to make it in; unset: the system's for temporary files.
    """
    place = (within or Path(tempfile.gettempdir())).resolve()
    _remove_leftovers(place)
    home = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    if os.geteuid() == 0:
        home.chmod(0o711)  # root's server runs as somebody else, who then needs no copy of binaries elsewhere
    descriptor = _claim(home)
    try:
        yield home
    finally:
        _end(home)
        os.close(descriptor)


def _claim(home: Path) -> int:
    """Mark a folder as that of this process; the mark appears locked, so nobody takes it for a leftover."""
    unlocked = home / f"{_OWNER}.unlocked"
    descriptor = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    lock_at_once(descriptor)
    unlocked.rename(home / _OWNER)
    return descriptor


def _remove_leftovers(place: Path) -> None:
    try:
        folders = list(place.iterdir())
    except PermissionError:
        return  # a place where one may make folders, but not look around
    for folder in folders:
        descriptor = _open_own_mark(folder)
        if descriptor is None:
            continue
        try:
            if lock_at_once(descriptor):
                _end(folder)
        finally:
            os.close(descriptor)


def _open_own_mark(folder: Path) -> int | None:
    """Open the mark in a folder that this user made, following no link; None where there is no such mark."""
    try:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return None
        return os.open(folder / _OWNER, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None


def _end(home: Path) -> None:
    """Stop what runs in a folder and remove it, the mark last: what is not removed whole stays a leftover."""
    data_dirs = []
    for folder, subfolders, names in os.walk(home):
        if "postmaster.pid" in names:
            data_dirs.append(Path(folder))
            subfolders.clear()
    if data_dirs:
        with ThreadPoolExecutor(max_workers=1) as thread:  # the caller's thread may have a loop that runs
            thread.submit(asyncio.run, _stop(data_dirs)).result()
    for path in home.iterdir() if home.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != _OWNER:
            path.unlink(missing_ok=True)
    if home.is_dir() and all(path.name == _OWNER for path in home.iterdir()):
        shutil.rmtree(home, ignore_errors=True)


async def _stop(data_dirs: list[Path]) -> None:
    for data_dir in data_dirs:
        # A server that cannot be stopped ends by itself within a minute of its data directory's removal.
        with contextlib.suppress(EmbeddedPostgresError, asyncpg.PostgresError, OSError):
            await EmbeddedPostgres(data_dir).stop()
