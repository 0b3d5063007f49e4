"""systemd: what the daemon tells the service manager, and the sockets that it is given by it.

The protocols are systemd's own, of one datagram and a few variables each: sd_notify(3), sd_watchdog_enabled(3) and
sd_listen_fds(3). Where no service manager is listening, nothing is told and nothing is given.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

_FIRST = 3
"""The descriptor of the first socket that is handed over (`SD_LISTEN_FDS_START`)."""

log = structlog.get_logger(__name__)


class ServiceManager:
    """Tells systemd how the daemon is.

    Args:
        address: Where it listens: a path, or an abstract name that begins with `@`; None where nobody does.
        watchdog: Seconds without a sign of life after which it ends the daemon; None where it does not look.
    """

    def __init__(self, address: str | None, watchdog: float | None) -> None:
        self._address = address
        self.watchdog = watchdog

    @classmethod
    def of(cls, environment: MutableMapping[str, str], process: int) -> ServiceManager:
        """Return the one that started this process, and forget its variables: what we start is none of its concern.

        Args:
            environment: The environment of the process.
            process: Its number.
        """
        address = environment.pop("NOTIFY_SOCKET", None)
        period, meant = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", str(process))
        looks = period.isdigit() and int(period) > 0 and meant == str(process)
        return cls(address or None, int(period) / 1_000_000 if looks else None)

    def tell(self, *assignments: str) -> None:
        """Send some assignments, such as `READY=1`, in one datagram; that nobody takes them stops nothing."""
        if self._address is None:
            return
        to = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.sendto("\n".join(assignments).encode(), to)
        except OSError as error:
            log.warning("the service manager can't be told", error=error.strerror, told=assignments)

    async def keep_alive(self) -> None:
        """Give a sign of life twice in each period, for ever: the event loop's own, whatever the database does."""
        if self.watchdog is None:
            return
        while True:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog / 2)


def inherited_sockets(environment: MutableMapping[str, str], process: int) -> Mapping[str, socket.socket]:
    """Return the listening sockets that the process was started with, by the names that their unit gives them.

    Args:
        environment: The environment of the process; the variables are taken out.
        process: Its number.

    Raises:
        ValueError: Their names and their number differ, or two have one name.
    """
    meant, number, names = (environment.pop(f"LISTEN_{name}", "") for name in ("PID", "FDS", "FDNAMES"))
    if meant != str(process) or not number.isdigit() or int(number) == 0:
        return {}
    named = names.split(":")
    if len(named) != int(number) or len(set(named)) != len(named):
        raise ValueError(f"LISTEN_FDNAMES={names!r} does not name {number} sockets, each by a name of its own")
    return {name: socket.socket(fileno=_FIRST + place) for place, name in enumerate(named)}
