"""Why a notification's signature is wrong: three mistakes that people make, told apart from the body alone.

The platform signs the bytes that it sends; of a compressed delivery, the compressed ones. So a proxy that parses a body
and writes it anew, or unpacks it, breaks every signature, and looks exactly like a wrong secret to whoever only
compares. Here the body is turned back into what may have been signed, and tried.
"""

from __future__ import annotations

import gzip
import json
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGEST = 64 * 1024
"""Bytes of a body beyond which nothing is tried: notifications of the platform are a few KB."""

_GZIP = b"\x1f\x8b"
_LEVELS = (6, 9, 1)
_SEPARATORS = ((",", ":"), (", ", ": "))
_ESCAPED_BY_GO = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""What the most common encoder of the platform's language writes so, and most others do not."""


class Signing(StrEnum):
    """How a request stood to its signature."""

    RIGHT = "right"
    MISSING = "missing"
    """There was none: a proxy drops the header, or it was not the platform."""
    RESERIALISED = "reserialised"
    """The body was parsed and written anew on its way."""
    UNPACKED = "unpacked"
    """The body was unpacked on its way."""
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - the name of a mistake
    """No secret that is known here fits, however the body may have been changed."""
    NOT_EXAMINED = "not_examined"
    """It was wrong; there were too many at once to look at each."""


def is_packed(body: bytes) -> bool:
    """Tell whether a body is gzip."""
    return body.startswith(_GZIP)


def mistake(body: bytes, encoding: str, matches: Callable[[bytes], bool]) -> Signing:
    """Return what was done wrong, where the signature does not fit the body as it came.

    Args:
        body: The body as it came.
        encoding: The header `Content-Encoding`, empty where there is none.
        matches: Tells whether the signature fits a body, by any secret that is known.
    """
    if encoding.strip().lower() == "gzip" and not is_packed(body):
        return Signing.UNPACKED
    if is_packed(body) or len(body) > LARGEST:
        return Signing.WRONG_SECRET
    written = list(_written_otherwise(body))
    if any(matches(one) for one in written):
        return Signing.RESERIALISED
    if any(matches(gzip.compress(one, level, mtime=0)) for one in (body, *written[:1]) for level in _LEVELS):
        return Signing.UNPACKED
    return Signing.WRONG_SECRET


def _written_otherwise(body: bytes) -> Iterator[bytes]:
    """Return what a body of JSON may have been before it was written anew, the likeliest first."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    for separators in _SEPARATORS:
        for only_ascii in (False, True):
            text = json.dumps(value, separators=separators, ensure_ascii=only_ascii)
            escaped = text
            for character, written in _ESCAPED_BY_GO.items():
                escaped = escaped.replace(character, written)
            for one in dict.fromkeys((text, escaped)):
                written_so = one.encode(errors="surrogatepass")
                if written_so != body:
                    yield written_so
