"""Sending as an account (`POST /v3/grants/{grant_id}/messages/send`); a refusal is an answer too."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.nylas.errors import redacted
from breaker.adapters.nylas.transport import Request
from breaker.domain.drill import SendAnswer
from breaker.ports import TryAgainError, Urgency

if TYPE_CHECKING:
    from breaker.adapters.nylas.transport import Transport


class _Error(msgspec.Struct):
    type: str = ""
    message: str = ""


class _Message(msgspec.Struct):
    id: str | None = None


class _Answer(msgspec.Struct):
    data: _Message | None = None
    error: _Error | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


class NylasSendPath:
    """`breaker.ports.SendPath` of one application.

    Args:
        transport: Sends its requests.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, grant_id: str, recipient: str, subject: str, text: str, key: str) -> SendAnswer:
        """Send one message, and return what the platform answered; no answer is one too."""
        body = {"to": [{"email": recipient}], "subject": subject, "body": text}
        headers = {"Idempotency-Key": key}
        request = Request("POST", "/v3/grants/{}/messages/send", (grant_id,), None, body, headers)
        try:
            answered = await self._transport.exchange(Urgency.RESET, request)
        except TryAgainError as error:
            return SendAnswer(None, str(error))
        try:
            answer = _ANSWER.decode(answered.body)
        except msgspec.MsgspecError:
            return SendAnswer(_status_of(answered.status), "the answer is not the platform's API's")
        if answer.error is not None:
            return SendAnswer(answered.status, redacted(answer.error.message or answer.error.type))
        return SendAnswer(answered.status, "", answer.data.id if answer.data else None)


def _status_of(status: int) -> int | None:
    """Return a status that may be trusted: what stands in between and answers 200, or 403, is not the platform."""
    return status if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
