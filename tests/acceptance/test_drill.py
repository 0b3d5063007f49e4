"""Drills, with real processes: by command and at night, sound and with what protects accounts broken on purpose."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.processes import until

if TYPE_CHECKING:
    from tests.acceptance.world import Daemon, Platform, World

CANARY = "agent-001@agents-1.example.com"
SOUND = ["canary", "stop", "refused", "reset", "accepted", "event", "scope"]
DRILL = {
    "BREAKER_MODE": "observe",
    "BREAKER_ACTUATORS": "block,limit,block_domain",
    "BREAKER_DRILL__ACCOUNT": CANARY,
    "BREAKER_DRILL__RECIPIENT": "success@simulator.amazonses.com",
    "BREAKER_DRILL__REFUSAL_SECONDS": "1",
    "BREAKER_DRILL__READ_BACK_SECONDS": "20",
    "BREAKER_DRILL__NIGHTLY": "false",
}


async def _ready(world: World, *fleet: str, **environment: str) -> tuple[Platform, Daemon]:
    """Start all of it, and return once the canary is known."""
    platform, daemon = await world.guarded("--accounts", "4", *fleet, **(DRILL | environment))
    await until("the canary is known", lambda: daemon.account(CANARY))
    await daemon.confirmed(CANARY, "sending")
    return platform, daemon


async def _free(platform: Platform, daemon: Daemon) -> None:
    """Return once the canary can send again."""

    async def free() -> bool:
        return not [one for values in (await platform.blocked()).values() for one in values]

    await until("the canary is free", free)
    account = await daemon.confirmed(CANARY, "sending")
    assert account["state"] == "sending"


async def _drills(world: World) -> dict[str, Any]:
    """Drill, and return what is printed."""
    said = await world.breaker("drill", "--json")
    return {"code": said.code, **said.json["drills"][0]}


async def _found(world: World) -> set[str]:
    """Return what the doctor finds; no policy was made for the simulated workspaces."""
    doctor = await world.breaker("doctor", "--json")
    return {one["kind"] for one in doctor.json["applications"][0]["findings"]}


@pytest.mark.parametrize("scope", ["workspace", "application"])
async def test_a_drill_passes_in_either_reading_of_the_scope_of_rules_and_tells_which_holds(
    world: World, scope: str
) -> None:
    platform, daemon = await _ready(world, "--rule-scope", scope)
    rules = await platform.all("/v3/rules")

    drill = await _drills(world)

    assert (drill["code"], drill["outcome"], drill["rule_scope"]) == (0, "passed", scope)
    assert [(one["step"], one["passed"]) for one in drill["steps"]] == [(step, True) for step in SOUND]
    await _free(platform, daemon)
    assert await platform.all("/v3/rules") == rules
    verdicts = (await daemon.get(f"/api/v1/verdicts?account={CANARY}"))[1]["data"]
    assert sorted((one["from"], one["to"], one["author"]) for one in verdicts) == [
        ("sending", "stopped", "drill"),
        ("stopped", "sending", "drill"),
    ]
    # Mail to the mail simulator counts nowhere, and is heard of in a drill all the same.
    assert await daemon.counts(CANARY) == (0, 0)
    assert await _found(world) == {"default_without_policy"}

    async def told() -> bool:
        return "breaker_drill_last_success_timestamp_seconds" in await daemon.metrics()

    await until("the daemon tells of the drill", told)
    assert await daemon.total("breaker_drill_failures_total") == 0
    assert await daemon.total("breaker_drill_step_seconds", step="stop") > 0


async def test_a_drill_fails_loudly_where_the_rule_is_detached(world: World) -> None:
    platform, daemon = await _ready(world)
    for workspace in await platform.all("/v3/workspaces"):
        await platform.call("PATCH", f"/v3/workspaces/{workspace['workspace_id']}", {"rule_ids": []})

    said = await world.breaker("drill")

    assert said.code == 1
    assert "Breaker's rule does not hold" in said.out
    assert "FAILED at `refused`" in said.err
    assert "What to do: run `breaker doctor`, then `breaker setup`" in said.err
    await _free(platform, daemon)
    assert await _found(world) == {"default_without_policy", "unprotected", "drill_failed"}

    async def told() -> bool:
        return await daemon.total("breaker_drill_failures_total", step="refused") == 1

    await until("the daemon tells of the failure", told)


async def test_the_nightly_drill_fails_loudly_where_the_rule_is_detached(world: World) -> None:
    at = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%H:%M")
    platform, daemon = await world.guarded("--accounts", "4", **DRILL)
    await until("the canary is known", lambda: daemon.account(CANARY))
    for workspace in await platform.all("/v3/workspaces"):
        await platform.call("PATCH", f"/v3/workspaces/{workspace['workspace_id']}", {"rule_ids": []})
    assert await daemon.running.end() == 0

    both = [
        await world.daemon(BREAKER_DRILL__NIGHTLY="true", BREAKER_DRILL__AT=at, BREAKER_DRILL__JITTER_SECONDS="0")
        for _ in range(2)
    ]

    async def told() -> list[dict[str, Any]]:
        return [line for one in both for line in one.running.events if line["event"] == "the drill failed"]

    [line] = await until("one of the daemons says so", told)
    assert (line["level"], line["step"]) == ("error", "refused")
    assert line["what_to_do"] == "run `breaker doctor`, then `breaker setup`: stopped accounts can send"
    assert not any("simulator.amazonses.com" in one.running.log for one in both)
    for daemon in both:
        await _free(platform, daemon)

    async def counted() -> bool:
        return await both[0].total("breaker_drill_failures_total") == 1

    await until("it is counted once, though two daemons drill", counted)


async def test_a_revoked_key_fails_the_drill_and_what_is_ordered_waits(world: World) -> None:
    platform, daemon = await _ready(world, BREAKER_DRILL__READ_BACK_SECONDS="3")
    await platform.tell("POST", "faults", {"kind": "status", "status": 401})

    drill = await _drills(world)

    assert (drill["code"], drill["outcome"], drill["failed_at"]) == (1, "failed", "stop")
    assert "401" in drill["steps"][1]["says"]
    await platform.tell("DELETE", "faults")
    await _free(platform, daemon)


async def test_a_drill_that_is_killed_leaves_nobody_stopped(world: World) -> None:
    platform, daemon = await _ready(world, BREAKER_DRILL__EVENT_SECONDS="0")
    await platform.tell("POST", "faults", {"kind": "silence", "method": "POST", "path": "/v3/grants/"})
    drilling = world.start("drill")
    stopped = await daemon.confirmed(CANARY, "stopped")
    assert stopped["last_verdict"]["why"].startswith("Stopped by drill 1, for a minute: ada")

    drilling.tell(signal.SIGKILL)
    await drilling.ended()

    # Taken over when the lease of the dead has run out.
    await daemon.confirmed(CANARY, "sending", 60.0)
    await daemon.running.said("a drill did not end, and what it left is taken back")
    await _free(platform, daemon)


async def test_a_drill_that_died_with_its_daemon_is_taken_back_by_the_next_start(world: World) -> None:
    platform, daemon = await _ready(world)
    await platform.tell("POST", "faults", {"kind": "silence", "method": "POST", "path": "/v3/grants/"})
    drilling = world.start("drill")
    await daemon.confirmed(CANARY, "stopped")
    daemon.running.kill()
    drilling.kill()
    await platform.tell("DELETE", "faults")

    daemon = await world.daemon()

    await daemon.confirmed(CANARY, "sending", 60.0)
    await _free(platform, daemon)


async def test_a_drill_says_what_it_lacks(world: World) -> None:
    platform = await world.platform("--accounts", "1")
    unconfigured = await world.breaker("drill")
    world.environment |= DRILL
    unknown = await world.breaker("drill")

    assert (unconfigured.code, unknown.code) == (2, 1)
    assert "BREAKER_DRILL__ACCOUNT" in unconfigured.err
    assert "BREAKER_DRILL__RECIPIENT" in unconfigured.err
    assert f"no account is known as {CANARY}" in unknown.err
    assert await platform.changes() == []
