"""The files of an embedded server: its data directory and, beside it, what must not be inside."""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.adapters.postgres.embedded.errors import DataDirectoryError, ServerStartError
from breaker.adapters.postgres.embedded.locks import locked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# pg_ctl starts the server through a shell and puts paths between double quotes as they are.
_UNQUOTABLE = '"$`\\\n'


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are. `data_dir` belongs to the server's user, everything beside it to ours."""

    data_dir: Path

    def _beside(self, suffix: str) -> Path:
        return self.data_dir.with_name(f"{self.data_dir.name}.{suffix}")

    @property
    def password_file(self) -> Path:
        """The server's password, readable by us alone."""
        return self._beside("password")

    @property
    def unfinished_data_dir(self) -> Path:
        """Where a cluster is made before it gets its name, so that half a cluster never passes for one."""
        return self._beside("unfinished")

    @property
    def binaries_dir(self) -> Path:
        """Copies of binaries that the server's user could not reach where they are."""
        return self._beside("binaries")

    @property
    def server_log(self) -> Path:
        """What the server itself reports, without the details that could name an address."""
        return self.data_dir / "server.log"

    @property
    def lock_files(self) -> tuple[Path, ...]:
        """The files by which PostgreSQL keeps two servers off one data directory and one socket."""
        return (self.data_dir / "postmaster.pid", *self.data_dir.glob(".s.PGSQL.*.lock"))

    def major(self) -> int | None:
        """Return the major version that made the cluster, or None where there is no cluster yet.

        Raises:
            DataDirectoryError: The folder holds something else.
        """
        try:
            return int((self.data_dir / "PG_VERSION").read_text().strip())
        except FileNotFoundError:
            if self.data_dir.is_dir() and any(self.data_dir.iterdir()):
                raise DataDirectoryError(
                    f"{self.data_dir} is not empty and holds no PostgreSQL cluster: choose another BREAKER_DATA_DIR"
                ) from None
            return None
        except NotADirectoryError:
            raise DataDirectoryError(f"{self.data_dir} is not a folder: choose another BREAKER_DATA_DIR") from None
        except PermissionError:
            raise DataDirectoryError(
                f"{self.data_dir} may not be read by user {os.geteuid()}: run as its owner, "
                f"or choose another BREAKER_DATA_DIR"
            ) from None

    def make_parents(self) -> None:
        """Make the folders above the data directory that are missing; those that exist are left as they are.

        Raises:
            DataDirectoryError: One of them cannot be made, or the path cannot be used at all.
        """
        if any(character in str(self.data_dir) for character in _UNQUOTABLE):
            raise DataDirectoryError(
                f"pg_ctl cannot be given the path {self.data_dir!s}, which has one of {_UNQUOTABLE!r} in it: "
                "choose another BREAKER_DATA_DIR"
            )
        # Root's server runs as another user, who passes through more simply than by a descriptor; what lies inside has
        # modes of its own.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        missing = [folder for folder in self.data_dir.parents if not folder.exists()]
        for folder in reversed(missing):
            try:
                folder.mkdir(exist_ok=True)
                folder.chmod(mode)
            except OSError as error:
                raise DataDirectoryError(
                    f"the folder {folder} for the embedded PostgreSQL cannot be made ({error.strerror}): "
                    "choose another BREAKER_DATA_DIR"
                ) from error

    def read_password(self) -> str | None:
        """Return the server's password, or None before the first start.

        Raises:
            DataDirectoryError: It is there, and another user's.
        """
        try:
            return self.password_file.read_text().strip()
        except FileNotFoundError:
            return None
        except PermissionError:
            raise DataDirectoryError(
                f"{self.password_file} may not be read by user {os.geteuid()}: run as its owner, "
                "or choose another BREAKER_DATA_DIR"
            ) from None

    def make_password(self) -> str:
        """Write a new random password (0600) and return it; called once, before the cluster is made."""
        password = secrets.token_urlsafe(24)
        self.password_file.unlink(missing_ok=True)
        write_private(self.password_file, password)
        return password

    @contextlib.asynccontextmanager
    async def starting_alone(self, within_seconds: float) -> AsyncIterator[None]:
        """Hold the lock that lets one process at a time make, start or stop this cluster.

        The kernel drops it with the process, so nothing is left behind by a crash.

        Raises:
            DataDirectoryError: The lock cannot be made there.
            ServerStartError: Another process held it for longer than `within_seconds`.
        """
        lock_file = self._beside("lock")
        async with contextlib.AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(locked(lock_file, within_seconds))
            except TimeoutError:
                raise ServerStartError(
                    f"another process has been starting or stopping the server in {self.data_dir} for "
                    f"{within_seconds:.0f} s: end it, then try again"
                ) from None
            except OSError as error:
                raise DataDirectoryError(
                    f"{lock_file} cannot be opened ({error.strerror}): run as the owner of its folder, "
                    "or choose another BREAKER_DATA_DIR"
                ) from error
            yield


def write_private(path: Path, text: str) -> None:
    """Write a file that did not exist and that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
