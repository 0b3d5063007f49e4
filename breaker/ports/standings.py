"""What the platform itself did to accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from breaker.domain.platform.platform_standing import Example, PlatformStanding, Scope, SendRefusal, Source
    from breaker.ports.accounts import Account


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused send, as it was told of.

    Args:
        application_id: The platform's id of the application, or None where only the account was named.
        account: The account's grant id, or its address in lower case.
        refusal: Why it was refused.
        example: The answer, without addresses.
        source: How it was learnt.
        retry_after: Seconds that the platform asked to wait for, or None.
    """

    application_id: str | None
    account: str
    refusal: SendRefusal
    example: Example
    source: Source
    retry_after: float | None = None


class Announced(NamedTuple):
    """What the platform did, with whom it did it to.

    Args:
        account: The account.
        standing: What it did.
    """

    account: Account
    standing: PlatformStanding


class Unread(NamedTuple):
    """An account whose receipts of refused sends are worth reading.

    Args:
        account: The account.
        until: The time up to which they are known, Unix seconds; 0 where none was ever read.
    """

    account: Account
    until: float


class PlatformStandings(Protocol):
    """What the platform itself did to accounts."""

    async def accounts_called(self, names: Collection[str]) -> Mapping[str, Sequence[Account]]:
        """Return the accounts by grant id or address; names that nobody has are missing."""
        ...

    async def note(self, account: int, seen: PlatformStanding, now: float) -> PlatformStanding | None:
        """Join what was seen with what stands beside the state, and return that.

        None where a delivered send from after it, or a person's reset, says that it is over already.
        """
        ...

    async def note_unverified(self, account: int, at: float) -> None:
        """Remember that the platform refused a send since the account's sending domain is not verified."""
        ...

    async def end(self, now: float) -> Sequence[Announced]:
        """End what a later delivered send, a person's reset or its time has ended; return it."""
        ...

    async def restrictions(self) -> Mapping[str, Sequence[tuple[int, str]]]:
        """Return the accounts under a restriction whose scope nobody names, with their domains, by application."""
        ...

    async def set_scopes(self, scopes: Mapping[int, Scope]) -> None:
        """Store scopes that were inferred."""
        ...

    async def announce(self, before: float, now: float) -> Sequence[Announced]:
        """Return what was noted before a moment and never returned here."""
        ...

    async def unread(self, application_id: str, limit: int) -> Sequence[Unread]:
        """Return held accounts whose receipts were read longest ago, so many at most."""
        ...

    async def read(self, account: int, until: float, refused: int, last_refused_at: float | None, now: float) -> None:
        """Remember that an account's receipts are known up to a time, with so many more refused sends."""
        ...
