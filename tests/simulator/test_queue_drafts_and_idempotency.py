from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import msgspec
import pytest

from breaker.simulator.options import FREE
from tests.simulator.client import Receiver, World

if TYPE_CHECKING:
    from breaker.simulator.state.grants import Grant
    from tests.simulator.client import Client

SENDER = "sales@agents.example.com"


@pytest.fixture
def grant(world: World) -> Grant:
    return world.application.add_grant(SENDER)


async def test_sends_beyond_the_rate_wait_and_are_answered_202_then_429_with_retry_after() -> None:
    async with World.open(plan=FREE, send_queue=True) as world:
        grant = world.application.add_grant(SENDER)
        answers = [await world.client.send(grant.id, "a@y.example") for _ in range(93)]
        statuses = [answer.status for answer in answers]

        assert statuses == [200] + [202] * 90 + [429, 429]
        assert answers[-1].headers["Retry-After"] == "1"
        assert int(world.clock.now()) + 90 == answers[90].data["date"]

        await world.clock.advance(1)

        assert (await world.client.send(grant.id, "a@y.example")).status == 202


async def test_a_waiting_send_of_an_account_that_is_paused_meanwhile_fails(receiver: Receiver) -> None:
    async with World.open(plan=FREE, send_queue=True) as world:
        await world.client.post("/v3/webhooks", {"trigger_types": ["message.send_failed"], "webhook_url": receiver.url})
        grant = world.application.add_grant(SENDER)
        await world.client.send(grant.id, "a@y.example")
        waiting = (await world.client.send(grant.id, "a@y.example")).data["id"]
        world.application.standing.paused.add(grant.id)
        await world.clock.advance(5)
        await world.platform.settled()
        [received] = receiver.received

    assert {waiting} == world.application.messages.failed
    assert (grant.id, waiting) == (received.content["data"]["grant_id"], received.content["data"]["object"]["id"])


async def test_a_scheduled_send_leaves_at_its_time_and_says_so(world: World, grant: Grant, receiver: Receiver) -> None:
    await world.client.post("/v3/webhooks", {"trigger_types": ["message.send_success"], "webhook_url": receiver.url})
    leaves = int(world.clock.now()) + 3600
    answer = await world.client.send(grant.id, "a@y.example", send_at=leaves)
    await world.clock.advance(3599)
    await world.platform.settled()

    assert (202, leaves, []) == (answer.status, answer.data["date"], receiver.received)

    await world.clock.advance(1)
    await world.platform.settled()

    assert [answer.body["schedule_id"]] == [one.content["data"]["object"]["schedule_id"] for one in receiver.received]


async def test_the_same_key_and_payload_send_once(world: World, grant: Grant) -> None:
    path = f"/v3/grants/{grant.id}/messages/send"
    body, headers = {"to": [{"email": "a@y.example"}]}, {"Idempotency-Key": "k"}
    first = await world.client.post(path, body, headers=headers)
    again = await world.client.post(path, body, headers=headers)
    other = await world.client.post(path, {**body, "subject": "x"}, headers=headers)
    long = await world.client.post(path, body, headers={"Idempotency-Key": "k" * 257})

    assert (first.body, "true") == (again.body, again.headers["Idempotent-Response"])
    assert other.error[:2] == (409, "api.invalid_idempotent_request")
    assert long.error == (400, "api.invalid_idempotency_key", "Idempotency-Key must be 256 characters or fewer.")
    assert len(world.application.messages) == 1

    await world.clock.advance(3601)
    later = await world.client.post(path, body, headers=headers)

    assert first.data["id"] != later.data["id"]


async def test_errors_are_given_again_too(world: World, grant: Grant) -> None:
    world.application.standing.paused.add(grant.id)
    path, headers = f"/v3/grants/{grant.id}/messages/send", {"Idempotency-Key": "k"}
    body = {"to": [{"email": "a@y.example"}]}
    first = await world.client.post(path, body, headers=headers)
    world.application.standing.paused.clear()

    assert first.error == (await world.client.post(path, body, headers=headers)).error


def _form(message: object, attachment: bytes = b"") -> aiohttp.MultipartWriter:
    form = aiohttp.MultipartWriter("form-data")
    part = form.append(msgspec.json.encode(message).decode(), {"Content-Type": "application/json"})
    part.set_content_disposition("form-data", name="message")
    file = form.append(attachment, {"Content-Type": "application/octet-stream"})
    file.set_content_disposition("form-data", name="attachment", filename="report.pdf")
    return form


async def test_a_multipart_send_is_taken_ten_times_a_second(client: Client, grant: Grant) -> None:
    path = f"/v3/grants/{grant.id}/messages/send"
    answers = [
        await client.post(path, data=_form({"to": [{"email": "a@y.example"}], "subject": "Report"}, b"x" * 1000))
        for _ in range(11)
    ]

    assert [answer.status for answer in answers] == [200] * 10 + [429]
    assert answers[0].data["subject"] == "Report"


async def test_a_send_above_the_size_limit_is_refused() -> None:
    async with World.open(outbound_size_limit=10_000) as world:
        grant = world.application.add_grant(SENDER)
        path = f"/v3/grants/{grant.id}/messages/send"
        message = {"to": [{"email": "a@y.example"}]}

        assert [
            (await world.client.post(path, {**message, "body": "x" * 10_000})).status,
            (await world.client.post(path, data=_form(message, b"x" * 10_000))).status,
        ] == [400, 400]


async def test_a_grants_sends_have_a_limit_of_their_own(world: World, grant: Grant) -> None:
    statuses = [(await world.client.send(grant.id, "a@y.example")).status for _ in range(201)]

    assert statuses == [200] * 200 + [429]
    assert (await world.client.get("/v3/grants")).status == 200


async def test_a_draft_is_kept_changed_and_sent_by_the_send_path(world: World, grant: Grant) -> None:
    path = f"/v3/grants/{grant.id}/drafts"
    made = await world.client.post(path, {"to": [{"email": "a@y.example"}], "subject": "One", "body": "Hi"})
    changed = await world.client.put(
        f"{path}/{made.data['id']}", {"to": [{"email": "b@y.example"}], "subject": "Two", "body": "Ho"}
    )
    listed = await world.client.get(path)

    assert (made.data["object"], made.data["subject"], made.data["from"]) == ("draft", "One", [{"email": SENDER}])
    assert [changed.data] == listed.data

    world.application.standing.paused.add(grant.id)
    refused = await world.client.post(f"{path}/{made.data['id']}")
    world.application.standing.paused.clear()
    sent = await world.client.post(f"{path}/{made.data['id']}")
    [message] = world.application.messages

    assert [refused.status, sent.status, (await world.client.get(f"{path}/{made.data['id']}")).status] == [
        400,
        200,
        404,
    ]
    assert (message.id, "message", ("b@y.example",)) == (sent.data["id"], sent.data["object"], message.recipients)


async def test_a_draft_belongs_to_its_grant_and_can_be_deleted(world: World, grant: Grant) -> None:
    other = world.application.add_grant("other@agents.example.com")
    made = (await world.client.post(f"/v3/grants/{grant.id}/drafts", {"subject": "One"})).data["id"]

    assert [
        (await world.client.get(f"/v3/grants/{other.id}/drafts/{made}")).status,
        (await world.client.delete(f"/v3/grants/{grant.id}/drafts/{made}")).status,
        (await world.client.delete(f"/v3/grants/{grant.id}/drafts/{made}")).status,
    ] == [404, 200, 404]


async def test_auto_grouping_moves_by_domain_once_a_minute(world: World) -> None:
    grant = world.application.add_grant(SENDER)
    home = world.application.add_workspace("Home", domain="agents.example.com", auto_group=True)
    first = await world.client.post("/v3/workspaces/auto-group", {})
    second = await world.client.post("/v3/workspaces/auto-group", {})

    assert [first.status, second.status] == [200, 429]
    assert home.workspace_id == grant.workspace_id
