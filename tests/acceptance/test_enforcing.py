"""A bought list on the whole way: from signed webhooks to a mailbox that is stopped, told about, and let go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from tests.acceptance.processes import until
from tests.acceptance.world import READER

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.acceptance.world import Platform, World

T = TypeVar("T")

BAD = "agent-001@agents-1.example.com"
OTHERS = ("agent-002@agents-2.example.com", "agent-003@agents-1.example.com")
BOUGHT_LIST = {"sends": 120, "hard_bounces": 60, "transactional_share": 0.3}
LIST, RULE = "Breaker: stopped accounts [app-simulated]", "Breaker: block stopped accounts [app-simulated]"


async def test_a_bought_list_is_stopped_within_two_seconds_and_nobody_else_is_touched(world: World) -> None:
    platform, daemon = await world.guarded("--accounts", "6")
    places = await _places(platform)
    for other in OTHERS:
        await platform.burst(other, sends=10, hard_bounces=1)
    await platform.delivered(20)

    burst = await platform.burst(BAD, **BOUGHT_LIST)
    answered_at, (confirmed_at, account) = await asyncio.gather(
        platform.delivered(20 + 120), _timed(daemon.confirmed(BAD, "stopped"))
    )

    assert (burst["accepted"], burst["outcomes"]) == (120, {"hard_bounce": 60, "delivered": 60})
    assert confirmed_at - answered_at <= 2.0
    assert (account["state"], account["enforceable"], account["pending"]) == ("stopped", True, None)
    assert account["home_workspace_id"] == places[BAD]
    assert await daemon.counts(BAD) == (60, 120)
    assert [await daemon.counts(other) for other in OTHERS] == [(1, 10), (1, 10)]

    # On the platform itself.
    workspaces = {one["workspace_id"]: one for one in await platform.all("/v3/workspaces")}
    quarantine, home = workspaces[await platform.place_of(BAD)], workspaces[places[BAD]]
    [rule] = await platform.all("/v3/rules")
    assert await platform.blocked() == {LIST: [BAD]}
    assert quarantine["name"] == f"Breaker: quarantine of {home['workspace_id']} [app-simulated]"
    assert rule["name"] == RULE
    assert all(rule["id"] in one["rule_ids"] for one in workspaces.values())
    assert await _places(platform) == places | {BAD: quarantine["workspace_id"]}
    changes = await platform.changes()
    [listed] = await platform.all("/v3/lists")
    assert sorted(changes) == [
        ("PATCH", f"/v3/grants/{account['grant_id']}", 200),
        ("POST", f"/v3/lists/{listed['id']}/items", 200),
        ("POST", "/v3/policies", 200),  # its home has none, and no copy is left without
        ("POST", "/v3/workspaces", 200),
    ]
    status, refusal = await platform.send(BAD)
    assert (status, refusal["error"]["message"]) == (403, "message blocked by an outbound rule")
    assert (await platform.send(OTHERS[0]))[0] == 200

    # What people are told.
    told, in_full, fleet = await asyncio.gather(
        world.breaker("explain", BAD), world.breaker("explain", BAD, "--json"), world.breaker("status", "--json")
    )
    assert told.code == in_full.code == fleet.code == 0
    [verdict] = [one for one in in_full.json["verdicts"] if one["to"] == "stopped"]
    assert verdict["signal"] == "bounce"
    assert 0 < verdict["count"] <= verdict["of"] <= 120
    assert verdict["applied"]
    assert verdict["why"] in told.out
    assert "platform  read back: stopped" in told.out
    assert {one["address"]: one["state"] for one in fleet.json["data"]} == {
        BAD: "stopped",
        **{address: "sending" for address in places if address != BAD},
    }

    # The whole burst again.
    before = await daemon.known(BAD)
    await platform.forget_calls()
    statuses = await platform.deliveries()
    await platform.tell("POST", f"bursts/{burst['number']}/repeat")
    await platform.delivered(statuses["200"] + 120)
    after = await daemon.known(BAD)
    assert (after["signals"], after["epoch"], after["verdicts"]) == (
        before["signals"],
        before["epoch"],
        before["verdicts"],
    )
    assert await daemon.total("breaker_outcomes_not_counted_total", reason="repeated") == 120
    assert await platform.changes() == []
    assert set(await platform.deliveries()) == {"200"}


async def test_a_reset_brings_an_account_home_and_every_ending_has_its_exit_code(world: World) -> None:
    platform, daemon = await world.guarded("--accounts", "4")
    home = await platform.place_of(BAD)
    burst = await platform.burst(BAD, **BOUGHT_LIST)
    await daemon.confirmed(BAD, "stopped")

    reset, unknown, without_reason, contradiction = await asyncio.gather(
        world.breaker("reset", BAD, "--reason", "the list is cleaned", "--wait", "30s"),
        world.breaker("reset", "nobody@agents-1.example.com", "--reason", "a typing error"),
        world.breaker("reset", BAD),
        world.breaker("check-config", BREAKER_NYLAS_API_KEY=""),
    )

    assert (reset.code, unknown.code, without_reason.code, contradiction.code) == (0, 1, 2, 3)
    assert "nobody@agents-1.example.com" in unknown.err
    account = await daemon.known(BAD)
    assert (account["state"], account["enforcement"]["confirmed"]) == ("sending", "sending")
    assert (account["workspace_id"], account["home_workspace_id"]) == (home, home)
    assert await daemon.counts(BAD) == (0, 0)
    assert await platform.blocked() == {LIST: []}
    assert await platform.place_of(BAD) == home
    assert (await platform.send(BAD))[0] == 200

    # Its old sends do not count against it any more.
    statuses = await platform.deliveries()
    await platform.tell("POST", f"bursts/{burst['number']}/repeat")
    await platform.delivered(statuses["200"] + 120)
    assert await daemon.counts(BAD) == (0, 0)

    # An act without a daemon is accepted, and carried out by the next one.
    assert await daemon.running.end() == 0
    trip = await world.breaker("trip", OTHERS[0], "--reason", "a hunch", "--wait", "0.2s", "--json")
    assert (trip.code, trip.json["unconfirmed"]) == (4, 1)
    daemon = await world.daemon()
    tripped = await daemon.confirmed(OTHERS[0], "stopped")
    assert tripped["last_verdict"]["author"] == "ada"
    assert await platform.blocked() == {LIST: [OTHERS[0]]}


async def test_observing_leaves_a_pending_verdict_and_changes_nothing_until_a_person_says_so(world: World) -> None:
    platform, daemon = await world.guarded("--accounts", "6", BREAKER_MODE="observe")
    places = await _places(platform)
    await platform.burst(BAD, **BOUGHT_LIST)

    async def pending() -> object:
        account = await daemon.account(BAD)
        return account and account["pending"] and await daemon.counts(BAD) == (60, 120)

    await until("a verdict is pending", pending)
    account = await daemon.known(BAD)
    assert (account["state"], account["mode"], account["enforcement"]["wanted"]) == ("sending", "observe", "sending")
    assert (account["pending"]["to"], account["pending"]["held_by"]) == ("stopped", "observe")
    verdicts = (await daemon.get(f"/api/v1/verdicts?account={BAD}"))[1]["data"]
    assert {(one["applied"], one["held_by"]) for one in verdicts} == {(False, "observe")}
    assert [one["to"] for one in verdicts].count("stopped") == 1
    assert await daemon.total("breaker_verdicts_total", to="stopped", held_by="observe") == 1
    assert await platform.changes() == []
    assert (await platform.send(BAD))[0] == 200
    await platform.forget_calls()

    # By a program: a plan first, then the workspace; wrong and weak tokens do nothing.
    order = {"selector": f"workspace:{places[BAD]}", "action": "mode", "mode": "enforce", "reason": "first workspace"}
    assert (await daemon.act("token-of-nobody", **order))[0] == 401
    assert (await daemon.act(None, **order))[0] == 401
    assert (await daemon.act(READER, **order))[0] == 403
    status, plan = await daemon.act(**order, plan=True)
    assert (status, plan["plan"], [one["effect"] for one in plan["results"]]) == (200, True, ["pending"])
    assert (await daemon.known(BAD))["mode"] == "observe"
    status, done = await daemon.act(**order)
    assert (status, [one["address"] for one in done["results"]]) == (200, [BAD])
    account = await daemon.known(BAD)
    assert (account["mode"], account["mode_source"], account["state"]) == ("enforce", "workspace", "sending")
    elsewhere = next(address for address, place in places.items() if place != places[BAD])
    assert (await daemon.known(elsewhere))["mode"] == "observe"
    assert await platform.changes() == []

    # By a person: what is pending is listed, and taken when it is asked for.
    listed = await world.breaker("status", "--pending", "--json")
    assert [one["address"] for one in listed.json["data"]] == [BAD]
    words = ("mode", f"workspace:{places[BAD]}", "enforce", "--apply-pending", "--reason", "looked at", "--wait", "30s")
    applied = await world.breaker(*words, "--json")
    assert (applied.code, applied.json["counts"]["changed"], applied.json["unconfirmed"]) == (0, 1, 0)
    assert await platform.blocked() == {LIST: [BAD]}
    assert (await daemon.known(BAD))["pending"] is None


async def _timed(waiting: Awaitable[T]) -> tuple[float, T]:
    result = await waiting
    return asyncio.get_running_loop().time(), result


async def _places(platform: Platform) -> dict[str, str]:
    return {one["email"]: one["workspace_id"] for one in await platform.accounts()}
