"""What a person looks up at the platform, and the trail that it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.outcomes.spans import Span
    from breaker.domain.standing.lookups import BadRecipient, RefusedSend
    from breaker.ports.accounts import Account


class Lookups(Protocol):
    """What the platform keeps of single sends; every method may raise the four kinds of `PlatformError`."""

    async def refused_sends(self, grant_id: str) -> Sequence[RefusedSend]:
        """Return the refused sends among the latest receipts of a grant, the newest first."""
        ...

    async def bad_recipients(self, grant_id: str, span: Span) -> Sequence[BadRecipient]:
        """Return the recipients whose mail bounced or who complained within a span, the newest first."""
        ...


class Looks(Protocol):
    """The audit trail of looks at recipients' addresses."""

    async def looked(self, account: Account, why: str, author: str, now: float) -> None:
        """Note that somebody looks, and why."""
        ...
