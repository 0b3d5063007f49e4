"""A feed that half dies, with real processes: bounces are heard and deliveries are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.acceptance.processes import until

if TYPE_CHECKING:
    from tests.acceptance.world import World

LIST = "Breaker: stopped accounts [app-simulated]"
FLEET = 24


async def test_a_feed_that_half_dies_stops_nobody_and_once_it_flows_again_the_bad_account_is_stopped(
    world: World,
) -> None:
    platform, daemon = await world.guarded("--accounts", str(FLEET))
    bad, *others = [one["email"] for one in await platform.accounts()]
    for address in (bad, *others):
        await platform.burst(address, sends=10)
    heard = FLEET * 10
    await platform.delivered(heard)

    await platform.tell("PUT", "feed", {"lost": {"message.delivered": 1.0}})
    # Three each, as one more would limit the first of them before there are enough others to compare it with.
    for address in others:
        await platform.burst(address, sends=20, hard_bounces=3)
    heard += len(others) * 3
    await platform.delivered(heard)
    await platform.burst(bad, sends=40, hard_bounces=30)
    heard += 30
    await platform.delivered(heard)

    held = await daemon.known(bad)
    # Warned it may be: that changes nothing but what people see.
    assert (held["enforcement"]["wanted"], held["pending"]["held_by"]) == ("sending", "blind")
    assert await platform.blocked() == {LIST: []}
    line = await daemon.running.said("the feed is blind")
    assert (line["level"], line["cause"]) == ("error", "ratio")
    assert await daemon.total("breaker_feed_blind") == 1
    assert await daemon.total("breaker_verdicts_total", held_by="none", to="stopped") == 0
    assert await daemon.total("breaker_verdicts_total", held_by="blind", to="stopped") >= 1

    await platform.tell("PUT", "feed", {})
    for address in others:
        await platform.burst(address, sends=50)
    heard += len(others) * 50
    await platform.delivered(heard)

    async def trusted() -> bool:
        return await daemon.total("breaker_feed_blind") == 0

    await until("the feed is trusted again", trusted, 60.0)
    await daemon.running.said("the feed can be trusted again")
    assert await platform.blocked() == {LIST: []}

    async def stopped() -> bool:
        nonlocal heard
        await platform.burst(bad, sends=10, hard_bounces=8)
        heard += 10
        await platform.delivered(heard)
        return bool((await daemon.known(bad))["state"] == "stopped")

    # Only what is sent from now on counts against it: bounces may still be of the second in which the gap ended.
    await until("what it sends now stops it", stopped)
    account = await daemon.confirmed(bad, "stopped")
    assert (account["state"], account["last_verdict"]["held_by"]) == ("stopped", None)
    assert await platform.blocked() == {LIST: [bad]}
