"""What was true when this database was made, and has to stay true."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

_SEND_KEY = "send_key_fingerprint"


class OtherSendKeyError(Exception):
    """The database's sends were hashed with another key: with this one, every send would count anew."""


async def check_send_key(pool: asyncpg.Pool, key: bytes) -> None:
    """Remember the fingerprint of the key that sends are hashed with, or compare it with the one remembered.

    Raises:
        OtherSendKeyError: They differ.
    """
    fingerprint = blake2b(b"breaker", key=key, digest_size=8).hexdigest()
    await pool.execute("INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", _SEND_KEY, fingerprint)
    known = await pool.fetchval("SELECT value FROM facts WHERE name = $1", _SEND_KEY)
    if known != fingerprint:
        raise OtherSendKeyError(
            f"the sends in this database were hashed with the key of fingerprint {known}, and the configured key has "
            f"{fingerprint}: set BREAKER_SEND_HASH_KEY, or the file send_hash_key in the secrets directory, to the key "
            "that this database was begun with"
        )
