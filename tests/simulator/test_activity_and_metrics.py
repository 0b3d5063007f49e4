from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from breaker.simulator.state.grants import Grant
    from breaker.simulator.state.messages import Message
    from tests.simulator.client import Client, Loose, World

SENDER = "sales@agents.example.com"
DAY = 86_400


@pytest.fixture
def grant(world: World) -> Grant:
    return world.application.add_grant(SENDER)


@pytest.fixture
async def message(world: World, grant: Grant) -> Message:
    """Three recipients: one gets it, one bounces, one gets it and complains."""
    message = world.application.send(grant.id, ["a@y.example", "b@y.example", "c@z.example"])
    await world.clock.advance(10)
    world.application.deliver(message, ["a@y.example", "c@z.example"])
    world.application.bounce(message, ["b@y.example"])
    await world.clock.advance(3600)
    world.application.complain(message, ["c@z.example"])
    return message


async def _events(client: Client, query: str = "") -> list[tuple[str, str]]:
    answer = await client.get(f"/v3/activity/send?{query}")

    assert answer.status == 200
    return [(event["event_type"], event["recipient"][0]) for event in answer.data]


@pytest.mark.usefixtures("message")
async def test_events_are_one_for_each_recipient_newest_first(world: World) -> None:
    assert await _events(world.client) == [
        ("complaint", "c"),
        ("bounced", "b"),
        ("delivered", "c"),
        ("delivered", "a"),
        ("accepted", "c"),
        ("accepted", "b"),
        ("accepted", "a"),
    ]


async def test_an_event_in_full_and_by_its_id(world: World, message: Message) -> None:
    event = (await world.client.get("/v3/activity/send?event_type=bounced")).data[0]

    assert {
        "id": event["id"],
        "event_type": "bounced",
        "bounce_class": "hard",
        "timestamp": message.sent_at + 10,
        "application_id": "app-1",
        "grant_id": message.grant_id,
        "message_id": message.id,
        "from": SENDER,
        "recipient": "b@y.example",
        "reason": "General (5.1.1)",
        "detail": {
            "reporting_mta": "dns; a27-187.smtp-out.us-west-2.amazonses.com",
            "bounce_subtype": "General",
            "diagnostic_code": "smtp; 550 5.1.1 The email account that you tried to reach does not exist",
        },
    } == event
    assert len(event["id"]) == 64
    assert event == (await world.client.get(f"/v3/activity/send/{event['id']}")).data
    assert (await world.client.get(f"/v3/activity/send/{'0' * 64}")).status == 404


async def test_the_filters_of_events(world: World, message: Message) -> None:
    client = world.client

    assert await _events(client, "event_type=complaint&event_type=bounced") == [("complaint", "c"), ("bounced", "b")]
    assert await _events(client, "bounce_class=hard") == [("bounced", "b")]
    assert await _events(client, "bounce_class=soft") == []
    assert await _events(client, "recipient=B@y.example") == [("bounced", "b"), ("accepted", "b")]
    assert len(await _events(client, "recipient_domain=z.example")) == 3
    assert len(await _events(client, f"grant_id={message.grant_id}&message_id={message.id}&from={SENDER}")) == 7
    assert await _events(client, "grant_id=other") == []
    assert await _events(client, "sending_domain=other.example") == []
    assert len(await _events(client, f"end={message.sent_at}")) == 3
    assert await _events(client, f"start={message.sent_at + 11}") == [("complaint", "c")]


async def test_unknown_types_and_classes_are_refused(client: Client) -> None:
    assert [
        (await client.get(f"/v3/activity/send?{query}")).status for query in ("event_type=opened", "bounce_class=x")
    ] == [400, 400]


@pytest.mark.usefixtures("message")
async def test_events_are_paged_until_an_empty_page(client: Client) -> None:
    pages, query = [], "limit=3"
    while (page := await client.get(f"/v3/activity/send?{query}")).data:
        pages.append(len(page.data))
        query = f"limit=3&page_token={page.body['next_cursor']}"

    assert pages == [3, 3, 1]


@pytest.mark.usefixtures("message")
async def test_the_default_window_is_seven_days_and_events_are_kept_for_ninety(world: World) -> None:
    await world.clock.advance(8 * DAY)

    assert await _events(world.client) == []
    assert len(await _events(world.client, "start=0")) == 7

    await world.clock.advance(83 * DAY)

    assert await _events(world.client, "start=0") == []


async def test_a_transactional_send_is_known_by_its_message_id_header(world: World) -> None:
    answer = await world.client.post(
        "/v3/domains/agents.example.com/messages/send",
        {"from": {"email": SENDER}, "to": [{"email": "a@y.example"}]},
    )
    event = (await world.client.get("/v3/activity/send")).data[0]
    [message] = world.application.messages

    assert (message.id, message.header_id) == (answer.data["id"], event["message_id"])
    assert "grant_id" not in event


async def _rows(client: Client, query: str) -> Loose:
    answer = await client.get(f"/v3/metrics/send?{query}")
    return [(row["key"], row["sent"], row["bounce_rate"]) for row in answer.data]


@pytest.mark.usefixtures("message")
async def test_metrics_by_sender_and_by_domain(world: World) -> None:
    assert await _rows(world.client, "group_by=agent_account") == [(SENDER, 3, 0.333333)]
    assert await _rows(world.client, "") == [("agents.example.com", 3, 0.333333)]
    assert await _rows(world.client, "group_by=recipient_domain") == [("y.example", 2, 0.5), ("z.example", 1, 0.0)]
    assert await _rows(world.client, "group_by=recipient_domain&sort=bounce_rate:asc") == [
        ("z.example", 1, 0.0),
        ("y.example", 2, 0.5),
    ]
    assert await _rows(world.client, "group_by=recipient_domain&limit=1") == [
        ("y.example", 2, 0.5),
        ("(others)", 1, 0.0),
    ]
    assert (await world.client.get("/v3/metrics/send?group_by=subject")).status == 400


async def test_messages_count_on_the_day_they_were_sent(world: World, message: Message) -> None:
    await world.clock.advance(DAY)
    world.application.complain(message, ["a@y.example"])
    series = (await world.client.get("/v3/metrics/send/timeseries")).data

    assert series["granularity"] == "day"
    assert [(bucket["date"], bucket["sent"], bucket["complaints"]) for bucket in series["series"]][-2:] == [
        ("2026-01-05", 3, 2),
        ("2026-01-06", 0, 0),
    ]


async def test_the_summary_grades_the_last_seven_days_from_100_messages_on(world: World, grant: Grant) -> None:
    async def grade() -> str:
        return str((await world.client.get("/v3/metrics/send/summary")).data["health"]["state"])

    grades = [await grade()]
    for number in range(100):
        sent = world.application.send(grant.id, [f"a{number}@y.example"])
        (world.application.bounce if number < 6 else world.application.deliver)(sent)
    grades.append(await grade())
    for number in range(10):
        world.application.bounce(world.application.send(grant.id, [f"b{number}@y.example"]))
    grades.append(await grade())

    assert grades == ["insufficient_data", "at_risk", "critical"]


@pytest.mark.parametrize("query", ["start=yesterday", "start=2026-01-05&end=2026-01-04", "start=2024-01-01"])
async def test_a_window_that_cannot_be_is_refused(client: Client, query: str) -> None:
    assert (await client.get(f"/v3/metrics/send/summary?{query}")).status == 400


@pytest.mark.usefixtures("message")
async def test_buckets_are_weeks_from_monday_and_months(world: World) -> None:
    async def buckets(query: str) -> Loose:
        answer = (await world.client.get(f"/v3/metrics/send/timeseries?{query}")).data
        return answer["granularity"], [(one["date"], one["sent"]) for one in answer["series"]][-2:]

    await world.clock.advance(30 * DAY)

    assert await buckets("start=2025-12-30&end=2026-01-06&granularity=week") == (
        "week",
        [("2025-12-29", 0), ("2026-01-05", 3)],
    )
    assert await buckets("start=2025-10-01&end=2026-01-31") == ("month", [("2025-12-01", 0), ("2026-01-01", 3)])
    assert (await world.client.get("/v3/metrics/send/timeseries?granularity=hour")).status == 400
