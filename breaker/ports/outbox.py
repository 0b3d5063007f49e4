"""Commands, and the outbox in which they wait until the platform was read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.ports.accounts import SendingDomain

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from breaker.domain.platform.commands import CommandKind
    from breaker.ports.accounts import Account


@dataclass(frozen=True, slots=True)
class Command:
    """A change of one account or sending domain on the platform, claimed for carrying it out.

    Args:
        id: Its number.
        about: Whom it concerns.
        epoch: The epoch that wanted it; a command of an older epoch than its circuit's is superseded.
        kind: What to do.
        attempts: How often it was claimed, this time included.
        created_at: Since when it is wanted, Unix seconds.
    """

    id: int
    about: Account | SendingDomain
    epoch: int
    kind: CommandKind
    attempts: int
    created_at: float

    @property
    def account(self) -> Account:
        """The account of a command that concerns one."""
        if isinstance(self.about, SendingDomain):
            raise TypeError(f"command {self.id} ({self.kind}) concerns no account, but {self.about.id}")
        return self.about

    @property
    def name(self) -> str:
        """What people call whom it concerns."""
        if isinstance(self.about, SendingDomain):
            return self.about.id
        return self.about.address or self.about.id


@dataclass(frozen=True, slots=True)
class Backlog:
    """Commands of one kind that are not yet confirmed.

    Args:
        application_id: The platform's id of the application.
        kind: What they do.
        count: How many there are.
        oldest_at: Since when the oldest is wanted, Unix seconds.
    """

    application_id: str
    kind: CommandKind
    count: int
    oldest_at: float


class Outbox(Protocol):
    """Commands that are wanted and not yet confirmed."""

    async def claim(
        self, application_id: str, now: float, limit: int, lasts: float, *, only_holds: bool = False
    ) -> Sequence[Command]:
        """Take due commands that nobody else holds, what holds first; a later step only once the earlier one was tried.

        What lifts is given out only once all that holds in the same order was read back. Commands of an older epoch
        than their account's are ended as superseded and never returned. A claim ends by itself after `lasts` seconds,
        so that a dead daemon's commands are taken over.

        Args:
            application_id: The application.
            now: The time.
            limit: How many at most.
            lasts: Real seconds that the claim lasts.
            only_holds: Whether to leave what lifts where it is.
        """
        ...

    async def current(self, commands: Sequence[Command]) -> frozenset[int]:
        """Return the ids of those that are still wanted: open, and of the epoch of whom they concern."""
        ...

    async def settle(self, commands: Sequence[Command], now: float, notice: str | None = None) -> None:
        """End commands that were read back; an account without another open one is confirmed as it is wanted.

        So is a sending domain; its block alone confirms that it is stopped. Who does not stand in for it any more is
        forgotten. A notice, without secrets and addresses, is shown beside the account.
        """
        ...

    async def addresses_of(self, command: Command) -> frozenset[str]:
        """Return the addresses of `BLOCK_OTHERS` and `UNBLOCK_OTHERS`; of these without who is stopped by itself."""
        ...

    async def standing_in(self, application_id: str, among: Collection[str]) -> frozenset[str]:
        """Return which of some addresses stand in for their sending domain, and are not to be let go by themselves."""
        ...

    async def postpone(self, commands: Sequence[Command], next_attempt_at: float, error: str | None) -> None:
        """Give a claim back; the error, without secrets and addresses, is shown beside the account."""
        ...

    async def release(self, commands: Sequence[Command]) -> None:
        """Give back commands that were claimed and not tried, as if they had not been."""
        ...

    async def give_up(self, commands: Sequence[Command], now: float, error: str) -> None:
        """End commands that can't succeed, and with what holds also what would have lifted after it.

        What is wanted stays wanted, and unconfirmed.
        """
        ...

    async def note_placement(self, account: int, workspace_id: str | None, home_workspace_id: str | None) -> None:
        """Remember where an account was seen, and where it belongs if that is elsewhere."""
        ...

    async def note_placements(self, placements: Sequence[tuple[int, str | None, str | None]]) -> None:
        """Remember the same of several accounts, each with where it was seen and where it belongs."""
        ...

    async def note_address(self, account: int, address: str) -> None:
        """Remember the address that the platform names for an account's grant."""
        ...

    async def note_gone(self, account: int, now: float) -> None:
        """Remember that the platform does not know an account's grant any more."""
        ...

    async def backlog(self) -> Sequence[Backlog]:
        """Return what is not yet confirmed, of all applications."""
        ...
