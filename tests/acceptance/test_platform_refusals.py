"""The platform pauses an account, and restricts an application: seen by a send path, shown, stopped, told of once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.acceptance.processes import until
from tests.acceptance.world import TOKEN

if TYPE_CHECKING:
    from typing import Any

    from tests.acceptance.world import Daemon, Platform, World

PAUSED, *OTHERS = (f"agent-00{number}@agents-{2 - number % 2}.example.com" for number in range(1, 5))


async def test_a_pause_that_a_send_path_tells_of_is_shown_and_stopped_and_ends_by_a_person(world: World) -> None:
    platform, daemon = await world.guarded("--accounts", "4")
    grants = {one["email"]: one["grant_id"] for one in await platform.accounts()}
    await platform.tell("POST", "standing", {"paused": [grants[PAUSED]]})

    told = await _send_and_tell(platform, daemon, PAUSED)
    account = await daemon.confirmed(PAUSED, "stopped")

    assert (told["result"], told["refusal"]) == ("noted", "platform_paused")
    assert {**account["platform"], "since": 0} == {
        "what": "platform_paused",
        "scope": "grant",
        "since": 0,
        "source": "observation",
    }
    assert (account["state"], account["last_verdict"]["detector"]) == ("stopped", "platform")
    assert [page["accounts"] for page in await _pages(daemon, 1)] == [[grants[PAUSED]]]
    denied = (await daemon.get(f"/api/v1/gate/{PAUSED}"))[1]
    assert (denied["allow"], denied["reason"].endswith("The platform has paused the account.")) == (False, True)

    # Support lifts it, and a person lets the account go.
    await platform.tell("POST", "standing", {"paused": []})
    reset = await world.breaker("reset", PAUSED, "--reason", "support has lifted it", "--wait", "30s")
    assert reset.code == 0, reset

    async def over() -> bool:
        return bool((await daemon.known(PAUSED))["platform"] is None)

    await until("nothing stands beside the state any more", over)
    assert (await platform.send(PAUSED))[0] == 200


async def test_a_restriction_of_the_application_is_one_page(world: World) -> None:
    platform, daemon = await world.guarded("--accounts", "4")
    await platform.tell("POST", "standing", {"restrictions": [["application", "app-simulated"]]})

    told = [await _send_and_tell(platform, daemon, address) for address in (PAUSED, *OTHERS)]
    [page] = await _pages(daemon, 1)

    assert {one["refusal"] for one in told} == {"restricted"}
    assert (page["scope"], page["number"], page["message"]) == ("application", 4, "send blocked by abuse restriction")
    account = await daemon.known(PAUSED)
    assert (account["platform"]["scope"], account["state"]) == ("application", "sending")
    assert await daemon.total("breaker_platform_acts_total", what="restricted", scope="application") == 1


async def _send_and_tell(platform: Platform, daemon: Daemon, address: str) -> dict[str, Any]:
    """Send as an agent does, and tell of the answer as its send path does."""
    status, answer = await platform.send(address)
    assert status in {400, 403}
    seen = {
        "account": address,
        "status": status,
        "type": answer["error"]["type"],
        "message": answer["error"]["message"],
        "request_id": answer["request_id"],
    }
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with daemon.session.post(
        f"{daemon.admin}/api/v1/observations", json={"observations": [seen]}, headers=headers
    ) as response:
        result: dict[str, Any] = (await response.json())["results"][0]
    return result


async def _pages(daemon: Daemon, number: int) -> list[dict[str, Any]]:
    """Return what was logged as an error, once it is so much."""

    async def paged() -> list[dict[str, Any]]:
        pages = [one for one in daemon.running.events if one["level"] == "error"]
        return pages if len(pages) >= number else []

    pages: list[dict[str, Any]] = await until(f"{number} pages", paged)
    return pages
