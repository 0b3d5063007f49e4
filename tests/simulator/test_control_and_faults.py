from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.simulator.client import DELIVERY, Receiver, World

if TYPE_CHECKING:
    from breaker.simulator.state.grants import Grant
    from tests.simulator.client import Loose

SENDER = "agent@agents.example.com"


@pytest.fixture
def grant(world: World) -> Grant:
    return world.application.add_grant(SENDER)


async def _burst(world: World, grant: Grant, **rest: Loose) -> Loose:
    return (await world.client.post("/simulator/bursts", {"grant_id": grant.id, **rest})).body


async def _webhook(world: World, receiver: Receiver) -> str:
    body = {"trigger_types": DELIVERY, "webhook_url": receiver.url}
    return str((await world.client.post("/v3/webhooks", body)).data["webhook_secret"])


async def test_a_burst_results_in_signed_notifications_of_both_families(
    world: World, grant: Grant, receiver: Receiver
) -> None:
    secret = await _webhook(world, receiver)
    burst = await _burst(world, grant, sends=120, hard_bounces=60, complaints=2, silent=3, transactional_share=0.3)
    await world.platform.settled()
    types = [one.content["type"].split(".")[-1] for one in receiver.received]
    families = {"transactional" in one.content["type"]: "grant_id" in one.content["data"] for one in receiver.received}

    assert burst == {
        "number": 1,
        "accepted": 120,
        "refused": {},
        "outcomes": {"hard_bounce": 60, "complaint": 2, "silent": 3, "delivered": 55},
        "notifications": 119,
    }
    assert tuple(map(types.count, ("bounced", "delivered", "complaint"))) == (60, 57, 2)
    assert families == {True: False, False: True}
    assert all(one.signed_with(secret) for one in receiver.received)


async def test_a_repeated_burst_is_the_same_notifications_byte_by_byte(
    world: World, grant: Grant, receiver: Receiver
) -> None:
    await _webhook(world, receiver)
    await _burst(world, grant, sends=20, hard_bounces=10)
    await world.platform.settled()
    await world.client.post("/simulator/bursts/1/repeat")
    await world.platform.settled()
    bodies = [one.raw for one in receiver.received]

    assert (len(bodies), len(set(bodies))) == (40, 20)


async def test_refused_sends_of_a_burst_have_no_outcome(world: World, grant: Grant) -> None:
    await world.client.post("/simulator/standing", {"paused": [grant.id]})
    burst = await _burst(world, grant, sends=5)

    assert (burst["accepted"], list(burst["refused"].values()), burst["notifications"]) == (0, [5], 0)


async def test_a_burst_that_cannot_be_is_refused(world: World, grant: Grant) -> None:
    answers = [
        await world.client.post("/simulator/bursts", body)
        for body in (
            {"grant_id": grant.id, "sends": 1, "hard_bounces": 2},
            {"grant_id": "unknown", "sends": 1},
            {"grant_id": grant.id, "sends": -1},
            {"grant_id": grant.id, "sends": 1, "hard_bounce": 1},
        )
    ]

    assert [answer.status for answer in answers] == [400, 404, 400, 400]


async def test_grants_and_workspaces_are_made_and_the_state_shown(world: World) -> None:
    workspace = (await world.client.post("/simulator/workspaces", {"name": "Home"})).body["workspace_id"]
    made = (await world.client.post("/simulator/grants", {"email": "a@new.example", "workspace_id": workspace})).body
    state = (await world.client.get("/simulator/state")).body

    assert [
        {
            "grant_id": made["id"],
            "email": "a@new.example",
            "workspace_id": workspace,
            "under_review": False,
            "paused": False,
        }
    ] == state["applications"][0]["accounts"]
    assert state["applications"][0]["domains"] == ["agents.example.com", "new.example"]


async def test_the_surface_asks_for_no_key_and_stands_in_no_journal(world: World) -> None:
    assert (await world.client.get("/simulator/state", api_key="wrong")).status == 200
    assert (await world.client.get("/simulator/journal")).body == []


async def test_the_journal_is_read_and_cleared(world: World) -> None:
    await world.client.get("/v3/grants")
    await world.client.post("/v3/lists", {"name": "x", "type": "tld"})
    changing = (await world.client.get("/simulator/journal?changing=true")).body
    await world.client.delete("/simulator/journal")

    assert [(call["method"], call["path"], call["status"], call["changing"]) for call in changing] == [
        ("POST", "/v3/lists", 201, True)
    ]
    assert len(world.platform.journal) == 0


async def test_the_clock_is_advanced(world: World) -> None:
    before = world.clock.now()

    assert {"now": before + 60} == (await world.client.post("/simulator/clock", {"advance": 60})).body
    assert [(await world.client.post("/simulator/clock", body)).status for body in ({"advance": -1}, {"speed": 2})] == [
        400,
        400,
    ]


async def _fault(world: World, **fault: Loose) -> int:
    return int((await world.client.post("/simulator/faults", fault)).body["id"])


async def test_a_fault_answers_with_an_error_as_often_as_it_is_told(world: World) -> None:
    await _fault(world, kind="status", status=500, path="/v3/grants", method="GET", times=2)

    assert [(await world.client.get("/v3/grants")).status for _ in range(3)] == [500, 500, 200]


async def test_a_429_looks_as_it_really_does_and_may_carry_a_retry_after(world: World) -> None:
    await _fault(world, kind="status", status=429, retry_after=7, times=1)
    answer = await world.client.get("/v3/grants")

    assert answer.error == (429, "rate_limit_error", "Too many requests, please try again shortly.")
    assert answer.headers["Retry-After"] == "7"


async def test_a_page_of_html_in_place_of_an_answer(world: World) -> None:
    await _fault(world, kind="html", status=502)
    answer = await world.client.get("/v3/grants")

    assert (answer.status, b"<h1>502 Bad Gateway</h1>" in answer.body) == (502, True)


async def test_a_change_that_is_made_although_the_client_does_not_learn_of_it(world: World) -> None:
    await _fault(world, kind="status", status=504, executes=True, times=1)
    answer = await world.client.post("/v3/lists", {"name": "Stopped", "type": "address"})

    assert answer.status == 504
    assert [one["name"] for one in (await world.client.get("/v3/lists")).data] == ["Stopped"]


async def test_a_cut_connection_and_silence(world: World) -> None:
    await _fault(world, kind="disconnect", times=1)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await world.client.post("/v3/lists", {"name": "x", "type": "tld"})
    await _fault(world, kind="silence", times=1)
    with pytest.raises(TimeoutError):
        await world.client.get("/v3/grants", timeout=aiohttp.ClientTimeout(total=0.05))

    assert (await world.client.get("/v3/grants")).status == 200


async def test_latency_is_in_real_seconds(world: World) -> None:
    await _fault(world, kind="latency", seconds=0.05, times=1)
    before = time.monotonic()
    answer = await world.client.get("/v3/grants")

    assert (answer.status, time.monotonic() - before >= 0.05) == (200, True)


async def test_a_lost_change_is_answered_as_if_it_were_made(world: World, grant: Grant) -> None:
    made = (await world.client.post("/v3/workspaces", {"name": "Sales"})).data["workspace_id"]
    fault = await _fault(world, kind="lost")

    answer = await world.client.patch(f"/v3/grants/{grant.id}", {"workspace_id": made})
    shown = await world.client.get(f"/v3/grants/{grant.id}")
    await world.client.delete(f"/simulator/faults/{fault}")
    await world.client.patch(f"/v3/grants/{grant.id}", {"workspace_id": made})

    assert (answer.status, answer.data["workspace_id"]) == (200, made)
    assert shown.data["workspace_id"] != made
    assert (await world.client.get(f"/v3/grants/{grant.id}")).data["workspace_id"] == made


async def test_stale_answers_show_the_state_of_before_until_they_are_taken_back(world: World, grant: Grant) -> None:
    list_id = (await world.client.post("/v3/lists", {"name": "Stopped", "type": "address"})).data["id"]
    workspace = world.application.add_workspace("Quarantine").workspace_id
    home = grant.workspace_id
    fault = await _fault(world, kind="stale")
    await world.client.post(f"/v3/lists/{list_id}/items", {"items": [SENDER]})
    await world.client.patch(f"/v3/grants/{grant.id}", {"workspace_id": workspace})

    async def seen() -> tuple[int, str]:
        items = (await world.client.get(f"/v3/lists/{list_id}/items")).data
        return len(items), (await world.client.get(f"/v3/grants/{grant.id}")).data["workspace_id"]

    assert (0, home) == await seen()

    await world.client.delete(f"/simulator/faults/{fault}")

    assert (1, workspace) == await seen()


async def test_a_fault_by_chance_strikes_the_same_calls_for_the_same_seed() -> None:
    async def statuses() -> list[int]:
        async with World.open(seed=5) as world:
            await _fault(world, kind="status", status=500, probability=0.5)
            return [(await world.client.get("/v3/grants")).status for _ in range(20)]

    first, second = await asyncio.gather(statuses(), statuses())

    assert first == second
    assert {200, 500} == set(first)


async def test_faults_are_listed_and_cleared(world: World) -> None:
    await _fault(world, kind="silence", path="/v3/lists")
    listed = (await world.client.get("/simulator/faults")).body

    assert [(fault["id"], fault["kind"], fault["path"]) for fault in listed] == [(1, "silence", "/v3/lists")]
    assert (await world.client.delete("/simulator/faults")).body == []


async def test_a_restart_closes_the_port_and_keeps_the_state(world: World, grant: Grant) -> None:
    await world.client.post("/simulator/restart", {"seconds": 0.05})
    async with asyncio.timeout(5):
        while True:
            try:
                answer = await world.client.get(f"/v3/grants/{grant.id}")
                break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.01)

    assert (200, grant.id) == (answer.status, answer.data["id"])


async def test_a_dead_feed_delivers_nothing_and_a_half_dead_one_a_part(
    world: World, grant: Grant, receiver: Receiver
) -> None:
    await _webhook(world, receiver)
    await world.client.call("PUT", "/simulator/feed", {"lost": {"*": 1.0}})
    await _burst(world, grant, sends=10, hard_bounces=5)
    await world.client.call("PUT", "/simulator/feed", {"lost": {"message.delivered": 1.0}})
    await _burst(world, grant, sends=10, hard_bounces=5)
    await world.platform.settled()

    assert [one.content["type"] for one in receiver.received] == ["message.bounced"] * 5


async def test_notifications_may_come_twice_late_and_out_of_order(
    world: World, grant: Grant, receiver: Receiver
) -> None:
    await _webhook(world, receiver)
    await world.client.call("PUT", "/simulator/feed", {"repeated": 0.5, "late": 0.5, "late_by": [60, 600]})
    await _burst(world, grant, sends=100)
    await world.platform.settled()
    at_once = len(receiver.received)
    for _ in range(30):
        await world.clock.advance(60)
        await world.platform.settled()
    ids = [one.content["id"] for one in receiver.received]

    assert at_once < 80
    assert (len(set(ids)), 120 < len(ids) < 180) == (100, True)


async def test_the_books_show_measures_and_rates(world: World, grant: Grant) -> None:
    await _burst(world, grant, sends=120, hard_bounces=60)
    books = (await world.client.get("/simulator/books")).body

    assert books == {
        "representative_volume": world.platform.representative_volume,
        "measures": [
            {
                "at": int(world.clock.now()),
                "grant_id": grant.id,
                "what": "under_review",
                "signal": "bounce",
                "rate": 0.05,
                "volume": books["measures"][0]["volume"],
            }
        ],
        "accounts": [{"grant_id": grant.id, "email": SENDER, "sends": 120, "bounce_rate": 0.06, "complaint_rate": 0.0}],
    }


async def test_any_event_is_delivered_to_every_destination(world: World, receiver: Receiver) -> None:
    secret = await _webhook(world, receiver)
    order = {"type": "contact.invented", "data": {"object": {"x": 1}}, "id": "event-1"}
    answer = await world.client.post("/simulator/notifications", order)
    await world.platform.settled()
    [received] = receiver.received

    assert answer.body == {"id": "event-1", "destinations": 1}
    assert received.signed_with(secret)
    assert (received.content["type"], received.content["data"]) == ("contact.invented", {"object": {"x": 1}})


async def test_a_burst_passes_the_queue() -> None:
    async with World.open(send_queue=True) as world:
        grant = world.application.add_grant(SENDER)
        burst = await _burst(world, grant, sends=1000)

        assert (burst["accepted"], {message.sent_at for message in world.application.messages}) == (
            1000,
            {int(world.clock.now())},
        )


async def test_a_burst_over_time_meets_what_happens_meanwhile(world: World, grant: Grant) -> None:
    burst = await _burst(world, grant, sends=60, hard_bounces=30, over=60)
    await world.clock.advance(29.5)
    await world.client.post("/simulator/standing", {"paused": [grant.id]})
    await world.clock.advance(60)
    shown = (await world.client.get(f"/simulator/bursts/{burst['number']}")).body

    assert (shown["accepted"], list(shown["refused"].values())) == (30, [30])


async def test_an_expired_grant_is_invalid_and_says_so(world: World, grant: Grant, receiver: Receiver) -> None:
    await world.client.post("/v3/webhooks", {"trigger_types": ["grant.expired"], "webhook_url": receiver.url})
    await world.client.post(f"/simulator/grants/{grant.id}/expire")
    await world.platform.settled()
    [received] = receiver.received

    assert received.content["data"]["object"]["grant_id"] == grant.id
    assert (await world.client.get("/v3/grants?grant_status=invalid")).data[0]["id"] == grant.id
