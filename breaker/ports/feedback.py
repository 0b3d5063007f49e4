"""Recipient domains that send complaint feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class LearntDomain(NamedTuple):
    """A recipient domain that was seen to send complaint feedback.

    Args:
        domain: The domain.
        complaints: How many it sent, when it had most of them.
        accounts: Against how many accounts.
        learnt_at: When it was learnt, Unix seconds.
    """

    domain: str
    complaints: int
    accounts: int
    learnt_at: float


class Complaints(Protocol):
    """The complaints that are kept, and what was learnt from them."""

    async def learn(self, complaints: int, accounts: int, now: float) -> Sequence[LearntDomain]:
        """Add the recipient domains with at least so many complaints of so many accounts; return all ever learnt."""
        ...
