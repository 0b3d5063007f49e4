"""What the platform's documentation leaves open about its send events, and what is made of each reading."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from breaker.adapters.clock import SystemClock
from breaker.adapters.nylas.budget import Budget
from breaker.adapters.nylas.send_events import NylasSendEvents
from breaker.adapters.nylas.transport import Transport
from breaker.domain.outcomes.history import SendEvent
from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind, Recipient
from breaker.domain.outcomes.spans import Span
from breaker.ports import GiveUpError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    Answers = Callable[[web.Request], dict[str, Any]]


@asynccontextmanager
async def answered_by(answers: Answers) -> AsyncIterator[NylasSendEvents]:
    """Give the adapter, and a platform that answers as it is told."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(answers(request)), content_type="application/json")

    application = web.Application()
    application.router.add_get("/v3/activity/send", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession() as session:
            clock = SystemClock()
            transport = Transport(session, f"http://{host}:{port}", "key", Budget(clock, 1_000.0), clock)
            yield NylasSendEvents(transport, "app-1")
    finally:
        await runner.cleanup()


def _record(at: int, event_type: str = "delivered", **rest: object) -> dict[str, Any]:
    return {
        "id": f"{at}",
        "event_type": event_type,
        "timestamp": at,
        "message_id": f"m-{at}",
        "from": "Agent@agents.example",
        "recipient": "A@y.example",
        "grant_id": "grant-1",
        **rest,
    }


def _event(at: int, kind: OutcomeKind | None, recipient: Recipient) -> SendEvent:
    return SendEvent("app-1", "grant-1", "agent@agents.example", f"m-{at}", recipient, kind, at)


async def _read(history: NylasSendEvents, span: Span) -> list[SendEvent]:
    return [event async for page in history.within(span) for event in page]


async def test_each_kind_is_what_a_notification_of_it_is() -> None:
    detail = {"reporting_mta": "dns; x", "bounce_subtype": "General", "diagnostic_code": "smtp; 550 5.7.1 refused"}
    records = [
        _record(9, "opened"),
        _record(8, "complaint", reason="abuse"),
        _record(7, "complaint", reason="not-spam"),
        _record(6, "bounced", bounce_class="hard", reason="General (5.7.1)", detail=detail),
        _record(5, "bounced", bounce_class="hard", reason="General (5.1.1)", detail={"bounce_subtype": "General"}),
        _record(4, "bounced", bounce_class="soft", reason="", detail={"bounce_subtype": "General"}),
        _record(3, "rejected"),
        _record(2),
        _record(1, "accepted"),
    ]
    async with answered_by(lambda _request: {"data": records}) as history:
        found = await _read(history, Span(0, 10))

    address = "a@y.example"
    bounced = OutcomeKind.BOUNCED
    assert found == [
        _event(8, OutcomeKind.COMPLAINT, Recipient(address)),
        _event(6, bounced, Recipient(address, BounceClass.POLICY, "smtp; 550 5.7.1 refused")),
        _event(5, bounced, Recipient(address, BounceClass.UNKNOWN_RECIPIENT, "General (5.1.1)")),
        _event(4, bounced, Recipient(address, BounceClass.TRANSIENT)),
        _event(3, OutcomeKind.REJECTED, Recipient(address)),
        _event(2, OutcomeKind.DELIVERED, Recipient(address)),
        _event(1, None, Recipient(address)),
    ]


async def test_a_platform_that_knows_no_ends_of_a_span_is_read_slowly_and_rightly() -> None:
    asked: list[dict[str, str]] = []

    def all_of_it(request: web.Request) -> dict[str, Any]:
        asked.append(dict(request.query))
        page = int(request.query.get("page_token", 0))
        return {
            "data": [_record(at) for at in range(1_000 - 100 * page, 900 - 100 * page, -1)],
            "next_cursor": page + 1,
        }

    def as_text(request: web.Request) -> dict[str, Any]:
        answer = all_of_it(request)
        return answer | {"next_cursor": str(answer["next_cursor"])}

    async with answered_by(as_text) as history:
        found = await _read(history, Span(750, 850))

    assert [event.at for event in found] == list(range(849, 749, -1))
    assert asked[:2] == [
        {"start": "750", "end": "849", "limit": "200"},
        {"start": "750", "end": "849", "limit": "200", "page_token": "1"},
    ]
    assert len(asked) == 3


async def test_a_full_page_that_does_not_say_how_to_read_on_is_an_error() -> None:
    full = {"data": [_record(at) for at in range(1_000, 800, -1)]}
    async with answered_by(lambda _request: full) as history:
        with pytest.raises(GiveUpError, match="does not say how to read on"):
            await _read(history, Span(0, 2_000))
