"""Accounts on their way back, with real processes: in rounds, by evidence, and past a daemon that dies meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.acceptance.processes import until

if TYPE_CHECKING:
    from tests.acceptance.world import Daemon, Platform, World

BAD = "agent-001@agents-1.example.com"
BOUGHT_LIST = {"sends": 60, "hard_bounces": 30}
STOPPED = "Breaker: stopped accounts [app-simulated]"
SECONDS = {
    "BREAKER_ACTUATORS": "block",
    "BREAKER_PROBING__COOL_DOWN_SECONDS": "2",
    "BREAKER_PROBING__JITTER": "0",
    "BREAKER_PROBING__SETTLE_SECONDS": "1",
}


async def _stopped(world: World, **environment: str) -> tuple[Platform, Daemon]:
    """Return a world in which an account has mailed a bought list."""
    platform, daemon = await world.guarded("--accounts", "4", **(SECONDS | environment))
    await platform.burst(BAD, **BOUGHT_LIST)
    await daemon.confirmed(BAD, "stopped")
    return platform, daemon


async def _in_phase(daemon: Daemon, phase: str, number: int = 1) -> dict[str, Any]:
    """Return the account once its round of this number, or a later one, is in a phase."""

    async def there() -> dict[str, Any] | None:
        account = await daemon.known(BAD)
        probe = account["probe"] or {}
        return account if probe.get("phase") == phase and probe["round"] >= number else None

    account: dict[str, Any] = await until(f"round {number} is {phase}", there, 60)
    return account


async def _verdicts(daemon: Daemon) -> list[dict[str, Any]]:
    """Return what was decided about it, the earliest first."""
    status, answer = await daemon.get(f"/api/v1/verdicts?account={BAD}&limit=100")
    assert status == 200, answer
    return list(reversed(answer["data"]))


async def test_an_account_whose_list_was_cleaned_comes_back_in_rounds(world: World) -> None:
    platform, daemon = await _stopped(world)
    for number in range(1, 4):  # 36 good sends are enough
        account = await _in_phase(daemon, "open", number)
        assert (account["state"], account["enforcement"]["wanted"]) == ("probing", "sending")
        assert await platform.blocked() == {STOPPED: []}
        burst = await platform.burst(BAD, sends=12)
        assert burst["accepted"] == 12
        account = await _in_phase(daemon, "settling", number)
        assert (account["enforcement"]["confirmed"], account["probe"]["overshoot"]) == ("stopped", 2)
        assert (await platform.send(BAD))[0] == 403
        if number == 1:
            told = await world.breaker("explain", BAD)
            assert "probe     Round" in told.out
            assert "So far 12 sends, 0 hard-bounced." in told.out

    account = await daemon.confirmed(BAD, "sending")
    assert (account["state"], account["probe"]) == ("sending", None)
    assert (await platform.send(BAD))[0] == 200
    moves = [(one["from"], one["to"]) for one in await _verdicts(daemon) if one["detector"] == "probe"]
    rounds = [("probing", "probing")] * (len(moves) - 2)
    assert moves == [("stopped", "probing"), *rounds, ("probing", "sending")]
    assert await daemon.total("breaker_probe_steps_total", step="accept") == 1


async def test_one_that_is_still_bad_is_stopped_again_for_longer_and_a_person_can_ask_for_another_probe(
    world: World,
) -> None:
    platform, daemon = await _stopped(world)
    await _in_phase(daemon, "open")

    await platform.burst(BAD, sends=10, hard_bounces=6)

    async def failed() -> dict[str, Any] | None:
        account = await daemon.known(BAD)
        return account if account["state"] == "stopped" else None

    account = await until("the probe failed", failed)
    assert account["last_verdict"]["from"] == "probing"  # by the test, or by a detector before it

    async def cools_down() -> bool:
        account = await daemon.known(BAD)
        probe = account["probe"] or {}
        return probe.get("phase") == "cooling" and probe["next_at"] - account["since"] == 4

    await until("it cools down for twice as long", cools_down)
    await daemon.confirmed(BAD, "stopped")
    assert (await platform.send(BAD))[0] == 403
    await _in_phase(daemon, "open", 1)

    # A person stops it, and asks for a probe of his own.
    trip = await world.breaker("trip", BAD, "--reason", "looking into it", "--wait", "30s")
    assert trip.code == 0, trip
    account = await _in_phase(daemon, "asking", 0)
    assert account["probe"]["asks"].endswith("stopped it: may it be probed?")
    probe = await world.breaker("probe", BAD, "--reason", "the list was cleaned", "--wait", "30s")
    assert probe.code == 0, probe
    await _in_phase(daemon, "open", 1)
    assert (await platform.send(BAD))[0] == 200


async def test_a_round_that_a_dead_daemon_left_open_is_closed_first_by_the_next_one(world: World) -> None:
    platform, daemon = await _stopped(world)
    await _in_phase(daemon, "open")
    daemon.running.kill()
    assert (await platform.send(BAD))[0] == 200  # nothing on the platform ends a round

    daemon = await world.daemon()

    account = await _in_phase(daemon, "settling")
    assert account["enforcement"]["confirmed"] == "stopped"
    assert await platform.blocked() == {STOPPED: [BAD]}
    closed = [one["why"] for one in await _verdicts(daemon) if one["why"].startswith("Nobody watched it for a while.")]
    assert len(closed) == 1
    assert (await _in_phase(daemon, "open", 2))["state"] == "probing"


async def test_a_daemon_that_is_told_to_end_leaves_no_round_open(world: World) -> None:
    platform, daemon = await _stopped(world)
    await _in_phase(daemon, "open")

    assert await daemon.running.end() == 0

    assert await platform.blocked() == {STOPPED: [BAD]}
    daemon = await world.daemon()
    assert (await daemon.known(BAD))["enforcement"]["confirmed"] == "stopped"
