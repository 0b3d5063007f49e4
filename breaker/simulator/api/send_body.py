"""The body of a send, as JSON or as multipart, and how the accepted message is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiohttp import BodyPartReader

from breaker.simulator.api.exchange import body_of
from breaker.simulator.errors import ErrorFamily
from breaker.simulator.state.messages import Message, Outgoing

if TYPE_CHECKING:
    from aiohttp import web

    from breaker.simulator.state.base import Json

_ERRORS = ErrorFamily.RESOURCE
_REPLY_HEADERS = frozenset({"in-reply-to", "references"})


class Participant(msgspec.Struct, omit_defaults=True):
    """A name and an address."""

    email: str
    name: str | None = None


class Header(msgspec.Struct):
    """A header of the message's own."""

    name: str
    value: str


class Attachment(msgspec.Struct):
    """A file; its content in base64."""

    content: str = ""
    content_type: str = "application/octet-stream"
    filename: str = ""


class SendBody(msgspec.Struct, rename={"sender": "from"}):
    """The body of a send or a draft."""

    to: list[Participant] = []
    sender: list[Participant] | Participant | None = None
    cc: list[Participant] = []
    bcc: list[Participant] = []
    reply_to: list[Participant] = []
    subject: str = ""
    body: str = ""
    reply_to_message_id: str | None = None
    custom_headers: list[Header] = []
    attachments: list[Attachment] = []
    metadata: dict[str, str] = {}
    send_at: int | None = None

    def outgoing(self) -> Outgoing:
        """Return what is to be sent."""
        return Outgoing(
            to=_addresses(self.to),
            cc=_addresses(self.cc),
            bcc=_addresses(self.bcc),
            subject=self.subject,
            body=self.body,
            reply_to_message_id=self.reply_to_message_id or None,
            in_reply=any(header.name.lower() in _REPLY_HEADERS for header in self.custom_headers),
            metadata=self.metadata,
            send_at=self.send_at,
        )

    def shown(self) -> Json:
        """Return the fields that an answer repeats."""
        repeated: Json = {"subject": self.subject, "body": self.body, "attachments": []}
        for name in ("to", "cc", "bcc", "reply_to"):
            repeated[name] = msgspec.to_builtins(getattr(self, name))
        if self.reply_to_message_id is not None:
            repeated["reply_to_message_id"] = self.reply_to_message_id
        return repeated

    def single_sender(self) -> Participant | None:
        """Return who it is from, if it says so."""
        return (self.sender[0] if self.sender else None) if isinstance(self.sender, list) else self.sender


def message_json(message: Message, repeated: Json) -> Json:
    """Return an accepted message as the send endpoints show it (SPEC message_send_response)."""
    return {
        **repeated,
        "id": message.id,
        "object": "message",
        "thread_id": message.thread_id,
        "date": message.sent_at,
        "from": [{"email": message.sender}],
        # Empty of a transactional send: the file does not name it there, but SDKs (Python) fail without it.
        "grant_id": message.grant_id or "",
    }


async def send_body_of(request: web.Request, largest: int) -> SendBody:
    """Return the body of a send, from JSON or from the `message` part of a multipart form.

    Raises:
        ApiError: 400, if it does not fit or is larger than `largest` bytes.
    """
    if not request.content_type.startswith("multipart/"):
        if len(await request.read()) > largest:
            raise _too_large(largest)
        return await body_of(request, SendBody, _ERRORS)
    content, size = b"", 0
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader):
            read = bytes(await part.read())
            size += len(read)
            if part.name == "message":
                content = read
        if size > largest:
            raise _too_large(largest)
    try:
        return msgspec.json.decode(content, type=SendBody)
    except msgspec.DecodeError:
        raise _ERRORS.bad_request("error parsing request body") from None


def _too_large(largest: int) -> Exception:
    return _ERRORS.bad_request(f"message exceeds the maximum size of {largest} bytes")


def _addresses(participants: list[Participant]) -> tuple[str, ...]:
    return tuple(participant.email for participant in participants)
