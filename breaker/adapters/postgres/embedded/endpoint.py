"""Where a server listens: a unix socket in its data directory, or a port of 127.0.0.1."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing NUL included.
_LONGEST_SOCKET_PATH = 103
_SOCKET_PORT = 5432
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a server.

    Attributes:
        port: The TCP port, or the number in the socket's name.
        socket_dir: The folder of the unix socket, the data directory; None for TCP on 127.0.0.1.
    """

    port: int
    socket_dir: Path | None = None

    @classmethod
    def choose(cls, data_dir: Path) -> Endpoint:
        """Choose where a server that starts now shall listen: the socket if it can be, else a free port.

        A free port may be taken by somebody else before the server binds it; the caller tries again then.
        """
        if _holds_sockets(data_dir):
            return cls(_SOCKET_PORT, data_dir)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((_LOOPBACK, 0))
            return cls(probe.getsockname()[1])

    @classmethod
    def of_running(cls, postmaster_pid: Path) -> Endpoint | None:
        """Read where a server says it listens; a hint to connect to, not a proof that it runs."""
        try:
            lines = postmaster_pid.read_text(errors="replace").splitlines()
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None
        # Line 4 is the port, 5 the socket's folder, 6 the TCP address: PostgreSQL's miscadmin.h, LOCK_FILE_LINE_*.
        port, socket_dir, address = [*lines[3:6], "", "", ""][:3]
        if not port.isdigit():
            return None
        if socket_dir:
            return cls(int(port), postmaster_pid.parent / socket_dir)
        return cls(int(port)) if address else None

    def settings(self) -> dict[str, str]:
        """Return the server settings that make it listen here and nowhere else."""
        return {
            "listen_addresses": _LOOPBACK if self.socket_dir is None else "",
            "port": str(self.port),
            # Relative to the data directory: a server whose directory was deleted, and made anew by another server,
            # removes its socket by this name when it notices.
            "unix_socket_directories": "" if self.socket_dir is None else ".",
            "unix_socket_permissions": "0700",
        }

    def dsn(self, user: str, password: str, database: str) -> str:
        """Return the connection string of one database here."""
        login = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@"
        if self.socket_dir is not None:
            return f"{login}/{quote(database, safe='')}?host={quote(str(self.socket_dir), safe='')}&port={self.port}"
        # The wheels' servers are built without TLS, and loopback needs none: spare the negotiation.
        return f"{login}{_LOOPBACK}:{self.port}/{quote(database, safe='')}?sslmode=disable"


def _holds_sockets(folder: Path) -> bool:
    """Whether a socket can be used in a folder: short enough, no comma (asyncpg splits hosts there), sockets known."""
    if "," in str(folder) or len(os.fsencode(folder / f".s.PGSQL.{_SOCKET_PORT}.lock")) > _LONGEST_SOCKET_PATH:
        return False
    trial = folder / ".s.trial"
    trial.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(str(trial))
        except OSError:
            return False
    trial.unlink(missing_ok=True)
    return True
