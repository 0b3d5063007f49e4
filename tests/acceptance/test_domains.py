"""A sending domain whose authentication breaks, with real processes: one stop for all of its accounts, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.acceptance.processes import until

if TYPE_CHECKING:
    from tests.acceptance.world import Daemon, Platform, World

DOMAIN = "broken.example.com"
AGENTS = [f"agent-{number}@{DOMAIN}" for number in range(1, 6)]
OTHER = "agent-001@agents-1.example.com"
DOMAINS = "Breaker: stopped domains [app-simulated]"
ACTUATORS = {"BREAKER_ACTUATORS": "block,block_domain"}


async def _five_accounts(platform: Platform, daemon: Daemon) -> None:
    """Make five accounts of one domain, and let each have some mail taken."""
    for address in AGENTS:
        await platform.tell("POST", "grants", {"email": address})
        await platform.burst(address, sends=4)

    async def known() -> bool:
        accounts = [await daemon.account(address) for address in AGENTS]
        return all(one and one["signals"]["bounce"]["sends"] == 4 for one in accounts)

    await until("all accounts are known", known)


async def _refuse(platform: Platform) -> None:
    """Let each account's mail be refused for failed authentication, at two recipient domains in turn."""
    for number, address in enumerate(AGENTS):
        company = f"company-{number % 2}.example.org"
        await platform.burst(address, sends=2, policy_bounces=2, recipient_domain=company)


async def _domain(daemon: Daemon) -> dict[str, Any] | None:
    status, answer = await daemon.get(f"/api/v1/domains/{DOMAIN}")
    return answer if status == 200 else None


async def _sends(platform: Platform) -> list[int]:
    return [(await platform.send(address))[0] for address in (*AGENTS, OTHER)]


async def test_broken_authentication_of_a_domain_is_one_stop_and_one_reset_lets_all_go(world: World) -> None:
    platform, daemon = await world.guarded("--accounts", "2", **ACTUATORS)
    await _five_accounts(platform, daemon)

    await _refuse(platform)

    async def stopped() -> dict[str, Any] | None:
        domain = await _domain(daemon)
        return domain if domain and domain["enforcement"]["confirmed"] == "stopped" else None

    domain = await until("the domain is read back as stopped", stopped)
    assert (domain["state"], domain["cause"], domain["accounts"]) == ("stopped", "authentication 5.7.26", 5)
    assert "550 5.7.26 this message lacks authentication" in domain["last_verdict"]["why"]
    assert (await platform.blocked())[DOMAINS] == [DOMAIN]
    assert await _sends(platform) == [403] * 5 + [200]
    _, trail = await daemon.get("/api/v1/verdicts")
    assert [(one["account"], one["to"]) for one in trail["data"]] == [(f"domain:{DOMAIN}", "stopped")]
    assert await daemon.total("breaker_verdicts_total", to="stopped") == 1
    told = await world.breaker("explain", f"domain:{DOMAIN}")
    assert "platform  read back: stopped" in told.out
    assert f"domain:{DOMAIN} is stopped" in (await world.breaker("status")).err
    assert {(await daemon.known(one))["domain_state"] for one in AGENTS} == {"stopped"}
    assert "so its mail is refused" in (await world.breaker("explain", AGENTS[0])).out

    reset = await world.breaker("reset", f"domain:{DOMAIN}", "--only-domain", "--reason", "repaired", "--wait", "30s")

    assert reset.code == 0, reset
    assert (await platform.blocked())[DOMAINS] == []
    assert await _sends(platform) == [200] * 6
    assert [(await daemon.known(address))["state"] for address in AGENTS] == ["sending"] * 5


async def test_while_it_is_observed_a_domains_stop_stands_pending_until_a_person_takes_it(world: World) -> None:
    platform, daemon = await world.guarded("--accounts", "2", **ACTUATORS, BREAKER_MODE="observe")
    await _five_accounts(platform, daemon)

    await _refuse(platform)

    async def held() -> dict[str, Any] | None:
        domain = await _domain(daemon)
        return domain if domain and domain["pending"] else None

    domain = await until("the verdict stands pending", held)
    assert (domain["state"], domain["pending"]["to"], domain["pending"]["held_by"]) == ("sending", "stopped", "observe")
    assert (await platform.blocked())[DOMAINS] == []
    assert await _sends(platform) == [200] * 6

    taken = await world.breaker(
        "mode", f"domain:{DOMAIN}", "enforce", "--apply-pending", "--reason", "it is real", "--wait", "30s", "--yes"
    )

    assert taken.code == 0, taken
    assert (await platform.blocked())[DOMAINS] == [DOMAIN]
    assert await _sends(platform) == [403] * 5 + [200]


async def test_a_lost_database_adopts_the_stopped_domain_and_lets_nobody_go(world: World) -> None:
    platform, daemon = await world.guarded("--accounts", "2", **ACTUATORS, BREAKER_PLATFORM__SWEEP_SECONDS="0.5")
    [listed] = [one["id"] for one in await platform.all("/v3/lists") if one["name"] == DOMAINS]
    await platform.call("POST", f"/v3/lists/{listed}/items", {"items": [DOMAIN]})

    async def adopted() -> dict[str, Any] | None:
        return await _domain(daemon)

    domain = await until("the domain is adopted", adopted)
    assert (domain["state"], domain["enforcement"]["confirmed"], domain["last_verdict"]["detector"]) == (
        "stopped",
        "stopped",
        "platform",
    )
    assert (await platform.blocked())[DOMAINS] == [DOMAIN]
