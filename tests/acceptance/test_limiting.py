"""Limited accounts, with real processes: what is refused and what passes, and how they come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.world import Platform, World

BAD = "agent-001@agents-1.example.com"
OTHER = "agent-002@agents-2.example.com"
STOPPED, LIMITED = "Breaker: stopped accounts [app-simulated]", "Breaker: limited accounts [app-simulated]"
ACTUATORS = "block,limit,quarantine"


async def _cold_and_reply(platform: Platform, address: str) -> tuple[int, int]:
    """Return how the platform answers a message that begins a conversation, and one that answers another."""
    (cold, _), (reply, _) = await platform.send(address), await platform.send(address, reply_to_message_id="theirs")
    return cold, reply


async def test_an_account_that_draws_complaints_may_only_reply_until_a_person_stops_it_or_lets_it_go(
    world: World,
) -> None:
    platform, daemon = await world.guarded("--accounts", "4", BREAKER_ACTUATORS=ACTUATORS)

    # All of one recipient domain, by which alone nobody is stopped; at the fifth the platform would pause it.
    for complaints in range(1, 5):
        await platform.burst(BAD, sends=20, complaints=1)
        await platform.delivered(complaints * 21)
        if (await daemon.known(BAD))["state"] == "limited":
            break
    account = await daemon.confirmed(BAD, "limited")

    assert (account["state"], account["last_verdict"]["signal"]) == ("limited", "complaint")
    assert await platform.blocked() == {STOPPED: [], LIMITED: [BAD]}
    assert await _cold_and_reply(platform, BAD) == (403, 200)
    assert await _cold_and_reply(platform, OTHER) == (200, 200)
    told = await world.breaker("explain", BAD)
    assert "platform  read back: limited" in told.out

    trip = await world.breaker("trip", BAD, "--reason", "it goes on", "--wait", "30s")
    assert trip.code == 0, trip
    assert await platform.blocked() == {STOPPED: [BAD], LIMITED: [BAD]}
    assert await _cold_and_reply(platform, BAD) == (403, 403)

    reset = await world.breaker("reset", BAD, "--reason", "looked at", "--wait", "30s")
    assert reset.code == 0, reset
    assert await platform.blocked() == {STOPPED: [], LIMITED: []}
    assert await _cold_and_reply(platform, BAD) == (200, 200)


async def test_an_installation_of_before_is_given_what_limits_by_another_setup_and_adopts_what_stands_there(
    world: World,
) -> None:
    platform, daemon = await world.guarded("--accounts", "4", BREAKER_PLATFORM__SWEEP_SECONDS="0.5")
    assert list(await platform.blocked()) == [STOPPED]
    assert await daemon.running.end() == 0
    world.environment["BREAKER_ACTUATORS"] = ACTUATORS
    daemon = await world.daemon()

    await world.set_up(daemon)

    assert await platform.blocked() == {STOPPED: [], LIMITED: []}
    workspaces = await platform.all("/v3/workspaces")
    rules = {one["id"] for one in await platform.all("/v3/rules")}
    assert [set(one["rule_ids"]) for one in workspaces] == [rules] * len(workspaces)
    [limit] = [one["id"] for one in await platform.all("/v3/lists") if one["name"] == LIMITED]
    await platform.call("POST", f"/v3/lists/{limit}/items", {"items": [BAD]})
    adopted = await daemon.confirmed(BAD, "limited")
    assert (adopted["state"], adopted["last_verdict"]["detector"]) == ("limited", "platform")
    assert (await world.breaker("teardown", "--yes")).code == 0
    assert await platform.blocked() == {}
