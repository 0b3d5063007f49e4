"""The ledger: every send once, and the counters that follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from breaker.ports.circuits import Locked

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from breaker.domain.circuits.circuit import Circuit
    from breaker.domain.circuits.domain_circuit import Interval
    from breaker.domain.outcomes.causes import Bad
    from breaker.domain.outcomes.outcomes import Tally
    from breaker.domain.platform.suppression import Suppressed
    from breaker.domain.windows.counters import Counters
    from breaker.ports.accounts import Account, Sender, SendingDomain
    from breaker.ports.domains import LockedDomains


class Send(NamedTuple):
    """A row of the ledger.

    Args:
        account: Breaker's number of the sending account.
        key: The keyed hash of message and recipient, 16 bytes.
        sent_at: When it was sent, Unix seconds: the first time known.
        outcomes: The set of outcomes known (`OutcomeSet`).
    """

    account: int
    key: bytes
    sent_at: int
    outcomes: int


class BadOutcome(NamedTuple):
    """What is kept of a bounce or complaint; addresses were removed from the text."""

    account: int
    key: bytes
    sent_at: int
    received_at: float
    occurred_at: float
    kind: str
    bounce_class: str | None
    counted: bool
    recipient_domain: str
    sender_domain: str | None
    enhanced_status: str | None
    message_id: str
    diagnostic: str | None


class TallyKey(NamedTuple):
    """What shared counters are kept by: the account stands for its groups, the hour is that of sending."""

    account: int
    hour: int


class Counted(NamedTuple):
    """An account after a batch."""

    account: Account
    circuit: Circuit
    counters: Counters
    last_event_at: float


class LedgerTransaction(Locked, Protocol):
    """One transaction over a batch of events; the accounts in question are loaded, hence locked, first."""

    @property
    def domains(self) -> LockedDomains:
        """The sending domains, which are locked after all accounts."""
        ...

    async def room_for_a_domain_stop(self, domain: SendingDomain, now: float) -> bool:
        """Tell the same as `room_for_a_stop` of a whole domain, whose stop counts once."""
        ...

    async def bad_outcomes_of(self, account: int, kind: str, limit: int) -> Sequence[tuple[int, Bad]]:
        """Return the latest counted bad outcomes of a kind that were noted of an account, with the times of sending."""
        ...

    async def refused_of(self, account: int, domain: str, intervals: Sequence[Interval]) -> Sequence[int]:
        """Return when those sends of an account were sent that are in intervals of a domain and were refused."""
        ...

    async def bounced_of(self, account: int, intervals: Sequence[Interval]) -> Sequence[int]:
        """Return when those sends of an account were sent that are in intervals and count as hard bounces."""
        ...

    async def known(self, sends: Sequence[Send]) -> Mapping[int, tuple[int, int]]:
        """Return `(sent_at, outcomes)` of those that are in the ledger within a day of `sent_at`, by position."""
        ...

    async def enter(self, sends: Sequence[Send]) -> None:
        """Enter sends that are not in the ledger."""
        ...

    async def amend(self, sends: Sequence[Send]) -> None:
        """Set the outcomes of sends that are in the ledger at exactly `sent_at`."""
        ...

    async def note_bad(self, outcomes: Sequence[BadOutcome]) -> None:
        """Keep what is worth knowing of bad outcomes."""
        ...

    async def suppress(self, recipients: Sequence[Suppressed]) -> None:
        """Keep recipients that bounced or complained: the one place where an address is stored as it is."""
        ...

    async def sends_of(self, account: int, since: float, limit: int) -> Sequence[tuple[int, int]]:
        """Return `(sent_at, outcomes)` of an account's sends since a moment, the newest first."""
        ...

    async def enter_and_save(
        self, sends: Sequence[Send], tallies: Mapping[TallyKey, Tally], accounts: Sequence[Counted]
    ) -> None:
        """Enter sends that are not in the ledger, and store what a batch made of the counters.

        The tallies add to the counters of domains, workspaces and applications without making a hot row.
        """
        ...

    async def room_for_a_stop(self, account: Account, now: float) -> bool:
        """Tell whether the fleet guard allows one more automatic stop; serialised over all daemons until the commit."""
        ...


class Ledger(Protocol):
    """Every send with a known outcome, exactly once, and the counters that follow from it."""

    async def accounts_of(self, senders: Collection[Sender], now: float) -> Mapping[Sender, int]:
        """Return the accounts' numbers; make those known that were not, and merge what turns out to be one account."""
        ...

    def forget(self, accounts: Collection[int]) -> None:
        """Look these accounts up anew next time: they were merged, or the database was replaced."""
        ...

    async def make_room_for(self, sent_at: Collection[int]) -> None:
        """Make sure that sends of these moments can be entered."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[LedgerTransaction]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
        ...
