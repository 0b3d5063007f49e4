"""Messages that were accepted for sending, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.simulator.errors import ErrorFamily

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from breaker.simulator.state.base import Json


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a client or an agent asks to be sent.

    Attributes:
        to: Addresses of the recipients.
        cc: Further recipients.
        bcc: Further recipients that the others do not see.
        subject: The subject line.
        body: The text.
        reply_to_message_id: The message that this one answers, if any.
        in_reply: Whether its headers say that it is an answer, whatever `reply_to_message_id` is.
        metadata: Key and value pairs to come back in notifications.
        send_at: When it is to leave, in Unix seconds; at once if None.
        recipients: All recipients, each once, lowercased.
    """

    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""
    reply_to_message_id: str | None = None
    in_reply: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    send_at: int | None = None
    recipients: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        everybody = (address.strip().lower() for address in (*self.to, *self.cc, *self.bcc))
        object.__setattr__(self, "recipients", tuple(dict.fromkeys(everybody)))

    @property
    def outbound_type(self) -> str:
        """How rules see it: `compose` or `reply`."""
        return "reply" if self.in_reply or self.reply_to_message_id else "compose"


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way or gone.

    Attributes:
        id: Its id; of a transactional send, that of the answer, while events carry `header_id`.
        grant_id: The sending grant; None of a transactional send.
        sender: The sending address.
        header_id: Its Message-ID header.
        sent_at: When it left, in Unix seconds.
        outgoing: What was asked.
    """

    id: str
    grant_id: str | None
    sender: str
    header_id: str
    thread_id: str
    sent_at: int
    outgoing: Outgoing

    @property
    def recipients(self) -> tuple[str, ...]:
        """All recipients, each once, lowercased."""
        return self.outgoing.recipients

    def in_event(self) -> Json:
        """Return it as delivery events carry it (ASYNC): addresses as plain strings, what is empty left out."""
        shown: Json = {
            "id": self.id,
            "subject": self.outgoing.subject,
            "from": self.sender,
            "to": list(self.outgoing.to),
            "sent_at": self.sent_at,
        }
        if self.outgoing.cc:
            shown["cc"] = list(self.outgoing.cc)
        if self.outgoing.bcc:
            shown["bcc"] = list(self.outgoing.bcc)
        if self.outgoing.metadata:
            shown["metadata"] = dict(self.outgoing.metadata)
        return shown


class Messages:
    """The messages of one application."""

    def __init__(self) -> None:
        self._by_id: dict[str, Message] = {}
        #: Ids of those that waited to leave and then could not.
        self.failed: set[str] = set()

    def __iter__(self) -> Iterator[Message]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, message: Message) -> None:
        """Keep a message."""
        self._by_id[message.id] = message

    def get(self, message_id: str) -> Message:
        """Return a message.

        Raises:
            ApiError: Not found.
        """
        known = self._by_id.get(message_id)
        if known is None:
            raise ErrorFamily.RESOURCE.not_found("message")
        return known
