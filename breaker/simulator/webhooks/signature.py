"""The signature of a notification, and how its body is packed."""

from __future__ import annotations

import gzip
import hmac

SIGNATURE_HEADER = "X-Nylas-Signature"

#: What test events are signed with (SPEC, "Send test event").
TEST_EVENT_SECRET = "mock-webhook-secret"  # noqa: S105 - the platform's own published, fixed value


def signature(secret: str, body: bytes) -> str:
    """Return the lowercase hexadecimal HMAC-SHA256 over the exact bytes that are sent (ASYNC)."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


def packed(body: bytes, *, compressed: bool) -> tuple[bytes, dict[str, str]]:
    """Return the bytes to send and the headers that tell what they are."""
    headers = {"Content-Type": "application/json"}
    if not compressed:
        return body, headers
    return gzip.compress(body, mtime=0), {**headers, "Content-Encoding": "gzip"}
