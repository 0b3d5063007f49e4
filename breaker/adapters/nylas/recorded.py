"""Notifications as they were recorded: one a line, with the moment at which it came beside its fields."""

from __future__ import annotations

from typing import Protocol

import msgspec

from breaker.adapters.nylas.notifications import (
    DELIVERY_TRIGGERS,
    DeliveryEnvelope,
    Notification,
    NotJsonError,
    NotUnderstoodError,
    decode,
    required,
    seconds,
    sender_of,
    understood,
)
from breaker.domain.outcomes.outcomes import OutcomeKind


class _Recorded(DeliveryEnvelope):
    received_at: float | None = None


class Listener(Protocol):
    """Who is told what lines say."""

    def delivered(
        self,
        account: tuple[str, str | None, str | None],
        message_id: str,
        sent_at: int,
        address: str,
        received_at: float,
    ) -> None:
        """Take in that a message of an account (application, grant, address) was delivered to one recipient."""
        ...

    def other(self, notification: Notification, received_at: float) -> None:
        """Take in anything else."""
        ...


class _Moment(msgspec.Struct):
    received_at: float | None = None


_recorded = msgspec.json.Decoder(_Recorded)
_moment = msgspec.json.Decoder(_Moment)


def decode_line(line: bytes) -> tuple[Notification, float]:
    """Decode one line of a record; return the notification, and when it came, Unix seconds.

    Raises:
        NotJsonError: It is no JSON.
        NotUnderstoodError: It is one that Breaker should know but does not understand, or nobody says when it came.
    """
    try:
        envelope = _recorded.decode(line)
        received_at = envelope.received_at
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_other(line)
    if received_at is None:
        raise NotUnderstoodError(_MISSING)
    return understood(envelope, line, received_at), received_at


def read_line(line: bytes, listener: Listener) -> None:
    """Decode one line of a record and tell what it says; the same as `decode_line`, with a short way for what is usual.

    Raises:
        NotJsonError: It is no JSON.
        NotUnderstoodError: It is one that Breaker should know but does not understand, or nobody says when it came.
    """
    try:
        envelope = _recorded.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        listener.other(*_decode_other(line))
        return
    received_at = envelope.received_at
    if received_at is None:
        raise NotUnderstoodError(_MISSING)
    if DELIVERY_TRIGGERS.get(envelope.type) is OutcomeKind.DELIVERED:
        part = envelope.data.object.delivered
        if part is not None and len(part.recipients) == 1:
            account = sender_of(envelope.data)
            message = envelope.data.object.message
            listener.delivered(account, message.id, seconds(message.sent_at), required(part.recipients[0]), received_at)
            return
    listener.other(understood(envelope, line, received_at), received_at)


_MISSING = "`received_at` is missing: the moment at which it came, in Unix seconds"


def _decode_other(line: bytes) -> tuple[Notification, float]:
    """Take what is no plain delivery event the way of a webhook's body, which also says best what is wrong with it."""
    try:
        received_at = _moment.decode(line).received_at
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        received_at = None
    notification = decode(line, received_at or 0.0)
    if received_at is None:
        raise NotUnderstoodError(_MISSING)
    return notification, received_at


__all__ = ["Listener", "NotJsonError", "NotUnderstoodError", "decode_line", "read_line"]
