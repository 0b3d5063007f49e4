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


async def _states(fleet: list[str], daemon: Daemon) -> list[str]:
    return [(await daemon.known(address))["state"] for address in fleet]
