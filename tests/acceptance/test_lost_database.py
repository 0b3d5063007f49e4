"""A database that is lost while an account is blocked: what is blocked is adopted, and nobody is released."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from tests.acceptance.notifications import Message, body_of
from tests.acceptance.processes import until

if TYPE_CHECKING:
    from tests.acceptance.notifications import Sender
    from tests.acceptance.world import Daemon, World
    from tests.conftest import Cluster

BAD, SECOND, THIRD, FOURTH = (f"agent-00{number}@agents-{2 - number % 2}.example.com" for number in range(1, 5))
BOUGHT_LIST = {"sends": 120, "hard_bounces": 60}
LIST = "Breaker: stopped accounts [app-simulated]"


async def test_a_daemon_that_starts_on_an_empty_database_adopts_who_is_blocked(world: World, cluster: Cluster) -> None:
    platform, daemon = await world.guarded("--accounts", "4")
    home = await platform.place_of(BAD)
    burst = await platform.burst(BAD, **BOUGHT_LIST)
    stopped = await daemon.confirmed(BAD, "stopped")
    await platform.delivered(120)
    quarantine = await platform.place_of(BAD)
    assert await daemon.running.end() == 0
    await platform.forget_calls()

    await _replace_database(world, cluster)
    daemon = await world.daemon(BREAKER_LISTEN=urlsplit(daemon.webhooks).netloc)
    adopted = await daemon.confirmed(BAD, "stopped")

    assert adopted["grant_id"] == stopped["grant_id"]
    assert (adopted["workspace_id"], adopted["home_workspace_id"]) == (quarantine, home)
    assert [one["author"] for one in adopted["verdicts"]] == [None]
    assert adopted["verdicts"][0]["detector"] == "platform"
    # What it sent is heard again, and releases it neither.
    await platform.tell("POST", f"bursts/{burst['number']}/repeat")
    await platform.delivered(240)
    assert await daemon.counts(BAD) == (60, 120)
    assert await platform.changes() == []
    assert await platform.blocked() == {LIST: [BAD]}
    assert await platform.place_of(BAD) == quarantine

    reset = await world.breaker("reset", BAD, "--reason", "looked at", "--wait", "30s")
    assert reset.code == 0, reset
    assert await platform.blocked() == {LIST: []}
    assert await platform.place_of(BAD) == home


async def test_a_running_daemon_outlives_the_loss_of_its_database(world: World, cluster: Cluster) -> None:
    platform, daemon = await world.guarded("--accounts", "4", BREAKER_PLATFORM__SWEEP_SECONDS="0.5")
    home = await platform.place_of(BAD)
    # So that each account has a number of its own, and in an order that is not that of the grants.
    sender = world.sender()
    grants = {one["email"]: one["grant_id"] for one in await platform.accounts()}
    for number, address in enumerate((FOURTH, THIRD, SECOND, BAD)):
        message = _message(f"before-{number}", address, grants[address])
        assert await sender.post(daemon.webhooks, body_of(message.delivered())) == 200
    await platform.burst(BAD, **BOUGHT_LIST)
    await daemon.confirmed(BAD, "stopped")
    await platform.delivered(120)
    quarantine = await platform.place_of(BAD)
    await platform.forget_calls()

    await _replace_database(world, cluster)
    adopted = await daemon.confirmed(BAD, "stopped", 60.0)

    assert (adopted["workspace_id"], adopted["home_workspace_id"]) == (quarantine, home)
    assert await platform.changes() == []
    assert await platform.blocked() == {LIST: [BAD]}

    # Whoever sends now is counted as who it is, whatever number it had before.
    for number, address in enumerate((SECOND, THIRD, FOURTH)):
        for repetition in range(number + 1):
            message = _message(f"after-{address}-{repetition}", address, grants[address])
            await _taken(sender, daemon, body_of(message.delivered()))
    counts = {address: await daemon.counts(address) for address in (BAD, SECOND, THIRD, FOURTH)}
    assert counts == {BAD: (0, 0), SECOND: (0, 1), THIRD: (0, 2), FOURTH: (0, 3)}
    assert await daemon.total("breaker_notifications_total", result="poisonous") == 0
    assert await platform.changes() == []
    assert await _states(daemon) == {BAD: "stopped", SECOND: "sending", THIRD: "sending", FOURTH: "sending"}
    assert (await platform.send(BAD))[0] == 403
    assert (await platform.send(SECOND))[0] == 200


def _message(name: str, sender: str, grant_id: str) -> Message:
    return Message(id=name, sender=sender, sent_at=time.time() - 60, recipient="a@b.example.net", grant_id=grant_id)


async def _taken(sender: Sender, daemon: Daemon, body: bytes) -> None:
    """Deliver as the platform does: again, where it is answered 503."""

    async def accepted() -> bool:
        status = await sender.post(daemon.webhooks, body)
        assert status in {200, 503}
        return status == 200

    await until("a notification is taken", accepted)


async def _states(daemon: Daemon) -> dict[str, str]:
    _, fleet = await daemon.get("/api/v1/accounts")
    return {one["address"]: one["state"] for one in fleet["data"]}


async def _replace_database(world: World, cluster: Cluster) -> None:
    """Drop the database, whoever uses it, and make an empty one of its name, with the schema that a person makes."""
    name = urlsplit(world.environment["BREAKER_DATABASE_URL"]).path.removeprefix("/")
    connection = await asyncpg.connect(cluster.admin_url, statement_cache_size=0)
    try:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
    finally:
        await connection.close()
    said = await world.breaker("migrate")
    assert said.code == 0, said
