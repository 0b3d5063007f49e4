"""The system user that the server runs as, and how commands are run as that user.

PostgreSQL refuses to run as root. A container often knows nothing but root, and adding a user to somebody's machine
is not ours to do, so root lends the server the user that owns its data directory, or `nobody` for a new one.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.adapters.postgres.embedded.errors import DataDirectoryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Nothing else of our environment reaches the server: it holds secrets, and PG* variables would change what runs.
_INHERITED_VARIABLES = ("PATH", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """Whom the server runs as.

    Attributes:
        user_id: The numeric user, or None for the user that this process runs as.
        group_id: The numeric group, or None likewise.
        is_shut_out: Whether a folder above the data directory is closed to it, so that it is handed descriptors.
    """

    user_id: int | None = None
    group_id: int | None = None
    is_shut_out: bool = False

    @classmethod
    def for_data_directory(cls, data_dir: Path) -> ServerAccount:
        """Choose the account for a data directory that may not exist yet.

        Raises:
            DataDirectoryError: An ordinary user was given a cluster that belongs to somebody else, or root was given
                one that belongs to root.
        """
        owner = _owner(data_dir)
        if os.geteuid() != 0:
            if owner is not None and owner.st_uid != os.geteuid():
                raise DataDirectoryError(
                    f"the data directory {data_dir} belongs to user {owner.st_uid}, this process runs as user "
                    f"{os.geteuid()}: run as its owner, or choose another BREAKER_DATA_DIR"
                )
            return cls()
        if owner is not None and owner.st_uid != 0:
            return cls(owner.st_uid, owner.st_gid)
        if owner is not None and (data_dir / "PG_VERSION").exists():
            raise DataDirectoryError(
                f"the cluster in {data_dir} belongs to root, and PostgreSQL refuses to run as root: "
                f"give it to an ordinary user (chown -R nobody {data_dir})"
            )
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)

    @property
    def is_other(self) -> bool:
        """Whether the server runs as another user than this process."""
        return self.user_id is not None

    def own(self, path: Path) -> None:
        """Give one file or folder that we made to the server's user."""
        if self.user_id is not None and self.group_id is not None:
            os.chown(path, self.user_id, self.group_id, follow_symlinks=False)

    async def run(
        self,
        command: Sequence[str | Path],
        *,
        timeout: float,  # noqa: ASYNC109 - it bounds the child, which asyncio.timeout cannot
        descriptors: Sequence[int] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this account and return what it printed, whatever its exit code.

        The command has a session of its own, so a Ctrl-C at our terminal does not reach it. Of our open files it gets
        the `descriptors` and no others.

        Raises:
            OSError: It cannot be executed, for instance because the account may not reach it.
            subprocess.TimeoutExpired: It took more than `timeout` seconds and was ended.
        """
        return await asyncio.to_thread(self._run, [str(part) for part in command], timeout, descriptors)

    def _run(self, command: list[str], timeout: float, descriptors: Sequence[int]) -> subprocess.CompletedProcess[str]:
        environment = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
        return subprocess.run(  # noqa: S603 - our own arguments, no shell
            command,
            check=False,
            cwd="/",
            encoding="utf-8",
            env={**environment, "LC_ALL": "C", "TZ": "UTC"},
            errors="replace",
            extra_groups=[] if self.is_other else None,
            group=self.group_id,
            pass_fds=descriptors,
            start_new_session=True,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=timeout,
            umask=0o077,
            user=self.user_id,
        )


def _owner(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
