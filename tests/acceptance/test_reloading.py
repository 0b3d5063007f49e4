"""A configuration that is changed while the daemon runs: it is put in force as a whole, or not at all."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.acceptance.processes import until

if TYPE_CHECKING:
    from tests.acceptance.world import Daemon, World

BAD, GOOD = "agent-001@agents-1.example.com", "agent-002@agents-2.example.com"
TOLERANT = '[detection]\nbounces = "warn"\n'
CONTRADICTORY = TOLERANT + '[[profiles]]\nname = "one"\npreset = "stricct"\ndomains = ["agents-1.example.com"]\n'
INTOLERANT = """
database_connections = 7
[[profiles]]
name = "watched"
preset = "strict"
domains = ["agents-1.example.com"]
owner = "Payments"
labels = ["tier 1"]
"""


async def test_a_reload_takes_other_profiles_and_stops_nobody_by_itself(world: World) -> None:
    file = world.folder / "breaker.toml"
    file.write_text(TOLERANT)
    platform, daemon = await world.guarded("--accounts", "4", BREAKER_CONFIG=str(file))
    await platform.burst(BAD, sends=120, hard_bounces=60)
    await platform.burst(GOOD, sends=120, hard_bounces=1)

    async def all_counted() -> bool:
        known = [await daemon.account(one) for one in (BAD, GOOD)]
        return all(known) and [await daemon.counts(one) for one in (BAD, GOOD)] == [(60, 120), (1, 120)]

    await until("all are counted", all_counted)
    assert [(await daemon.known(one))["state"] for one in (BAD, GOOD)] == ["warned", "sending"]

    # What can't be used changes nothing.
    file.write_text(CONTRADICTORY)
    daemon.running.tell(signal.SIGHUP)
    refused = await daemon.running.said("the configuration was not reloaded, and the old one stays in force")
    assert refused["problems"] == [
        f"profiles[0].preset ({file}): there is no preset stricct; the nearest one is strict"
    ]
    assert await daemon.total("breaker_config_last_reload_successful") == 0
    assert await _profile(daemon, BAD) == ("standard", None, [])

    # What can be used says beforehand whom it would stop.
    file.write_text(INTOLERANT)
    asked = await world.breaker("check-config", "--would-stop", "--json")
    assert asked.code == 3
    told = [(one["address"], one["profile"], one["state"], one["to"]) for one in asked.json["would_stop"]]
    assert told == [(BAD, "watched", "warned", "stopped")]

    daemon.running.tell(signal.SIGHUP)
    waiting = await daemon.running.said("these settings changed too, and need a restart")
    assert waiting["settings"] == ["database_connections"]
    assert await daemon.total("breaker_config_last_reload_successful") == 1
    warned = await daemon.running.said(
        "the new thresholds would act on accounts at their next bad outcome, as far as the guard lets them"
    )
    bad = await daemon.known(BAD)
    assert (warned["numbers"], warned["accounts"]) == ({"stopped": 1}, [f"{bad['id']}: warned -> stopped (watched)"])
    assert await _profile(daemon, BAD) == ("watched", "Payments", ["tier 1"])
    assert (bad["state"], await platform.changes()) == ("warned", [])

    # The next bad outcome does.
    await platform.burst(BAD, sends=2, hard_bounces=1)
    stopped = await daemon.confirmed(BAD, "stopped")
    assert stopped["last_verdict"]["held_by"] is None
    assert (await daemon.known(GOOD))["state"] == "sending"


async def test_a_mode_in_the_file_is_in_force_after_a_reload(world: World) -> None:
    file = world.folder / "breaker.toml"
    file.write_text('mode = "observe"\n')
    world.environment["BREAKER_CONFIG"] = str(file)
    platform = await world.platform("--accounts", "1")
    daemon = await world.daemon()
    await world.set_up(daemon)
    await platform.burst(BAD, sends=20, hard_bounces=1)

    async def known() -> object:
        return await daemon.account(BAD)

    assert (await until("it is known", known))["mode"] == "observe"

    file.write_text('mode = "enforce"\n')
    daemon.running.tell(signal.SIGHUP)

    async def enforced() -> bool:
        return bool((await daemon.known(BAD))["mode"] == "enforce")

    await until("the mode is in force", enforced)


async def _profile(daemon: Daemon, address: str) -> tuple[str, str | None, list[str]]:
    account = await daemon.known(address)
    return account["profile"], account["owner"], account["labels"]
