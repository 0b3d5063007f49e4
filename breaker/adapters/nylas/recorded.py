"""Notifications as they were recorded: one a line, with the moment at which it came beside its fields."""

from __future__ import annotations

import msgspec

from breaker.adapters.nylas.notifications import (
    DeliveryEnvelope,
    Notification,
    NotJsonError,
    NotUnderstoodError,
    decode,
    understood,
)


class _Recorded(DeliveryEnvelope):
    received_at: float | None = None


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


__all__ = ["NotJsonError", "NotUnderstoodError", "decode_line"]
