"""Signed notifications as the platform sends them, ready to be written to a socket."""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.adapters.nylas.signature import sign

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION = "app-bench"
SECRET = "a-webhook-secret-for-the-bench"
PATH = "/webhooks/nylas"
_ROUND = 400
"""Seconds that one load lies after the one before it: a later load is of later messages."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Who sends.

    Args:
        accounts: How many accounts.
        bounce_rate: Which share of their sends hard-bounces.
        first_sent_at: When the first message was sent, Unix seconds.
    """

    accounts: int
    first_sent_at: int
    bounce_rate: float = 0.02

    def requests(self, count: int, seed: int) -> Iterator[bytes]:
        """Yield whole HTTP requests, each with a new message of an account drawn by lot."""
        draw = random.Random(seed)
        for number in range(count):
            body = self._notification(draw, f"{seed}-{number}", self.first_sent_at + seed * _ROUND + number // 100)
            head = (
                f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                f"X-Nylas-Signature: {sign(body, SECRET)}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            yield head.encode() + body

    def record(self, count: int, seed: int, seconds_between: float) -> Iterator[bytes]:
        """Yield lines of a record, with a new message each, as `requests` draws them."""
        draw = random.Random(seed)
        for number in range(count):
            sent_at = self.first_sent_at + int(number * seconds_between)
            body = self._notification(draw, f"{seed}-{number}", sent_at)
            yield b'%s, "received_at": %.3f}\n' % (body[:-1], sent_at + 3.5)

    def _notification(self, draw: random.Random, name: str, sent_at: int) -> bytes:
        account = draw.randrange(self.accounts)
        recipient = f"person-{name}@example-{draw.randrange(2000)}.org"
        message = {
            "id": f"message-{name}",
            "subject": "The figures that you asked for last week",
            "from": f"agent-{account}@agents-{account % 50}.example.com",
            "to": [recipient],
            "sent_at": sent_at,
        }
        if draw.random() < self.bounce_rate:
            kind = "message.bounced"
            said = "smtp; 550 5.1.1 the email account that you tried to reach does not exist"
            part = {
                "bounced_at": sent_at + 3,
                "type": "General",
                "recipients": [{"email": recipient, "diagnostic_code": said}],
            }
            outcome: dict[str, object] = {"bounce": part}
        else:
            kind = "message.delivered"
            outcome = {"delivered": {"delivered_at": sent_at + 2, "recipients": [recipient]}}
        return json.dumps(
            {
                "specversion": "1.0",
                "type": kind,
                "source": "/nylas/send",
                "id": f"notification-{name}",
                "time": sent_at + 3,
                "webhook_delivery_attempt": 1,
                "data": {
                    "application_id": APPLICATION,
                    "grant_id": str(uuid.UUID(int=account)),
                    "object": {"message": message, **outcome},
                },
            }
        ).encode()
