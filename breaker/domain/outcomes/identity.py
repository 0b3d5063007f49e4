"""Who an account is: whether the platform can stop it, and when an address passes from one grant to another."""

from __future__ import annotations

AGENTS_PROVIDER = "nylas"
"""The provider of the platform's own mailboxes, for which alone its outbound rules hold."""

ADDRESS_FOLLOWS = 30 * 86_400.0
"""Seconds for which an address keeps its history after its grant was deleted."""


def may_follow(grant_id: str | None, deleted_at: float | None, now: float) -> bool:
    """Tell whether an account's address, with its history, may become that of another grant.

    Args:
        grant_id: The grant that the account has, or None where it is known by its address alone.
        deleted_at: When that grant was deleted, Unix seconds, or None.
        now: Unix seconds.
    """
    if grant_id is None:
        return True
    return deleted_at is not None and now - deleted_at <= ADDRESS_FOLLOWS


def enforceable(grant_id: str | None, provider: str | None) -> bool:
    """Tell whether the platform can stop an account.

    Args:
        grant_id: The grant, or None where it is known by its address alone.
        provider: Who provides the mailbox, or None where that was not seen yet.
    """
    return grant_id is not None and provider in {None, AGENTS_PROVIDER}
