"""What systemd does is done by hand here: it holds the socket, is told of the start, and looks for signs of life."""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import TYPE_CHECKING

from tests.acceptance.processes import Running
from tests.acceptance.world import Daemon

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.world import World

WATCHDOG = 0.4


class Manager:
    """A service manager with one socket unit."""

    def __init__(self, folder: Path) -> None:
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.told.bind(str(folder / "notify"))
        self.told.setblocking(False)  # noqa: FBT003 - the standard library takes it by place
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = "http://127.0.0.1:{1}".format(*self.listening.getsockname())
        self._environment = {
            "NOTIFY_SOCKET": str(folder / "notify"),
            "WATCHDOG_USEC": str(round(WATCHDOG * 1_000_000)),
            "LISTEN_FDS": "1",
            "LISTEN_FDNAMES": "webhooks",
        }

    def start(self, world: World) -> Running:
        name, environment = f"serve-{len(world.processes)}", world.environment | self._environment
        running = Running(name, ("serve",), environment, world.folder, self.listening.fileno())
        world.processes.append(running)
        return running

    async def hear(self) -> list[str]:
        """Return what the next datagram says."""
        async with asyncio.timeout(30):
            return (await asyncio.get_running_loop().sock_recv(self.told, 4096)).decode().splitlines()

    async def hear_of(self, assignment: str) -> list[str]:
        """Return the next datagram that says so, and all before it."""
        heard: list[str] = []
        while assignment not in heard:
            heard += await self.hear()
        return heard

    def close(self) -> None:
        self.told.close()
        self.listening.close()


async def test_a_daemon_says_when_it_serves_gives_signs_of_life_and_a_restart_refuses_no_connection(
    world: World, tmp_path: Path
) -> None:
    manager = Manager(tmp_path)
    try:
        first = manager.start(world)
        ready = await manager.hear_of("READY=1")
        serves = await first.said("breaker serves")
        daemon = Daemon(first, manager.address, f"http://{serves['admin']}", world.session)
        assert f"http://{serves['webhooks']}" == manager.address
        assert "STOPPING=1" not in ready
        assert await manager.hear_of("WATCHDOG=1")
        assert await manager.hear_of("WATCHDOG=1")
        assert (await daemon.get("/livez", token=None))[0] == 200

        first.tell(signal.SIGTERM)
        await manager.hear_of("STOPPING=1")
        assert await first.ended() == 0
        # Nobody serves now; the connection waits in the socket that the manager holds.
        asked = asyncio.create_task(_challenged(world, manager.address))
        await asyncio.sleep(0)
        manager.start(world)
        await manager.hear_of("READY=1")

        assert await asked == (200, "for-whoever-asks")
    finally:
        manager.close()


async def _challenged(world: World, address: str) -> tuple[int, str]:
    async with world.session.get(f"{address}/webhooks/nylas?challenge=for-whoever-asks") as answer:
        return answer.status, await answer.text()
