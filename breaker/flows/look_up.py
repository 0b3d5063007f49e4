"""Look up at the platform what Breaker does not keep: sends that were refused, and recipients by their addresses.

Whoever looks at addresses says why, and stands in the audit trail before the first one is read. Nothing of what is read
is stored or logged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.domain.acts.acts import RefusedError
from breaker.domain.outcomes.spans import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.standing.lookups import BadRecipient, RefusedSend
    from breaker.ports import Account, Clock, Looks, Lookups

KEPT = 90 * 86_400.0
"""Seconds that the platform keeps send events."""


class LookUp:
    """The flow, of one application.

    Args:
        lookups: What the platform keeps.
        looks: The audit trail.
        clock: The time.
    """

    def __init__(self, lookups: Lookups, looks: Looks, clock: Clock) -> None:
        """Wire the parts."""
        self._lookups = lookups
        self._looks = looks
        self._clock = clock

    async def refused(
        self, account: Account, *, recipients: bool = False, reason: str = "", author: str = ""
    ) -> Sequence[RefusedSend]:
        """Return the refused sends among an account's latest receipts, the newest first.

        Args:
            account: Whose.
            recipients: Whether with the addresses they were meant for; then somebody has to say why.
            reason: Why.
            author: Who looks.

        Raises:
            RefusedError: It has no grant, or addresses are asked for without a reason.
            StoreError: The look could not be noted, so nothing was read.
            PlatformError: The platform did not tell.
        """
        grant_id = _grant_of(account)
        if not recipients:
            return [replace(one, recipients=()) for one in await self._lookups.refused_sends(grant_id)]
        await self._note(account, "The recipients of its refused sends were looked at", reason, author)
        return await self._lookups.refused_sends(grant_id)

    async def bad_recipients(
        self, account: Account, since: float, *, reason: str, author: str
    ) -> Sequence[BadRecipient]:
        """Return the recipients whose mail from an account bounced, or who complained of it, the newest first.

        Args:
            account: Whose.
            since: From when on, Unix seconds; the platform keeps 90 days.
            reason: Why somebody looks.
            author: Who.

        Raises:
            RefusedError: It has no grant, or no reason is said.
            StoreError: The look could not be noted, so nothing was read.
            PlatformError: The platform did not tell.
        """
        grant_id = _grant_of(account)
        await self._note(account, "The recipients of its bounces and complaints were looked at", reason, author)
        now = self._clock.now()
        return await self._lookups.bad_recipients(grant_id, Span(int(max(since, now - KEPT)), int(now) + 1))

    async def _note(self, account: Account, what: str, reason: str, author: str) -> None:
        if not reason.strip():
            raise RefusedError("recipients' addresses are shown to whom says why: --reason")
        await self._looks.looked(account, f"{what} by a person: {reason}", author, self._clock.now())


def _grant_of(account: Account) -> str:
    if account.grant_id is None:
        raise RefusedError(
            f"{account.id} is known by its address alone, without a grant: the platform keeps no receipts"
        )
    return account.grant_id
