from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import msgspec
import pytest
from aiohttp import web

from breaker.simulator.options import RetriedAnswers
from breaker.simulator.webhooks.notifications import Family
from breaker.simulator.webhooks.signature import signature
from tests.simulator.client import DELIVERY, Answer, Receiver, World

if TYPE_CHECKING:
    from tests.simulator.client import Loose


async def _create(world: World, receiver: Receiver, **rest: Loose) -> Answer:
    body = {"trigger_types": DELIVERY, "webhook_url": receiver.url, **rest}
    return await world.client.post("/v3/webhooks", body)


def test_the_signature_is_the_published_test_vectors() -> None:
    body = (
        b'{"specversion":"1.0","type":"message.bounced","source":"/nylas/send","id":"wh-evt-0001","time":1723821985,'
        b'"webhook_delivery_attempt":1,"data":{"application_id":"app-1","grant_id":"grant-1","object":{"message":'
        b'{"id":"msg-1","subject":"Hi","from":"agent@agents.example.com","to":["a@example.org"],"sent_at":1723821900},'
        b'"bounce":{"bounced_at":1723821980,"type":"General","recipients":[{"email":"a@example.org","diagnostic_code":'
        b'"smtp; 550 5.1.1 user unknown"}]}}}}'
    )

    assert signature("41dD3-nXTUfebYuk81Gr", body) == "b2e06476895d3ea49510b058cccbc1ae68a154a9a95defa99915c7db12ab80c3"


async def test_an_endpoint_is_challenged_once_and_its_secret_shown_once(world: World, receiver: Receiver) -> None:
    made = await _create(world, receiver, description="Breaker")
    now = int(world.clock.now())
    expected = {
        "id": made.data["id"],
        "description": "Breaker",
        "trigger_types": DELIVERY,
        "webhook_url": receiver.url,
        "status": "active",
        "notification_email_addresses": [],
        "compressed_delivery": False,
        "status_updated_at": now,
        "created_at": now,
        "updated_at": now,
    }

    assert (made.status, len(receiver.challenges)) == (200, 1)
    assert {**expected, "webhook_secret": made.data["webhook_secret"]} == made.data
    assert expected == (await world.client.get(f"/v3/webhooks/{made.data['id']}")).data
    assert [expected] == (await world.client.get("/v3/webhooks")).data


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda _: web.Response(status=404), "unable.verify.webhook_url : status is not ok, got 404"),
        (lambda challenge: web.Response(text=f'"{challenge}"'), "unable.verify.webhook_url : challenge does not match"),
    ],
)
async def test_an_endpoint_that_does_not_echo_is_refused(
    world: World, receiver: Receiver, answer: Loose, message: str
) -> None:
    receiver.echo = answer

    assert (400, "70005", message) == (await _create(world, receiver)).error
    assert (await world.client.get("/v3/webhooks")).data == []


async def test_an_endpoint_that_is_not_there_is_refused(world: World, receiver: Receiver) -> None:
    answer = await _create(world, receiver, webhook_url="http://127.0.0.1:9/hook")

    assert answer.error == (400, "70005", "unable.verify.webhook_url : connection failed")


@pytest.mark.parametrize(
    "body",
    [
        {"trigger_types": []},
        {"trigger_types": ["message.unknown"]},
        {"webhook_url": "not a url"},
        {"webhook_url": "https://x.ngrok.io/hook"},
    ],
)
async def test_a_destination_that_cannot_be_is_refused_unasked(
    world: World, receiver: Receiver, body: dict[str, object]
) -> None:
    assert (await _create(world, receiver, **body)).status == 400
    assert receiver.challenges == []


async def test_an_unknown_destination_is_a_400_in_the_platforms_words(world: World) -> None:
    expected = (400, "70000", "destination.id.not.found : record not found")

    assert [expected] * 4 == [
        answer.error
        for answer in (
            await world.client.get("/v3/webhooks/unknown"),
            await world.client.put("/v3/webhooks/unknown", {}),
            await world.client.delete("/v3/webhooks/unknown"),
            await world.client.post("/v3/webhooks/rotate-secret/unknown"),
        )
    ]


async def test_a_bounce_arrives_signed_in_its_envelope(world: World, receiver: Receiver) -> None:
    secret = (await _create(world, receiver)).data["webhook_secret"]
    grant = world.application.add_grant("agent@agents.example.com")
    message = world.application.send(grant.id, ["john@example.com", "jane@example.com"], subject="s")
    await world.clock.advance(30)
    event = world.application.bounce(message, ["john@example.com"], diagnostic_code="smtp; 550 user unknown")
    await world.platform.settled()
    [received] = receiver.received
    sent = message.sent_at

    assert received.signed_with(secret)
    assert received.headers["Content-Type"] == "application/json"
    assert {
        "specversion": "1.0",
        "type": "message.bounced",
        "source": "/nylas/send",
        "id": event.id,
        "time": sent + 30,
        "webhook_delivery_attempt": 1,
        "data": {
            "application_id": "app-1",
            "grant_id": grant.id,
            "object": {
                "message": {
                    "id": message.id,
                    "subject": "s",
                    "from": "agent@agents.example.com",
                    "to": ["john@example.com", "jane@example.com"],
                    "sent_at": sent,
                },
                "bounce": {
                    "bounced_at": sent + 30,
                    "type": "General",
                    "recipients": [{"email": "john@example.com", "diagnostic_code": "smtp; 550 user unknown"}],
                },
            },
        },
    } == received.content


async def test_the_objects_of_the_other_outcomes(world: World, receiver: Receiver) -> None:
    await _create(world, receiver)
    grant = world.application.add_grant("agent@agents.example.com")
    message = world.application.send(grant.id, ["a@y.example"])
    now = message.sent_at
    world.application.deliver(message)
    world.application.complain(message)
    world.application.reject(message)
    await world.platform.settled()
    objects = {one.content["type"]: one.content["data"]["object"] for one in receiver.received}
    shown = message.in_event()

    assert {
        "message.delivered": {"message": shown, "delivered": {"delivered_at": now, "recipients": ["a@y.example"]}},
        "message.complaint": {
            "message": shown,
            "complaint": {"reported_at": now, "type": "abuse", "complained_recipients": ["a@y.example"]},
        },
        "message.rejected": {"message": shown, "rejected_at": now},
    } == objects


async def test_the_transactional_family_names_no_grant(world: World, receiver: Receiver) -> None:
    await _create(world, receiver)
    grant = world.application.add_grant("agent@agents.example.com")
    message = world.application.send(grant.id, ["a@y.example"])
    world.application.bounce(message, family=Family.TRANSACTIONAL)
    await world.platform.settled()
    content = receiver.received[0].content

    assert (content["type"], sorted(content["data"])) == ("message.transactional.bounced", ["application_id", "object"])


async def test_a_compressed_delivery_is_signed_over_the_compressed_bytes(world: World, receiver: Receiver) -> None:
    secret = (await _create(world, receiver, compressed_delivery=True)).data["webhook_secret"]
    grant = world.application.add_grant("agent@agents.example.com")
    world.application.deliver(world.application.send(grant.id, ["a@y.example"]))
    await world.platform.settled()
    [received] = receiver.received

    assert received.headers["Content-Encoding"] == "gzip"
    assert received.signed_with(secret)
    assert msgspec.json.decode(gzip.decompress(received.raw))["type"] == "message.delivered"


async def test_a_rotated_secret_kills_the_old_one_at_once(world: World, receiver: Receiver) -> None:
    made = (await _create(world, receiver)).data
    rotated = (await world.client.post(f"/v3/webhooks/rotate-secret/{made['id']}")).data
    python_sdk = (await world.client.put(f"/v3/webhooks/{made['id']}/rotate-secret")).data
    grant = world.application.add_grant("agent@agents.example.com")
    world.application.deliver(world.application.send(grant.id, ["a@y.example"]))
    await world.platform.settled()
    secrets = [one["webhook_secret"] for one in (made, rotated, python_sdk)]

    assert len(set(secrets)) == 3
    assert [receiver.received[0].signed_with(secret) for secret in secrets] == [False, False, True]


async def test_only_subscribed_triggers_of_active_destinations_are_delivered(world: World, receiver: Receiver) -> None:
    made = (await _create(world, receiver, trigger_types=["message.bounced"])).data
    grant = world.application.add_grant("agent@agents.example.com")
    message = world.application.send(grant.id, ["a@y.example"])
    world.application.deliver(message)
    world.application.bounce(message)
    await world.platform.settled()
    await world.client.put(f"/v3/webhooks/{made['id']}", {"status": "pause"})
    world.application.bounce(message)
    await world.platform.settled()
    await world.client.put(f"/v3/webhooks/{made['id']}", {"status": "active"})
    await world.client.delete(f"/v3/webhooks/{made['id']}")
    world.application.bounce(message)
    await world.platform.settled()

    assert [one.content["type"] for one in receiver.received] == ["message.bounced"]


async def _attempts(world: World, receiver: Receiver, status: int) -> list[int]:
    """Return the numbers of the attempts that arrive while every one is answered with `status`."""
    receiver.status = lambda _: status
    await _create(world, receiver)
    grant = world.application.add_grant("agent@agents.example.com")
    world.application.deliver(world.application.send(grant.id, ["a@y.example"]))
    for _ in range(30):
        await world.platform.settled()
        await world.clock.advance(60)
    return [one.content["webhook_delivery_attempt"] for one in receiver.received]


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504, 507])
async def test_three_attempts_are_made_for_an_answer_that_is_retried(
    world: World, receiver: Receiver, status: int
) -> None:
    assert await _attempts(world, receiver, status) == [1, 2, 3]
    assert world.platform.deliveries.counts.lost == 1


@pytest.mark.parametrize("status", [201, 301, 400, 401, 404, 500])
async def test_one_attempt_is_made_for_any_other_answer(world: World, receiver: Receiver, status: int) -> None:
    assert await _attempts(world, receiver, status) == [1]


@pytest.mark.parametrize(("reading", "attempts"), [(RetriedAnswers.ASYNC, [1]), (RetriedAnswers.ALL, [1, 2, 3])])
async def test_the_other_readings_of_what_is_retried(
    receiver: Receiver, reading: RetriedAnswers, attempts: list[int]
) -> None:
    async with World.open(retried_answers=reading) as world:
        assert attempts == await _attempts(world, receiver, 504)


async def test_the_last_attempt_comes_10_to_20_minutes_after_the_first(world: World, receiver: Receiver) -> None:
    times: list[float] = []
    start = world.clock.now()
    world.platform.deliveries.observers.append(lambda _, __: times.append(world.clock.now() - start))
    await _attempts(world, receiver, 503)

    assert times[0] == 0
    assert 60 <= times[1] <= 300
    assert 600 <= times[2] <= 1260


async def test_a_429_with_retry_after_is_honoured(world: World, receiver: Receiver) -> None:
    receiver.headers = {"Retry-After": "1500"}
    times: list[float] = []
    start = world.clock.now()
    world.platform.deliveries.observers.append(lambda _, __: times.append(world.clock.now() - start))
    await _attempts(world, receiver, 429)

    assert times[1] >= 1500


async def test_a_retry_goes_to_all_destinations_of_the_trigger(world: World, receiver: Receiver) -> None:
    async with Receiver() as other:
        await _create(world, other)
        await _attempts(world, receiver, 503)

        assert [one.content["webhook_delivery_attempt"] for one in other.received] == [1, 2, 3]


async def test_a_destination_that_never_answers_ok_is_failing_then_failed_and_gets_nothing_after(
    world: World, receiver: Receiver
) -> None:
    receiver.status = lambda _: 500
    made = (await _create(world, receiver)).data
    grant = world.application.add_grant("agent@agents.example.com")
    message = world.application.send(grant.id, ["a@y.example"])
    seen = []
    for _ in range(75 * 12):
        world.application.deliver(message)
        await world.platform.settled()
        await world.clock.advance(300)
        status = next(iter(world.application.destinations)).status
        if status not in seen:
            seen.append(status)
    before = len(receiver.received)
    world.application.deliver(message)
    await world.platform.settled()

    assert seen == ["active", "failing", "failed"]
    assert before == len(receiver.received)

    receiver.status = lambda _: 200
    await world.client.put(f"/v3/webhooks/{made['id']}", {"status": "active"})
    world.application.deliver(message)
    await world.platform.settled()

    assert before + 1 == len(receiver.received)


async def test_a_changed_url_is_challenged_anew(world: World, receiver: Receiver) -> None:
    made = (await _create(world, receiver)).data
    async with Receiver() as other:
        changed = await world.client.put(f"/v3/webhooks/{made['id']}", {"webhook_url": other.url})

        assert (200, 1, other.url) == (changed.status, len(other.challenges), changed.data["webhook_url"])
        assert "webhook_secret" not in changed.data


async def test_a_test_event_is_signed_with_the_published_secret(world: World, receiver: Receiver) -> None:
    body = {"trigger_type": "message.bounced", "webhook_url": receiver.url}
    answer = await world.client.post("/v3/webhooks/send-test-event", body)
    [received] = receiver.received

    assert (answer.status, answer.data) == (200, "success")
    assert received.signed_with("mock-webhook-secret")
    assert received.content["type"] == "message.bounced"


async def test_a_mock_payload_is_an_envelope_and_changes_nothing(world: World, receiver: Receiver) -> None:
    body = {"trigger_type": "message.bounced", "webhook_url": receiver.url}
    answer = await world.client.post("/v3/webhooks/mock-payload", body)

    assert (answer.data["type"], answer.data["specversion"]) == ("message.bounced", "1.0")
    assert receiver.received == []
    assert world.platform.journal.changing() == []


async def test_grant_events_are_delivered(world: World, receiver: Receiver) -> None:
    await _create(world, receiver, trigger_types=["grant.created", "grant.updated", "grant.deleted"])
    grant = world.application.add_grant("agent@agents.example.com")
    await world.client.patch(
        f"/v3/grants/{grant.id}", {"workspace_id": world.application.add_workspace("Quarantine").workspace_id}
    )
    await world.client.delete(f"/v3/grants/{grant.id}")
    await world.platform.settled()

    assert {
        ("grant.created", 25012, grant.id),
        ("grant.updated", 25014, grant.id),
        ("grant.deleted", 25013, grant.id),
    } == {
        (one.content["type"], one.content["data"]["object"]["code"], one.content["data"]["object"]["grant_id"])
        for one in receiver.received
    }


async def test_the_platform_goes_on_with_its_state_after_a_restart(world: World, receiver: Receiver) -> None:
    await _create(world, receiver)
    grant = world.application.add_grant("agent@agents.example.com")
    message = world.application.send(grant.id, ["a@y.example"])
    port = int(world.base_url.rpartition(":")[2])
    await world.platform.stop()
    world.application.deliver(message)
    await world.platform.settled()
    await world.platform.start(port=port)
    await world.platform.settled()

    assert grant.id == (await world.client.get(f"/v3/grants/{grant.id}")).data["id"]
    assert [one.content["type"] for one in receiver.received] == ["message.delivered"]


async def test_a_suffix_stands_behind_the_trigger_that_was_subscribed_to(receiver: Receiver) -> None:
    async with World.open(trigger_suffix=".transformed") as world:
        await _create(world, receiver)
        grant = world.application.add_grant("agent@agents.example.com")
        world.application.deliver(world.application.send(grant.id, ["a@y.example"]))
        await world.platform.settled()

    assert [one.content["type"] for one in receiver.received] == ["message.delivered.transformed"]


@pytest.mark.parametrize("outcome", ["delivered", "bounced", "complaint", "rejected"])
async def test_the_mock_payload_of_every_delivery_trigger_has_its_object(world: World, outcome: str) -> None:
    body = {"trigger_type": f"message.transactional.{outcome}", "webhook_url": "http://127.0.0.1:9/hook"}
    payload = (await world.client.post("/v3/webhooks/mock-payload", body)).data

    assert "grant_id" not in payload["data"]
    assert "message" in payload["data"]["object"]


async def test_a_test_event_that_is_not_taken_says_so(world: World, receiver: Receiver) -> None:
    receiver.status = lambda _: 401
    refused = {"trigger_type": "message.bounced", "webhook_url": receiver.url}
    absent = {"trigger_type": "message.bounced", "webhook_url": "http://127.0.0.1:9/hook"}

    assert [(await world.client.post("/v3/webhooks/send-test-event", body)).data for body in (refused, absent)] == [
        "failed",
        "failed",
    ]
    assert (await world.client.post("/v3/webhooks/mock-payload", {**refused, "trigger_type": "x"})).status == 400


async def test_a_destination_that_answers_again_is_active_again(world: World, receiver: Receiver) -> None:
    receiver.status = lambda _: 500
    await _create(world, receiver)
    grant = world.application.add_grant("agent@agents.example.com")
    message = world.application.send(grant.id, ["a@y.example"])
    [destination] = world.application.destinations

    async def for_minutes(minutes: int) -> None:
        for _ in range(minutes):
            world.application.deliver(message)
            await world.platform.settled()
            await world.clock.advance(60)

    await for_minutes(20)
    before = destination.status
    receiver.status = lambda _: 200
    await for_minutes(5)

    assert (before, destination.status) == ("failing", "active")
