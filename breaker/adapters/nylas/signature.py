"""The platform's webhook signature.

The header `x-nylas-signature` carries the lower-case hexadecimal HMAC-SHA256 of the raw request body, keyed with the
destination's `webhook_secret`; of a compressed delivery, that of the compressed bytes
(https://developer.nylas.com/docs/v3/notifications/). A `sha256=` prefix and upper case are accepted, as the platform's
own command line does.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADER = "X-Nylas-Signature"


def sign(body: bytes, secret: str) -> str:
    """Return the signature of a body as the platform makes it."""
    return hmac.digest(secret.encode(), body, sha256).hex()


def matching_secret(body: bytes, signature: str | None, secrets: Iterable[str]) -> str | None:
    """Return the secret that a body was signed with, or None.

    Every secret is tried and compared in constant time, so that the time taken tells nothing of any of them. An empty
    one, which anybody could sign with, is none.

    Args:
        body: The bytes as they came over the wire.
        signature: The header's value, or None where there is none.
        secrets: All that are valid now.
    """
    if not signature or not signature.isascii():
        return None
    given = signature.strip().lower().removeprefix("sha256=")
    found = None
    for secret in secrets:
        if secret and hmac.compare_digest(sign(body, secret), given):
            found = secret
    return found
