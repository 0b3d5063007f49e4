"""The webhook listener: the challenge, and signed notifications that are answered once they are committed.

Every status tells the platform what to do next; it tries again on 503 and 429, never on 500
(https://developer.nylas.com/docs/cookbook/use-cases/build/retry-failed-webhooks/). So whatever goes wrong on our side
is a 503.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import structlog
from aiohttp import web

from breaker.adapters.nylas.notifications import (
    GrantEvent,
    NotJsonError,
    NotUnderstoodError,
    OtherEvent,
    SendFailed,
    decode,
    trigger_and_application,
)
from breaker.adapters.nylas.signature import HEADER, matching_secret
from breaker.domain.outcomes.outcomes import DeliveryEvent
from breaker.ports import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from breaker.ports import Clock

log = structlog.get_logger(__name__)

PATH = "/webhooks/nylas"
_RETRY_AFTER = {"Retry-After": "30"}
_GZIP = 16 + zlib.MAX_WBITS


class TryLaterError(Exception):
    """What the handlers of events raise where the platform should deliver again later."""


class Undecodable(NamedTuple):
    """A signed notification that was not understood, to be kept.

    Args:
        application_id: The application whose secret signed it.
        trigger: Its trigger as far as it could be read.
        problem: What is wrong with it, without any value of it.
        body: The unpacked body.
    """

    application_id: str
    trigger: str
    problem: str
    body: bytes


class Secrets(Protocol):
    """The webhook secrets that are valid now."""

    def all(self) -> Mapping[str, Sequence[str]]:
        """Return them by application id."""
        ...


class Signings(Protocol):
    """Who is told how requests stood to their signatures."""

    def right(self, application_id: str) -> None:
        """A signature was right."""
        ...

    def wrong(self, application_id: str, body: bytes, encoding: str, matches: Callable[[bytes], bool] | None) -> None:
        """A signature was wrong; `matches` tells whether it fits another body, and is None where there was none."""
        ...


class IntakeObserver(Protocol):
    """Who is told how requests ended, for metrics and the log."""

    def answered(self, status: int, result: str, trigger: str) -> None:
        """A request was answered; `result` is one of a few words, `trigger` empty where none could be read."""
        ...

    def received(self, application_id: str, trigger: str, occurred_at: float, now: float) -> None:
        """A signed notification of a known trigger came."""
        ...


@dataclass(frozen=True, slots=True)
class Handlers:
    """What is done with notifications.

    Args:
        deliver: Returns once a delivery event is committed; raises `TryLaterError`.
        follow: The same for an event of a grant.
        note: The same for a send that failed.
        keep: Keeps what was not understood; raises `TryLaterError`.
    """

    deliver: Callable[[DeliveryEvent, bytes], Awaitable[str]]
    follow: Callable[[GrantEvent], Awaitable[None]]
    note: Callable[[SendFailed], Awaitable[None]]
    keep: Callable[[Undecodable], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How large things may be, and how long one may take.

    Args:
        body: Bytes of a body as received.
        unpacked: Bytes of a compressed body once unpacked.
        recipients: Recipients in one notification.
        seconds: Seconds from a request's headers to its answer.
    """

    body: int
    unpacked: int
    recipients: int
    seconds: float


class Answer(Exception):  # noqa: N818 - it is no error but the end of a request
    """How a request is to be answered."""

    def __init__(self, status: int, result: str, text: str, trigger: str = "") -> None:
        """Say status, the word for metrics, and what the sender is told."""
        super().__init__(text)
        self.status = status
        self.result = result
        self.text = text
        self.trigger = trigger


class WebhookListener:
    """The handlers of the webhook listener's paths.

    Args:
        secrets: The webhook secrets.
        handlers: What is done with notifications.
        observer: Who is told.
        clock: The time.
        limits: How large things may be, and how long one may take.
        signings: Who is told of signatures.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its parts, wired once
        self,
        secrets: Secrets,
        handlers: Handlers,
        observer: IntakeObserver,
        clock: Clock,
        limits: Limits,
        signings: Signings | None = None,
    ) -> None:
        """Keep the parts; nothing listens yet."""
        self._signings = signings
        self._secrets = secrets
        self._handlers = handlers
        self._observer = observer
        self._clock = clock
        self._limits = limits

    def application(self) -> web.Application:
        """Return the aiohttp application; run it with `auto_decompress=False`, else signatures can't be checked."""
        application = web.Application(client_max_size=self._limits.body)
        for path in (PATH, PATH + "/{application_id}"):
            application.router.add_get(path, self.challenge)
            application.router.add_post(path, self.notification)
        return application

    async def challenge(self, request: web.Request) -> web.Response:
        """Echo the challenge, with or without a secret: the platform asks before it tells the secret."""
        challenge = request.query.get("challenge")
        if not challenge:
            return web.Response(status=400, text="the query parameter `challenge` is missing\n")
        self._observer.answered(200, "challenge", "")
        return web.Response(text=challenge, content_type="text/plain")

    async def notification(self, request: web.Request) -> web.Response:
        """Take a notification in; 200 means committed, or nothing to do."""
        try:
            async with asyncio.timeout(self._limits.seconds):
                answer = await self._take(request)
        except Answer as early:
            answer = early
        except TimeoutError:
            # What is under way may be committed all the same; delivered again, it counts once.
            answer = Answer(503, "not_in_time", f"it was not committed within {self._limits.seconds:g} s")
        except web.HTTPRequestEntityTooLarge:
            answer = Answer(413, "too_large", f"the body is larger than {self._limits.body} bytes")
        except web.RequestPayloadError:
            answer = Answer(400, "broken_off", "the body is broken off, or not as its headers say")
        except (TryLaterError, StoreError) as error:
            answer = Answer(503, "try_later", str(error) or "it can't be committed now")
        except Exception:
            # Our own mistake; the platform never sends again what was answered 500.
            log.exception("a notification could not be taken in")
            answer = Answer(503, "failed", "it can't be taken in now")
        self._observer.answered(answer.status, answer.result, answer.trigger)
        headers = _RETRY_AFTER if answer.status == 503 else None  # noqa: PLR2004
        return web.Response(status=answer.status, text=answer.text + "\n", headers=headers)

    async def _take(self, request: web.Request) -> Answer:
        if request.content_length is not None and request.content_length > self._limits.body:
            raise Answer(413, "too_large", f"the body is larger than {self._limits.body} bytes")
        body = await request.read()
        application_id = self._signed_by(request, body)
        if request.headers.get("Content-Encoding", "").strip().lower() == "gzip":
            body = self._unpack(body)
        now = self._clock.now()
        try:
            event = decode(body, now)
        except NotJsonError as error:
            raise Answer(400, "not_json", str(error)) from error
        except NotUnderstoodError as error:
            return await self._keep(application_id, body, str(error))
        if event.application_id and event.application_id != application_id:
            raise Answer(401, "other_application", "the body is of another application than its signature")
        if not isinstance(event, OtherEvent) or event.known:
            self._observer.received(application_id, event.trigger, _occurred_at(event, now), now)
        if isinstance(event, DeliveryEvent) and len(event.recipients) > self._limits.recipients:
            return await self._keep(application_id, body, f"more than {self._limits.recipients} recipients")
        return await self._hand_on(event, body)

    async def _hand_on(self, event: DeliveryEvent | GrantEvent | SendFailed | OtherEvent, body: bytes) -> Answer:
        result = "committed"
        match event:
            case DeliveryEvent():
                result = await self._handlers.deliver(event, body)
            case GrantEvent():
                await self._handlers.follow(event)
            case SendFailed():
                await self._handlers.note(event)
            case OtherEvent():
                return self._ignored(event)
        return Answer(200, result, "committed", event.trigger)

    def _signed_by(self, request: web.Request, body: bytes) -> str:
        """Return the application whose secret signed a body."""
        known = self._secrets.all()
        only = request.match_info.get("application_id")
        if only is not None:
            if only not in known:
                raise Answer(401, "unknown_application", "no such application is guarded here")
            known = {only: known[only]}
        if not any(known.values()):
            raise Answer(503, "no_secret", "no webhook secret is known yet: run `breaker setup`")
        signature = request.headers.get(HEADER)
        found = None
        for application_id, secrets in known.items():
            if matching_secret(body, signature, secrets) is not None:
                found = application_id
        if found is None:
            self._note_wrong(request, body, signature, known)
            reason = "the signature is wrong" if signature else f"the header {HEADER} is missing"
            raise Answer(401, "bad_signature" if signature else "no_signature", reason)
        if self._signings is not None:
            self._signings.right(found)
        return found

    def _note_wrong(
        self, request: web.Request, body: bytes, signature: str | None, known: Mapping[str, Sequence[str]]
    ) -> None:
        if self._signings is None:
            return
        secrets = [secret for some in known.values() for secret in some]
        matches = None if not signature else lambda other: matching_secret(other, signature, secrets) is not None
        application_id = next(iter(known)) if len(known) == 1 else ""
        self._signings.wrong(application_id, body, request.headers.get("Content-Encoding", ""), matches)

    def _unpack(self, body: bytes) -> bytes:
        unpacker = zlib.decompressobj(_GZIP)
        try:
            unpacked = unpacker.decompress(body, self._limits.unpacked + 1)
        except zlib.error as error:
            raise Answer(400, "not_gzip", "the body is not gzip, though Content-Encoding says so") from error
        if len(unpacked) > self._limits.unpacked:
            raise Answer(413, "too_large_unpacked", f"the body unpacks to more than {self._limits.unpacked} bytes")
        if not unpacker.eof:
            raise Answer(400, "not_gzip", "the compressed body is cut off")
        return unpacked

    async def _keep(self, application_id: str, body: bytes, problem: str) -> Answer:
        trigger, said = trigger_and_application(body)
        if said and said != application_id:
            raise Answer(401, "other_application", "the body is of another application than its signature")
        await self._handlers.keep(Undecodable(application_id, trigger, problem, body))
        return Answer(200, "not_understood", "kept, not understood", trigger)

    def _ignored(self, event: OtherEvent) -> Answer:
        result = "noted" if event.known else "unknown_trigger"
        return Answer(200, result, "nothing to do", event.trigger if event.known else "")


def _occurred_at(event: DeliveryEvent | GrantEvent | SendFailed | OtherEvent, now: float) -> float:
    return now if isinstance(event, OtherEvent) else event.occurred_at
