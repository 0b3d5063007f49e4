"""What the flows ask of the outside world, as protocols: one line per promise, no mechanics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from breaker.domain.circuit import Circuit, Mode, Verdict
    from breaker.domain.commands import CommandKind
    from breaker.domain.counters import Counters
    from breaker.domain.outcomes import Tally


class Clock(Protocol):
    """The one time that every part of a process is given; a simulation's runs faster than the wall."""

    def now(self) -> float:
        """Return the time in Unix seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once this clock, not the wall's, has advanced by `seconds`."""
        ...


# --- Accounts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a message, as an event names it.

    Args:
        application_id: The platform's id of the application.
        grant_id: The grant, or None where the event names none.
        address: The address in From, lower case, or None.
    """

    application_id: str
    grant_id: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is known: who it is and where it belongs.

    Args:
        key: Breaker's own number of the account.
        application_id: The platform's id of the application.
        grant_id: The grant, or None where the account is known by its address alone and can't be stopped there.
        address: The mailbox's address, or None where it is not known yet.
        workspace_id: The workspace it was last seen in, or None where it was never looked up.
        home_workspace_id: The workspace it belongs to while it is in quarantine, else None.
    """

    key: int
    application_id: str
    grant_id: str | None
    address: str | None
    workspace_id: str | None = None
    home_workspace_id: str | None = None

    @property
    def id(self) -> str:
        """What people and programs call it: the grant, else the address."""
        return self.grant_id or self.address or str(self.key)

    @property
    def domain(self) -> str:
        """The sending domain, empty where the address is not known."""
        return (self.address or "").rpartition("@")[2]

    @property
    def enforceable(self) -> bool:
        """Whether it can be stopped on the platform."""
        return self.grant_id is not None


@dataclass(frozen=True, slots=True)
class ModeInForce:
    """The mode of an account, and where it comes from: `account`, `domain`, `workspace`, `application` or `daemon`."""

    mode: Mode
    source: str


# --- The outbox -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """A change of one account on the platform, claimed for carrying it out.

    Args:
        id: Its number.
        account: Whom it concerns.
        epoch: The epoch that wanted it; a command of an older epoch than the account's is superseded.
        kind: What to do.
        attempts: How often it was claimed, this time included.
        created_at: Since when it is wanted, Unix seconds.
    """

    id: int
    account: Account
    epoch: int
    kind: CommandKind
    attempts: int
    created_at: float


class Outbox(Protocol):
    """Commands that are wanted and not yet confirmed."""

    async def claim(self, application_id: str, now: float, limit: int, lasts: float) -> Sequence[Command]:
        """Take due commands that nobody else holds, stops first; a later step only once the earlier one was tried.

        Commands of an older epoch than their account's are ended as superseded and never returned. A claim ends by
        itself after `lasts` seconds, so that a dead daemon's commands are taken over.
        """
        ...

    async def settle(self, commands: Sequence[Command], now: float) -> None:
        """End commands that were read back; an account without another open one is confirmed as it is wanted."""
        ...

    async def postpone(self, commands: Sequence[Command], next_attempt_at: float, error: str | None) -> None:
        """Give a claim back; the error, without secrets and addresses, is shown beside the account."""
        ...

    async def give_up(self, commands: Sequence[Command], now: float, error: str) -> None:
        """End commands that can't succeed; what is wanted stays wanted, and unconfirmed."""
        ...

    async def note_placement(self, account: int, workspace_id: str | None, home_workspace_id: str | None) -> None:
        """Remember where an account was seen, and where it belongs if that is elsewhere."""
        ...

    async def note_address(self, account: int, address: str) -> None:
        """Remember the address that the platform names for an account's grant."""
        ...


class Leases(Protocol):
    """Work that one daemon at a time may do."""

    async def take(self, name: str, holder: str, lasts: float) -> bool:
        """Take or renew a lease for `lasts` seconds of the database's clock; False where another holds it."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back, so that another daemon need not wait for its end."""
        ...


# --- What Breaker has made on the platform --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """One thing that Breaker made or changed on the platform.

    Args:
        kind: `list`, `rule`, `attachment` (a rule in a workspace's `rule_ids`), `workspace` or `webhook`.
        platform_id: Its id there; of an attachment the workspace's.
        detail: What `teardown` and people need to know of it, such as its name.
        made_at: When, Unix seconds.
    """

    kind: str
    platform_id: str
    detail: Mapping[str, object]
    made_at: float


class Inventory(Protocol):
    """Every change that Breaker made on the platform and has not taken back."""

    async def items(self, application_id: str) -> Sequence[InventoryItem]:
        """Return all, the oldest first."""
        ...

    async def add(self, application_id: str, item: InventoryItem) -> None:
        """Remember a change; the same kind and id again replaces what was known of it."""
        ...

    async def remove(self, application_id: str, kind: str, platform_id: str) -> None:
        """Forget a change that was taken back."""
        ...


# --- Adoption -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FoundBlocked:
    """An account that the platform blocks in Breaker's name, though the database does not know why.

    Args:
        address: The address in the list.
        grant_id: The grant that has it, or None where there is none any more.
        workspace_id: The workspace it is in, or None where there is no grant.
        home_workspace_id: Where it belongs, if it is in quarantine and that can be told.
    """

    address: str
    grant_id: str | None = None
    workspace_id: str | None = None
    home_workspace_id: str | None = None


class Adoption(Protocol):
    """What was found blocked on the platform."""

    async def unknown_among(self, application_id: str, addresses: Collection[str]) -> Sequence[str]:
        """Return those whose account is not `stopped`, nor on its way there or back by an open command."""
        ...

    async def adopt(self, application_id: str, found: FoundBlocked, now: float) -> None:
        """Make the account stopped and confirmed, with a verdict of the detector `platform`; know it first if need be."""
        ...


# --- Deciding -------------------------------------------------------------------------------------------------------


class Locked(Protocol):
    """Accounts whose circuits nobody else changes until the transaction ends."""

    async def load(self, accounts: Sequence[int]) -> Mapping[int, tuple[Account, Circuit, Counters]]:
        """Lock in ascending order and return them."""
        ...

    async def record_verdict(self, account: Account, verdict: Verdict, context: Mapping[str, object]) -> int:
        """Store a verdict and return its id."""
        ...

    async def save(self, account: Account, circuit: Circuit, counters: Counters) -> None:
        """Store what became of a circuit; what is wanted and not what it was is unconfirmed from then on."""
        ...

    async def order(self, account: Account, epoch: int, verdict: int, kinds: Sequence[CommandKind], now: float) -> None:
        """Put commands into the outbox, to be carried out in this order; with none, the change is confirmed as it is."""
        ...


class Circuits(Protocol):
    """Accounts and their circuits, for everything but the hot path."""

    def transaction(self) -> AbstractAsyncContextManager[Locked]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
        ...


class Modes(Protocol):
    """How far Breaker may go with each account."""

    async def in_force(self, account: Account, now: float) -> ModeInForce:
        """Return the most specific mode that has not expired; fresh to within a second or two."""
        ...


# --- Counting -------------------------------------------------------------------------------------------------------


class StoreError(Exception):
    """The database did not do what it was asked to; nothing of the transaction remains."""


class TryTransactionAgainError(StoreError):
    """The transaction lost against another one: the same again can succeed at once."""


class StoreUnavailableError(StoreError):
    """The database can't be reached or can't write now; the same again can succeed later."""


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
    sender_domain: str
    enhanced_status: str | None
    message_id: str
    diagnostic: str | None


class TallyKey(NamedTuple):
    """What shared counters are kept by: one number for the application, as the account has it, and the hour of sending."""

    account: int
    domain: str
    workspace_id: str
    hour: int


class Counted(NamedTuple):
    """An account after a batch."""

    account: Account
    circuit: Circuit
    counters: Counters
    last_event_at: float


class LedgerTransaction(Locked, Protocol):
    """One transaction over a batch of events; the accounts in question are loaded, hence locked, first."""

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

    async def add_tallies(self, tallies: Mapping[TallyKey, Tally]) -> None:
        """Add to the counters of domains, workspaces and applications without making a hot row."""
        ...

    async def sends_of(self, account: int, since: float, limit: int) -> Sequence[tuple[int, int]]:
        """Return `(sent_at, outcomes)` of an account's sends since a moment, the newest first."""
        ...

    async def save_all(self, accounts: Sequence[Counted]) -> None:
        """Store circuits and counters of many accounts."""
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
