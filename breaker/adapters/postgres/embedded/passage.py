"""How the server's user gets at a data directory below folders that are closed to it.

Root's server runs as somebody else, whom /root, or a folder made by `tempfile`, does not let in; opening those is not
ours to do. So root opens the data directory itself and lets the server inherit that one descriptor: it then is found
under `/proc/self/fd`, and no folder above it is ever passed through. From there the server works with names relative
to its data directory, as PostgreSQL always does.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from breaker.adapters.postgres.embedded.errors import DataDirectoryError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from breaker.adapters.postgres.embedded.account import ServerAccount

_PROBE_SECONDS = 10.0
# Below are standard input, output and error, which a command gets anew.
_FIRST_DESCRIPTOR = 3


class Passage:
    """Names by which the commands of one account can use our files, good while the passage is open."""

    def __init__(self, account: ServerAccount) -> None:
        """Make a passage for an account; nothing is opened yet."""
        self._by_descriptor = account.is_shut_out
        self._descriptors: list[int] = []

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the command has to inherit for the names to mean anything."""
        return tuple(self._descriptors)

    def name(self, path: Path) -> str:
        """Return the name by which the account finds a file or folder that exists and is its own.

        Raises:
            OSError: It cannot be opened, or is a symbolic link.
        """
        if not self._by_descriptor:
            return str(path)
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._descriptors.append(fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, _FIRST_DESCRIPTOR))
        finally:
            os.close(opened)
        return f"/proc/self/fd/{self._descriptors[-1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.ExitStack() as stack:
            for descriptor in self._descriptors:
                stack.callback(os.close, descriptor)
        self._descriptors.clear()


async def with_passage(account: ServerAccount, data_dir: Path) -> ServerAccount:
    """Return the account with what it needs to get at a data directory, found out by trying.

    Raises:
        DataDirectoryError: A folder above is closed to it, and this system does not let it use a descriptor either.
    """
    if not account.is_other or await _enters(account, str(data_dir.parent)):
        return account
    shut_out = replace(account, is_shut_out=True)
    with Passage(shut_out) as passage:
        # The root folder is open to everybody: this tries whether descriptors have names here, and nothing else.
        if await _enters(account, passage.name(data_dir.parents[-1]), passage.descriptors):
            return shut_out
    raise DataDirectoryError(
        f"the server runs as user {account.user_id}, because PostgreSQL refuses to run as root; this user cannot enter "
        f"{data_dir.parent}, and there is no /proc/self/fd by which to hand it the folder: mount /proc, choose a "
        "BREAKER_DATA_DIR that is open to it, such as /var/lib/breaker, or run Breaker as an ordinary user"
    )


async def _enters(account: ServerAccount, folder: str, descriptors: tuple[int, ...] = ()) -> bool:
    command = ["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]
    return (await account.run(command, timeout=_PROBE_SECONDS, descriptors=descriptors)).returncode == 0
