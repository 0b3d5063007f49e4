"""Cursors: where a list goes on, as text that means nothing to whoever hands it back."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec

from breaker.domain.standing.listing import CursorError

T = TypeVar("T")


def encode_cursor(position: object) -> str:
    """Return a position as text that fits a URL."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode_cursor(text: str, kind: type[T]) -> T:
    """Read a position.

    Raises:
        CursorError: It is none of this kind.
    """
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(packed, type=kind)
    except (binascii.Error, msgspec.DecodeError, UnicodeError, ValueError) as error:
        raise CursorError("the cursor is none that this list gave: begin again without one") from error
