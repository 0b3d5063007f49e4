"""The gate, with two daemons on one database: what the one stops, the other denies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.acceptance.processes import until

if TYPE_CHECKING:
    from tests.acceptance.world import Daemon, World

BAD, OTHER = "agent-001@agents-1.example.com", "agent-003@agents-1.example.com"
BOUGHT_LIST = {"sends": 120, "hard_bounces": 60}
MAY = {"allow": True, "state": "sending", "reason": "Nothing is known against it.", "retry_after": None}


async def test_what_one_daemon_stops_the_other_s_gate_denies_within_a_second(world: World) -> None:
    platform, daemon = await world.guarded("--accounts", "4")
    second = await world.daemon()
    grants = {one["email"]: one["grant_id"] for one in await platform.accounts()}
    assert [await gate(second, name) for name in (BAD, grants[BAD], OTHER)] == [MAY, MAY, MAY]

    stopped = asyncio.create_task(_at(daemon, grants[BAD]))
    denied = asyncio.create_task(_at(second, grants[BAD]))
    await platform.burst(BAD, **BOUGHT_LIST)
    stopped_at, denied_at = await stopped, await denied

    assert abs(denied_at - stopped_at) <= 1.0
    answer = await gate(second, BAD)
    assert (answer["allow"], answer["state"]) == (False, "stopped")
    assert await gate(second, OTHER) == MAY

    # A person's act, on the one whose listener it did not come by.
    reset = {"selector": BAD, "action": "reset", "reason": "the list is cleaned"}
    begun = asyncio.get_running_loop().time()
    assert (await second.act(**reset))[0] == 200
    await until("the first daemon lets it send", lambda: _allowed(daemon, BAD))
    assert asyncio.get_running_loop().time() - begun <= 1.0
    assert await daemon.total("breaker_gate_answers_total", allow="false", state="stopped") >= 1


async def gate(daemon: Daemon, name: str) -> dict[str, object]:
    status, answer = await daemon.get(f"/api/v1/gate/{name}")
    assert status == 200, answer
    told: dict[str, object] = answer
    return told


async def _allowed(daemon: Daemon, name: str) -> bool:
    return bool((await gate(daemon, name))["allow"])


async def _at(daemon: Daemon, name: str) -> float:
    """Return the moment at which a gate denies an account."""

    async def denied() -> bool:
        return not await _allowed(daemon, name)

    await until(f"the gate denies {name}", denied)
    return asyncio.get_running_loop().time()
