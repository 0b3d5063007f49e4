"""The webhook listener on a real socket, and a platform's side of it."""

from __future__ import annotations

import gzip
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from breaker.adapters.http.webhook import Handlers, Limits, Undecodable, WebhookListener
from breaker.adapters.nylas.signature import sign
from tests.counting.daemons import NOW, SetClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from breaker.adapters.nylas.notifications import GrantEvent, SendFailed
    from breaker.domain.outcomes.outcomes import DeliveryEvent

APPLICATION = "app-1"
SECRET = "the-first-secret"
SECRETS = {APPLICATION: [SECRET, "the-second-secret"], "app-2": ["the-others-secret"]}
LIMITS = Limits(body=100_000, unpacked=400_000, recipients=50, seconds=5.0)
PATH = "/webhooks/nylas"
DOCUMENTED = {200, 400, 401, 413, 503}


@dataclass
class Received:
    """Handlers and an observer that remember what they are given, and fail as they are told to.

    Attributes:
        delivered: Delivery events.
        followed: Events of grants.
        kept: What was not understood.
        answers: Status, result and trigger of each answer.
        heard: Application and trigger of each notification of a known kind.
        failure: What every handler raises.
    """

    delivered: list[DeliveryEvent] = field(default_factory=list)
    followed: list[GrantEvent] = field(default_factory=list)
    noted: list[SendFailed] = field(default_factory=list)
    kept: list[Undecodable] = field(default_factory=list)
    answers: list[tuple[int, str, str]] = field(default_factory=list)
    heard: list[tuple[str, str]] = field(default_factory=list)
    failure: Exception | None = None

    async def deliver(self, event: DeliveryEvent, _body: bytes) -> str:
        if self.failure:
            raise self.failure
        self.delivered.append(event)
        return "committed"

    async def follow(self, event: GrantEvent) -> None:
        if self.failure:
            raise self.failure
        self.followed.append(event)

    async def note(self, event: SendFailed) -> None:
        if self.failure:
            raise self.failure
        self.noted.append(event)

    async def keep(self, one: Undecodable) -> None:
        if self.failure:
            raise self.failure
        self.kept.append(one)

    def answered(self, status: int, result: str, trigger: str) -> None:
        self.answers.append((status, result, trigger))

    def received(self, application_id: str, trigger: str, _occurred_at: float, _now: float) -> None:
        self.heard.append((application_id, trigger))


@dataclass
class KnownSecrets:
    """Secrets that can be changed."""

    known: Mapping[str, Sequence[str]] = field(default_factory=lambda: dict(SECRETS))

    def all(self) -> Mapping[str, Sequence[str]]:
        return self.known


@dataclass(frozen=True)
class Answer:
    """How a request was answered."""

    status: int
    text: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Listening:
    """A running listener.

    Attributes:
        port: Where it listens, on the loopback.
        received: What it handed on.
        secrets: What it takes for valid.
        session: A client.
    """

    port: int
    received: Received
    secrets: KnownSecrets
    session: aiohttp.ClientSession

    def url(self, path: str = PATH) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def get(self, path: str) -> Answer:
        async with self.session.get(self.url(path)) as response:
            return Answer(response.status, await response.text(), response.headers)

    async def post(self, body: bytes, headers: Mapping[str, str] | None = None, *, path: str = PATH) -> Answer:
        """Post bytes as they are; signed with the first secret, unless headers are given."""
        headers = {"X-Nylas-Signature": sign(body, SECRET)} if headers is None else headers
        async with self.session.post(self.url(path), data=body, headers=headers) as response:
            return Answer(response.status, await response.text(), response.headers)

    async def notify(
        self, notification: object, secret: str = SECRET, *, path: str = PATH, gzipped: bool = False
    ) -> Answer:
        """Post what the platform would."""
        body = json.dumps(notification).encode()
        headers = {"Content-Type": "application/json"}
        if gzipped:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        return await self.post(body, headers | {"X-Nylas-Signature": sign(body, secret)}, path=path)


@asynccontextmanager
async def listening(
    handlers: Handlers | None = None, secrets: Mapping[str, Sequence[str]] | None = None, limits: Limits = LIMITS
) -> AsyncIterator[Listening]:
    """Run a listener for as long as the block lasts."""
    received = Received()
    known = KnownSecrets(dict(SECRETS) if secrets is None else secrets)
    listener = WebhookListener(
        known,
        handlers or Handlers(received.deliver, received.follow, received.note, received.keep),
        received,
        SetClock(NOW),
        limits,
    )
    runner = web.AppRunner(listener.application(), auto_decompress=False, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            yield Listening(runner.addresses[0][1], received, known, session)
    finally:
        await runner.cleanup()


# --- What the platform sends -----------------------------------------------------------------------------------------


def notification(kind: str, content: object, **data: object) -> dict[str, Any]:
    """Make a notification of any kind; `data` adds to, or with None takes from, what stands in `data`."""
    filled = {"application_id": APPLICATION, "grant_id": "grant-1", "object": content} | data
    return {
        "specversion": "1.0",
        "type": kind,
        "source": "/nylas/send",
        "id": "notification-1",
        "time": int(NOW),
        "webhook_delivery_attempt": 1,
        "data": {name: value for name, value in filled.items() if value is not None},
    }


def message(**fields: object) -> dict[str, Any]:
    """Make a message; a field of None is left out."""
    filled = {
        "id": "message-1",
        "subject": "Hello",
        "from": "agent@agents.example",
        "to": ["jane.doe@example.org"],
        "sent_at": int(NOW - 100),
    } | fields
    return {name: value for name, value in filled.items() if value is not None}


def delivered(
    *recipients: object, kind: str = "message.delivered", data: Mapping[str, Any] | None = None, **fields: object
) -> dict[str, Any]:
    to = list(recipients or ("jane.doe@example.org",))
    content = {"message": message(**fields), "delivered": {"delivered_at": int(NOW - 95), "recipients": to}}
    return notification(kind, content, **(data or {}))


def bounced(
    *recipients: object,
    bounce_type: str | None = "General",
    kind: str = "message.bounced",
    data: Mapping[str, Any] | None = None,
    **fields: object,
) -> dict[str, Any]:
    to = list(recipients or ({"email": "jane.doe@example.org", "diagnostic_code": "smtp; 550 5.1.1 user unknown"},))
    bounce = {"bounced_at": int(NOW - 90), "type": bounce_type, "recipients": to}
    return notification(kind, {"message": message(**fields), "bounce": bounce}, **(data or {}))


def complaint(
    *recipients: object, complaint_type: str | None = "abuse", kind: str = "message.complaint"
) -> dict[str, Any]:
    to = list(recipients or ("jane.doe@example.org",))
    content = {"reported_at": int(NOW - 50), "type": complaint_type, "complained_recipients": to}
    return notification(kind, {"message": message(), "complaint": content})


def rejected(kind: str = "message.rejected", **fields: object) -> dict[str, Any]:
    return notification(kind, {"message": message(**fields), "rejected_at": int(NOW - 99)})


def grant(what: str, **fields: object) -> dict[str, Any]:
    content = {"grant_id": "grant-1", "provider": "nylas", "email": "Agent@Agents.example", "code": 25012} | fields
    return notification(f"grant.{what}", content, grant_id=None)
