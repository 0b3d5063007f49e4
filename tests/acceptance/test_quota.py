"""A round that nobody watches, with real processes: the platform itself holds the account to a quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.acceptance.processes import until
from tests.acceptance.test_probing import BAD, STOPPED, _in_phase, _stopped

if TYPE_CHECKING:
    from tests.acceptance.world import World

SENT = 60
"""What the account has sent on the same day before it was stopped, which counts too."""


async def test_a_round_that_a_dead_daemon_left_open_ends_at_the_quota(world: World) -> None:
    platform, daemon = await _stopped(world, BREAKER_PROBING__QUOTA=f"{SENT + 3}")
    home = await platform.place_of(BAD)
    await _in_phase(daemon, "open")
    elsewhere = await platform.place_of(BAD)
    told = await world.breaker("explain", BAD)
    daemon.running.kill()

    statuses = [(await platform.send(BAD))[0] for _ in range(5)]
    daemon = await world.daemon()

    assert statuses == [200, 200, 200, 429, 429]
    assert f"{SENT + 3} messages a day" in " ".join(told.out.split())
    assert elsewhere != home
    await _in_phase(daemon, "settling")

    async def is_home() -> bool:
        return await platform.place_of(BAD) == home

    await until("it is home again", is_home)
    assert await platform.blocked() == {STOPPED: [BAD]}
    assert await daemon.total("breaker_accounts_elsewhere_total") == 0
