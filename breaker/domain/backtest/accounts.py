"""Who is who in a replay: accounts by grant and by address, joined as the daemon joins them in its database.

An account is a grant. An event without one belongs to the account with the sender's address, or to an account that is
known by that address alone, until the grant that has it becomes known. After a grant was deleted, the history follows
its address for a while (`breaker.domain.outcomes.identity`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.outcomes.identity import may_follow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from breaker.domain.backtest.account import Replayed

Key = tuple[str, str]


class Accounts:
    """The accounts.

    Args:
        make: Makes an account, given application, grant and address.
        merge: Makes the first account a part of the second.

    Attributes:
        known: The accounts by application, grant and address, as events named them; forgotten when any of them changes.
    """

    def __init__(
        self, make: Callable[[str, str | None, str | None], Replayed], merge: Callable[[Replayed, Replayed], None]
    ) -> None:
        """Know nobody yet."""
        self._make = make
        self._merge = merge
        self._all: dict[int, Replayed] = {}
        self._by_grant: dict[Key, Replayed] = {}
        self._by_address: dict[Key, Replayed] = {}
        self.known: dict[tuple[str, str | None, str | None], Replayed] = {}

    def __iter__(self) -> Iterator[Replayed]:
        """Go through all accounts, in the order in which they became known."""
        return iter(self._all.values())

    def __len__(self) -> int:
        """Return how many accounts there are."""
        return len(self._all)

    def of(self, application: str, grant_id: str | None, address: str | None, now: float) -> Replayed:
        """Return the account of a sender, made known where it was not."""
        sender = (application, grant_id, address)
        found = self.known.get(sender)
        if found is None:
            found = self._of_grant(application, grant_id, address, now) if grant_id else self._of_address(*sender)
            self.known[sender] = found
        return found

    def deleted(self, application: str, grant_id: str, at: float) -> None:
        """Remember that a grant was deleted."""
        account = self._by_grant.get((application, grant_id))
        if account is not None and account.deleted_at is None:
            account.deleted_at = at
            self.known.clear()

    def _of_address(self, application: str, _grant_id: str | None, address: str | None) -> Replayed:
        return self._by_address.get((application, address or "")) or self._add(application, None, address)

    def _of_grant(self, application: str, grant_id: str, address: str | None, now: float) -> Replayed:
        own = self._by_grant.get((application, grant_id))
        if own is not None and (address is None or own.address is not None):
            return own
        holder = self._by_address.get((application, address)) if address else None
        if own is None and holder is None:
            return self._add(application, grant_id, address)
        self.known.clear()
        follows = holder is not None and may_follow(holder.grant_id, holder.deleted_at, now)
        if own is None and holder is not None and follows:
            self._take_over(holder, grant_id)
            return holder
        own = own or self._add(application, grant_id, None)
        if holder is not None and follows:
            self._merge(holder, own)
            self._remove(holder)
            holder = None
        elif holder is not None and holder.deleted_at is not None:
            # Nobody sends from it any more, and its history has stayed behind for long enough.
            holder.address, holder.place, holder = None, None, None
        if holder is None and address:
            own.address, own.place = address, None
            self._by_address[application, address] = own
        return own

    def _take_over(self, holder: Replayed, grant_id: str) -> None:
        if holder.grant_id is not None:
            del self._by_grant[holder.application_id, holder.grant_id]
        holder.grant_id, holder.deleted_at, holder.place = grant_id, None, None
        self._by_grant[holder.application_id, grant_id] = holder

    def _remove(self, account: Replayed) -> None:
        del self._all[id(account)]
        if account.grant_id is not None:
            del self._by_grant[account.application_id, account.grant_id]

    def _add(self, application: str, grant_id: str | None, address: str | None) -> Replayed:
        account = self._make(application, grant_id, address)
        self._all[id(account)] = account
        if grant_id:
            self._by_grant[application, grant_id] = account
        if address:
            self._by_address[application, address] = account
        return account
