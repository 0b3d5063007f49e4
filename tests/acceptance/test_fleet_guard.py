"""A storm: more accounts go bad at once than can be right, and the fleet guard lets five of them be stopped."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from tests.acceptance.processes import until

if TYPE_CHECKING:
    from tests.acceptance.world import Daemon, World

LIST = "Breaker: stopped accounts [app-simulated]"


async def test_the_sixth_stop_of_a_storm_is_held_until_a_person_takes_it(world: World) -> None:
    # Everybody in a domain and a workspace of its own, so that the limit of the fleet is what is met.
    platform, daemon = await world.guarded("--accounts", "7", "--domains", "7", "--workspaces", "7")
    fleet = [one["email"] for one in await platform.accounts()]

    for address in fleet:
        await platform.burst(address, sends=120, hard_bounces=60)

    async def all_judged() -> bool:
        accounts = [await daemon.account(address) for address in fleet]
        return all(one and (one["state"] == "stopped" or one["pending"]) for one in accounts)

    await platform.delivered(7 * 120)
    await until("all are judged", all_judged)
    accounts = {address: await daemon.known(address) for address in fleet}
    stopped = [address for address, one in accounts.items() if one["state"] == "stopped"]
    held = {address: one for address, one in accounts.items() if one["state"] != "stopped"}
    assert (len(stopped), len(held)) == (5, 2)
    assert {one["pending"]["held_by"] for one in held.values()} == {"guard"}
    await asyncio.gather(*(daemon.confirmed(address, "stopped") for address in stopped))
    assert await platform.blocked() == {LIST: sorted(stopped)}
    assert await daemon.total("breaker_verdicts_total", to="stopped", held_by="guard") == 2
    assert await daemon.total("breaker_verdicts_total", to="stopped", held_by="none") == 5

    listed = await world.breaker("status", "--pending", "--json")
    assert {one["address"] for one in listed.json["data"]} == set(held)
    [first, second] = held
    # What comes after does not let it through by and by; a person does.
    await platform.burst(second, sends=20, hard_bounces=10)
    await platform.delivered(7 * 120 + 20)
    assert (await daemon.known(second))["state"] == "limited"  # the guard bounds stops, and no lesser step
    taken = await world.breaker("trip", first, "--reason", "it is one of them", "--wait", "30s")
    assert taken.code == 0
    assert Counter(await _states(fleet, daemon)) == {"stopped": 6, "limited": 1}

    guard = (await world.breaker("guard", "--json")).json
    assert [one["address"] for one in guard["held"]] == [second]
    assert [(one["limit"], one["used"], one["allowed"]) for one in guard["limits"][:2]] == [
        ("window", 5, 5),
        ("total", 5, 5),
    ]
    # Once a person has made room it is judged again, and stopped without another bad outcome.
    raised = await world.breaker("guard", "raise", "--to", "10", "--for", "10m", "--reason", "they are all bad")
    assert raised.code == 0, raised
    await daemon.confirmed(second, "stopped")
    assert await platform.blocked() == {LIST: sorted(fleet)}


async def test_a_hold_is_followed_at_once_and_stops_nobody_until_it_ends(world: World) -> None:
    platform, daemon = await world.guarded("--accounts", "2")
    bad, _ = [one["email"] for one in await platform.accounts()]
    held = await world.breaker("hold", "on", "--reason", "the platform is being moved", "--for", "2h")
    assert held.code == 0, held

    async def on_hold() -> bool:
        return await daemon.total("breaker_on_hold") == 1

    await until("the daemon follows", on_hold, 5.0)
    await platform.burst(bad, sends=30, hard_bounces=15)
    await platform.delivered(30)
    account = await daemon.known(bad)
    assert (account["enforcement"]["wanted"], account["pending"]["held_by"]) == ("sending", "hold")
    assert await platform.blocked() == {LIST: []}

    assert (await world.breaker("hold", "off", "--reason", "moved")).code == 0

    async def goes_on() -> bool:
        return await daemon.total("breaker_on_hold") == 0

    await until("the daemon follows", goes_on, 5.0)
    await platform.burst(bad, sends=10, hard_bounces=10)
    await daemon.confirmed(bad, "stopped")


async def _states(fleet: list[str], daemon: Daemon) -> list[str]:
    return [(await daemon.known(address))["state"] for address in fleet]
