"""Signed notifications in the platform's shape, and a sender that delivers many of them at once."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from breaker.adapters.nylas.signature import HEADER, sign

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

APPLICATION = "app-simulated"
UNKNOWN_USER = "smtp; 550 5.1.1 user unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to one recipient, of which things can be told.

    Attributes:
        id: The message's id.
        sender: Whom it is from.
        sent_at: When it was sent, in Unix seconds.
        recipient: Whom it is to.
        grant_id: The sender's grant; None for Transactional Send.
    """

    id: str
    sender: str
    sent_at: float
    recipient: str
    grant_id: str | None = None

    def delivered(self) -> dict[str, Any]:
        """Return the notification that it arrived."""
        return self._told(
            "delivered", {"delivered": {"delivered_at": self.sent_at + 1, "recipients": [self.recipient]}}
        )

    def bounced(self, diagnostic: str = UNKNOWN_USER) -> dict[str, Any]:
        """Return the notification that it came back."""
        recipients = [{"email": self.recipient, "diagnostic_code": diagnostic}]
        return self._told(
            "bounced", {"bounce": {"bounced_at": self.sent_at + 2, "type": "General", "recipients": recipients}}
        )

    def _told(self, outcome: str, detail: dict[str, Any]) -> dict[str, Any]:
        family = "message" if self.grant_id else "message.transactional"
        shown = {
            "id": self.id,
            "subject": "Hello",
            "from": self.sender,
            "to": [self.recipient],
            "sent_at": self.sent_at,
        }
        data = {"application_id": APPLICATION, "object": {"message": shown, **detail}}
        return {
            "specversion": "1.0",
            "type": f"{family}.{outcome}",
            "source": "/nylas/send",
            "id": f"{outcome}-{self.id}",
            "time": int(self.sent_at) + 2,
            "webhook_delivery_attempt": 1,
            "data": {**data, "grant_id": self.grant_id} if self.grant_id else data,
        }


def body_of(notification: object) -> bytes:
    """Return a notification's bytes."""
    return json.dumps(notification).encode()


@dataclass(slots=True)
class Sender:
    """Posts signed bodies to webhook listeners.

    Attributes:
        session: The HTTP session.
        secret: What the bodies are signed with.
        answers: How many answers there were, by status; 0 for none.
    """

    session: aiohttp.ClientSession
    secret: str
    answers: Counter[int] = field(default_factory=Counter)

    async def post(self, url: str, body: bytes, *, packed: bool = False) -> int:
        """Deliver one body, compressed where that is asked for; return the answer's status, or 0 where none came."""
        headers = {"Content-Type": "application/json"}
        if packed:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        headers[HEADER] = sign(body, self.secret)
        try:
            async with self.session.post(f"{url}/webhooks/nylas", data=body, headers=headers) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, ConnectionError):
            status = 0
        self.answers[status] += 1
        return status

    async def pour(
        self, urls: Sequence[str], bodies: Iterable[bytes], connections: int = 32
    ) -> list[tuple[bytes, int]]:
        """Deliver bodies over so many connections, each to the next of the addresses; return their statuses too."""
        waiting = iter(enumerate(bodies))
        answered: list[tuple[bytes, int]] = []

        async def work() -> None:
            for number, body in waiting:
                answered.append((body, await self.post(urls[number % len(urls)], body)))

        await asyncio.gather(*(work() for _ in range(connections)))
        return answered
