"""Copies of a PostgreSQL installation, for a server's user who cannot reach the original.

What `uv tool install` or `pipx` installs for root lies under /root, which is closed to the user that root's server runs
as. Programs cannot be handed over as the data directory is (see `passage`), since PostgreSQL looks itself up by its
path. So they are copied: beside the data directory if that can be reached, else once into a place for all.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from breaker.adapters.postgres.embedded.errors import BinariesNotFoundError
from breaker.adapters.postgres.embedded.locks import locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from breaker.adapters.postgres.embedded.account import ServerAccount
    from breaker.adapters.postgres.embedded.binaries import Binaries

SHARED_COPIES = (
    Path("/var/cache/breaker/postgresql"),
    Path("/var/tmp/breaker-postgresql"),  # noqa: S108 - used only where nobody else could have made or changed it
    Path("/tmp/breaker-postgresql"),  # noqa: S108 - likewise
)
"""Where copies for all data directories are kept, best first: a cache, which may be deleted at any time."""

_LOCK_SECONDS = 120.0
_TRIAL_SECONDS = 30.0
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


async def reachable_binaries(binaries: Binaries, account: ServerAccount, places: Sequence[Path]) -> Binaries:
    """Return binaries that the account can execute: these, or a copy in the first of the places where that works.

    Raises:
        BinariesNotFoundError: Not even a copy runs anywhere; the text says what was tried.
    """
    if (failure := await _failure(binaries, account)) is None:
        return binaries
    tried = [f"{binaries.root} ({failure})"]
    for place in places if account.is_other else ():
        try:
            _make_safe(place)
            async with locked(place / "lock", _LOCK_SECONDS):
                copy = await asyncio.to_thread(_copy, binaries, place)
        except (OSError, TimeoutError) as error:
            tried.append(f"{place} ({error})")
            continue
        if (failure := await _failure(copy, account)) is None:
            return copy
        tried.append(f"{copy.root} ({failure})")
    raise BinariesNotFoundError(
        f"PostgreSQL {binaries.version} cannot be executed by user {account.user_id or os.geteuid()}, whom its server "
        f"would run as (tried: {', '.join(tried)}): install Breaker where every user may execute it, "
        "or run it as an ordinary user"
    )


async def _failure(binaries: Binaries, account: ServerAccount) -> str | None:
    """Try the programs as the account and return what went wrong, or None."""
    for name in ("postgres", "initdb", "pg_ctl"):
        try:
            result = await account.run([binaries.program(name), "--version"], timeout=_TRIAL_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if result.returncode != 0:
            return result.stdout.strip()
    return None


def _make_safe(place: Path) -> None:
    """Make a folder that only we can change, or check that an existing one is such.

    Raises:
        PermissionError: Somebody else could change what lies there, or has put it there.
        OSError: It cannot be made.
    """
    for folder in (place.parent, place):
        if folder.parent.is_dir() and not folder.exists():
            folder.mkdir()
            folder.chmod(0o755)
    for folder in (place, *place.parents):
        found = folder.lstat()
        is_shared = found.st_mode & _WRITABLE_BY_OTHERS and not found.st_mode & stat.S_ISVTX
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {0, os.geteuid()} or is_shared:
            raise PermissionError(f"{folder} could be changed by another user")
    if place.lstat().st_mode & _WRITABLE_BY_OTHERS:
        raise PermissionError(f"{place} could be changed by another user")


def _copy(binaries: Binaries, place: Path) -> Binaries:
    """Copy an installation with the libraries beside it, in the same relative layout, whole or not at all."""
    package = binaries.root.parent
    target = place / f"{package.name}-{binaries.version}"
    parts = {part: Path(package.name, binaries.root.name, part.name) for part in _parts(binaries)}
    if binaries.libraries is not None:
        parts[binaries.libraries] = Path(binaries.libraries.name)
    # Caches are cleaned file by file: half a copy is as good as none.
    if any(_sizes(source) != _sizes(target / name) for source, name in parts.items()):
        unfinished = target.with_name(f"{target.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for source, name in parts.items():
            shutil.copytree(source, unfinished / name, symlinks=True)
        _open_for_reading(unfinished)
        shutil.rmtree(target, ignore_errors=True)
        unfinished.rename(target)
    root = target / package.name / binaries.root.name
    return replace(binaries, root=root, libraries=binaries.libraries and target / binaries.libraries.name)


def _parts(binaries: Binaries) -> Iterator[Path]:
    return (binaries.root / part for part in ("bin", "lib", "share") if (binaries.root / part).is_dir())


def _sizes(folder: Path) -> dict[Path, int]:
    """Return the size of each file in a folder, to tell a whole copy by."""
    return {
        Path(parent, name).relative_to(folder): Path(parent, name).lstat().st_size
        for parent, _, names in os.walk(folder)
        for name in names
    }


def _open_for_reading(copy: Path) -> None:
    """Let everybody read and execute our copy; the folders it was copied from may have been private."""
    for folder, _, names in os.walk(copy):
        Path(folder).chmod(0o755)
        for name in names:
            file = Path(folder, name)
            if not file.is_symlink():
                executable = file.stat().st_mode & stat.S_IXUSR
                file.chmod(0o755 if executable else 0o644)
