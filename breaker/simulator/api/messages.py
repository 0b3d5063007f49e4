"""`POST /v3/grants/{grant_id}/messages/send` and `POST /v3/domains/{domain_name}/messages/send`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from breaker.simulator.api.exchange import APPLICATION, REQUEST_ID, answer, body_of, json_response
from breaker.simulator.errors import ErrorFamily
from breaker.simulator.state.messages import Message, Outgoing

if TYPE_CHECKING:
    from breaker.simulator.state.base import Json

_ERRORS = ErrorFamily.RESOURCE
_REPLY_HEADERS = frozenset({"in-reply-to", "references"})


class Participant(msgspec.Struct, omit_defaults=True):
    """A name and an address."""

    email: str
    name: str | None = None


class _Header(msgspec.Struct):
    name: str
    value: str


class SendBody(msgspec.Struct, rename={"sender": "from"}):
    """The body of a send."""

    to: list[Participant]
    sender: list[Participant] | Participant | None = None
    cc: list[Participant] = []
    bcc: list[Participant] = []
    reply_to: list[Participant] = []
    subject: str = ""
    body: str = ""
    reply_to_message_id: str | None = None
    custom_headers: list[_Header] = []
    metadata: dict[str, str] = {}

    def outgoing(self) -> Outgoing:
        """Return what is to be sent."""
        return Outgoing(
            to=_addresses(self.to),
            cc=_addresses(self.cc),
            bcc=_addresses(self.bcc),
            subject=self.subject,
            body=self.body,
            reply_to_message_id=self.reply_to_message_id,
            in_reply=any(header.name.lower() in _REPLY_HEADERS for header in self.custom_headers),
            metadata=self.metadata,
        )


def routes() -> list[web.RouteDef]:
    """Return the routes of this resource."""
    return [
        web.post("/v3/grants/{grant_id}/messages/send", _send),
        web.post("/v3/domains/{domain_name}/messages/send", _send_from_domain),
    ]


def message_json(message: Message, body: SendBody) -> Json:
    """Return an accepted message as the send endpoints show it (SPEC message_send_response)."""
    shown: Json = {
        "id": message.id,
        "object": "message",
        "thread_id": message.thread_id,
        "date": message.sent_at,
        "subject": body.subject,
        "body": body.body,
        "from": [{"email": message.sender}],
        "attachments": [],
    }
    for name, participants in (("to", body.to), ("cc", body.cc), ("bcc", body.bcc), ("reply_to", body.reply_to)):
        shown[name] = msgspec.to_builtins(participants)
    if message.grant_id is not None:
        shown["grant_id"] = message.grant_id
    if body.reply_to_message_id is not None:
        shown["reply_to_message_id"] = body.reply_to_message_id
    return shown


async def _send(request: web.Request) -> web.Response:
    application = request[APPLICATION]
    body = await body_of(request, SendBody, _ERRORS)
    message = application.submit(request.match_info["grant_id"], body.outgoing())
    return json_response(
        {"request_id": request[REQUEST_ID], "grant_id": message.grant_id, "data": message_json(message, body)}
    )


async def _send_from_domain(request: web.Request) -> web.Response:
    body = await body_of(request, SendBody, _ERRORS)
    sender = body.sender[0] if isinstance(body.sender, list) and body.sender else body.sender
    domain = request.match_info["domain_name"].lower()
    if not isinstance(sender, Participant) or sender.email.rpartition("@")[2].lower() != domain:
        raise _ERRORS.bad_request("from must be an address of the domain")
    message = request[APPLICATION].submit_from_domain(sender.email, body.outgoing())
    return answer(request, message_json(message, body))


def _addresses(participants: list[Participant]) -> tuple[str, ...]:
    return tuple(participant.email for participant in participants)
