"""Breaker with a database of its own: it observes on it, unless it is said to be meant."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.acceptance.processes import until
from tests.acceptance.world import ENFORCING

if TYPE_CHECKING:
    from tests.acceptance.world import World

SEEN, STOPPED = "agent-001@agents-1.example.com", "agent-002@agents-2.example.com"
BOUGHT_LIST = {"sends": 120, "hard_bounces": 60, "transactional_share": 0.3}
LIST = "Breaker: stopped accounts [app-simulated]"


async def test_an_embedded_database_is_only_observed_on_until_it_is_meant(local_world: World) -> None:
    world = local_world
    world.environment |= ENFORCING
    platform = await world.platform("--accounts", "4")
    daemon = await world.daemon()
    await world.set_up(daemon)
    await platform.forget_calls()

    # Not meant: nothing is done, and it is said.
    await platform.burst(SEEN, **BOUGHT_LIST)

    async def counted() -> object:
        account = await daemon.account(SEEN)
        return account and account["pending"] and await daemon.counts(SEEN) == (60, 120)

    await until("a verdict is pending", counted)
    account = await daemon.known(SEEN)
    assert (account["pending"]["held_by"], account["state"]) == ("observe", "sending")
    assert await daemon.total("breaker_verdicts_total", to="stopped", mode="observe", held_by="observe") == 1
    assert await platform.changes() == []
    assert [one["event"] for one in daemon.running.events if "--embedded" in one["event"]]
    listen = urlsplit(daemon.webhooks).netloc
    assert await daemon.running.end() == 0

    # Meant: the same database, and it acts.
    daemon = await world.daemon("--embedded", BREAKER_LISTEN=listen)
    assert await daemon.counts(SEEN) == (60, 120)
    await platform.burst(STOPPED, **BOUGHT_LIST)
    await daemon.confirmed(STOPPED, "stopped")
    assert await platform.blocked() == {LIST: [STOPPED]}
    assert (await daemon.known(SEEN))["state"] == "sending"
    # A command beside the daemon uses its server, and leaves it running.
    explained = await world.breaker("explain", STOPPED)
    assert (explained.code, "platform  read back: stopped" in explained.out) == (0, True)
    assert (await daemon.known(STOPPED))["mode"] == "enforce"

    # It ends with its server, and is there again with all that it knew.
    assert await daemon.running.end() == 0
    assert not (world.folder / "data" / "postgres" / "postmaster.pid").exists()
    status = await world.breaker("status", "--state", "stopped", "--json")
    assert [one["address"] for one in status.json["data"]] == [STOPPED]


async def test_a_daemon_that_is_told_to_end_while_it_starts_leaves_no_server_behind(local_world: World) -> None:
    running = local_world.start("serve")
    pid_file = local_world.folder / "data" / "postgres" / "postmaster.pid"

    async def server_is_up() -> bool:
        running.must_run()
        return pid_file.exists() and "ready" in pid_file.read_text()

    await until("the embedded server is up", server_is_up)
    running.tell(signal.SIGHUP)
    running.tell(signal.SIGTERM)

    assert await running.ended() == 0
    assert not pid_file.exists()
