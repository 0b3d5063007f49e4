"""A protected account on the whole way: limited and no more, told with its owner, until SIGHUP says otherwise."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.acceptance.processes import until

if TYPE_CHECKING:
    from tests.acceptance.world import World

BAD = "agent-001@agents-1.example.com"
TABLE = '[[protected]]\npattern = "agent-001@*"\nowner = "Board"\nmay = "limit"\n'


async def test_a_protected_account_is_limited_and_no_more_until_it_is_protected_no_longer(world: World) -> None:
    file = world.folder / "breaker.toml"
    file.write_text(TABLE)
    platform, daemon = await world.guarded("--accounts", "2", BREAKER_CONFIG=str(file), BREAKER_ACTUATORS="block,limit")

    await platform.burst(BAD, sends=120, hard_bounces=60)
    limited = await daemon.confirmed(BAD, "limited")

    async def pending() -> object:
        return (await daemon.known(BAD))["pending"]

    held = await until("the stop stands pending", pending)
    assert (held["to"], held["held_by"]) == ("stopped", "exempt")
    assert (limited["owner"], limited["protected"]["pattern"]) == ("Board", "agent-001@*")
    assert (await platform.send(BAD))[0] == 403
    page = await daemon.running.said("an account is over the platform's line and goes on sending, since people said so")
    assert (page["account_address"], page["kept_by"], page["owner"]) == (BAD, "protected", "Board")
    assert await daemon.total("breaker_accounts_over_line", kept_by="protected") == 1
    told = await world.breaker("explain", BAD)
    assert "It is protected by agent-001@*, owner Board: automatically, it may only be limited." in told.out

    file.write_text("")
    daemon.running.tell(signal.SIGHUP)
    await daemon.running.said("configuration reloaded")
    exposed = await daemon.known(BAD)
    assert (exposed["state"], exposed["protected"], exposed["owner"]) == ("limited", None, None)
