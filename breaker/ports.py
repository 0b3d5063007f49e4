"""What the flows ask of the outside world, as protocols: one line per promise, no mechanics."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from breaker.domain.states import Wanted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from breaker.domain.causes import Bad
    from breaker.domain.circuit import Circuit, HeldBy, Mode, Verdict
    from breaker.domain.commands import CommandKind
    from breaker.domain.counters import Counters
    from breaker.domain.domain_circuit import DomainCircuit, Interval, Refusal
    from breaker.domain.feed import BlindCause, Blindness
    from breaker.domain.gate import GateMemory
    from breaker.domain.outcomes import Tally
    from breaker.domain.platform_standing import Example, PlatformStanding, Scope, SendRefusal, Source
    from breaker.domain.pooled import Group, GroupCount
    from breaker.domain.probe import Evidence, Hold, Probe


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
    def home(self) -> str | None:
        """The workspace that it belongs to, wherever it is now."""
        return self.home_workspace_id or self.workspace_id

    @property
    def enforceable(self) -> bool:
        """Whether it can be stopped on the platform."""
        return self.grant_id is not None

    def is_of(self, sender: Sender) -> bool:
        """Tell whether it is the account that a sender was looked up as; a number alone may be another's by now."""
        if self.application_id != sender.application_id:
            return False
        return self.grant_id == sender.grant_id if sender.grant_id else self.address == sender.address


class SendingDomain(NamedTuple):
    """A sending domain in an application.

    Args:
        application_id: The platform's id of the application.
        name: The domain in From, lower case.
    """

    application_id: str
    name: str

    @property
    def id(self) -> str:
        """What people and programs call it, as a selector and in verdicts."""
        return f"domain:{self.name}"


@dataclass(frozen=True, slots=True)
class ModeInForce:
    """The mode of an account, and where it comes from: `account`, `domain`, `workspace`, `application` or `daemon`."""

    mode: Mode
    source: str


# --- The outbox -----------------------------------------------------------------------------------------------------


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

    async def claim(self, application_id: str, now: float, limit: int, lasts: float) -> Sequence[Command]:
        """Take due commands that nobody else holds, what holds first; a later step only once the earlier one was tried.

        What lifts is given out only once all that holds in the same order was read back. Commands of an older epoch
        than their account's are ended as superseded and never returned. A claim ends by itself after `lasts` seconds,
        so that a dead daemon's commands are taken over.
        """
        ...

    async def settle(self, commands: Sequence[Command], now: float, notice: str | None = None) -> None:
        """End commands that were read back; an account without another open one is confirmed as it is wanted.

        A notice, without secrets and addresses, is shown beside the account.
        """
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

    async def note_address(self, account: int, address: str) -> None:
        """Remember the address that the platform names for an account's grant."""
        ...

    async def note_gone(self, account: int, now: float) -> None:
        """Remember that the platform does not know an account's grant any more."""
        ...

    async def backlog(self) -> Sequence[Backlog]:
        """Return what is not yet confirmed, of all applications."""
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
        kind: `list`, `rule`, `limit_list`, `limit_rule`, `attachment` (of rules, to a workspace), `workspace` or
            `webhook`.
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
    """An account that the platform blocks or limits in Breaker's name, though the database does not know why.

    Args:
        address: The address in the list.
        wanted: What it is held to there: `stopped` or `limited`.
        grant_id: The grant that has it, or None where there is none any more.
        workspace_id: The workspace it is in, or None where there is no grant.
        home_workspace_id: Where it belongs, if it is in quarantine and that can be told.
        confirmed: Whether it can't send as it was found; in quarantine alone it may be able to.
    """

    address: str
    wanted: Wanted = Wanted.STOPPED
    grant_id: str | None = None
    workspace_id: str | None = None
    home_workspace_id: str | None = None
    confirmed: bool = True


class Adoption(Protocol):
    """What was found blocked on the platform."""

    async def unknown_among(
        self, application_id: str, addresses: Collection[str], wanted: Wanted, now: float
    ) -> Sequence[str]:
        """Return those whose account is wanted freer than this, and is neither on its way there nor just arrived."""
        ...

    async def adopt(self, application_id: str, found: FoundBlocked, now: float) -> bool:
        """Make the account known if need be and stopped, or limited, with a verdict of the detector `platform`.

        Returns False, with nothing changed, where the account is held as strictly or changing by now.
        """
        ...

    async def away(self, application_id: str) -> Sequence[Account]:
        """Return the accounts that Breaker has put elsewhere than where they belong."""
        ...

    async def unconfirm(self, application_id: str, wanted: Wanted) -> None:
        """Forget what was read back of the application's accounts wanted so: what held them is taken away."""
        ...

    async def unconfirm_domains(self, application_id: str) -> None:
        """Forget what was read back of the application's stopped domains: their list is taken away."""
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

    async def order(  # noqa: PLR0913, PLR0917 - what is ordered, for whom, why and when
        self,
        account: Account,
        epoch: int,
        verdict: int,
        kinds: Sequence[CommandKind],
        now: float,
        not_before: float | None = None,
    ) -> None:
        """Put commands into the outbox, to be carried out in this order; with none, what was read back stays."""
        ...


class ActiveAccounts(Protocol):
    """The accounts that send, with all that they are judged by."""

    def pages(self, since: float, size: int) -> AsyncIterator[Sequence[tuple[Account, Circuit, Counters]]]:
        """Give the accounts that had an outcome since a moment, so many at a time; nobody is locked."""
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


class CircuitChanges(Protocol):
    """What any daemon commits of circuits, as gates follow it."""

    async def bring_up_to_date(self, memory: GateMemory) -> None:
        """Take into a memory what was committed since the last time: all of it, in no order, and nothing else.

        Where that can't be told any more, everything is read; where the database was replaced or put back to an earlier
        state, the memory is told to distrust it first.
        """
        ...

    async def rung(self, seconds: float) -> None:
        """Return once something may have been committed, or after so many seconds."""
        ...


class GroupCounts(Protocol):
    """What the accounts of a domain, a workspace or an application did together."""

    async def of_groups(self, now: float) -> Mapping[Group, Sequence[GroupCount]]:
        """Return what every group did within each of `breaker.domain.pooled.SPANS`; those without complaints too."""
        ...


# --- The feed -------------------------------------------------------------------------------------------------------


class HeardOf(NamedTuple):
    """What one daemon heard since it last told the others.

    Args:
        events: How many events.
        last_at: When the last of them came, Unix seconds.
    """

    events: int
    last_at: float


class HeardKey(NamedTuple):
    """What heard events are counted by: application, trigger without suffix, and the hour of hearing (Unix / 3,600)."""

    application_id: str
    trigger: str
    hour: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which the feed was not to be trusted: what was sent then may not be fully heard of.

    Args:
        begins_at: Since when, Unix seconds.
        cause: What was wrong.
        why: A sentence.
        found_at: When that was found, Unix seconds.
        seen_at: When it was last seen, Unix seconds.
        confirmed_at: When the platform's own send events confirmed it, Unix seconds, or None.
        ends_at: When events flowed again, Unix seconds, or None while they do not.
    """

    begins_at: float
    cause: BlindCause
    why: str
    found_at: float
    seen_at: float
    confirmed_at: float | None = None
    ends_at: float | None = None


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """What all daemons together know of the feed of one application.

    Args:
        last_at: When each trigger was last heard, Unix seconds.
        hours: Events by trigger and hour.
        known_since: The first hour that was listened to.
        listening_since: Since when it was listened to without a break, Unix seconds.
        quiet_at: When the platform was last read and had delivered nothing either, Unix seconds, or None.
        gaps: The latest gaps, the one that goes on included.
    """

    last_at: Mapping[str, float]
    hours: Mapping[tuple[str, int], int]
    known_since: int
    listening_since: float
    quiet_at: float | None
    gaps: Sequence[Gap] = ()

    @property
    def gap(self) -> Gap | None:
        """The gap that goes on, or None."""
        return next((one for one in self.gaps if one.ends_at is None), None)


class FeedRecords(Protocol):
    """What daemons heard, shared through the database; no row of it is written more than every few seconds."""

    async def share(self, heard: Mapping[HeardKey, HeardOf], listening: Collection[str], now: float) -> None:
        """Add what was heard, and note that these applications are listened to."""
        ...

    async def read(self, now: float) -> Mapping[str, FeedRecord]:
        """Return what is known of every application that was ever listened to."""
        ...

    async def begin_gap(self, application_id: str, found: Blindness, now: float) -> bool:
        """Begin a gap; False where one goes on already, which is then seen once more."""
        ...

    async def note_read(self, application_id: str, now: float, *, delivered: bool) -> None:
        """Note what one read of the platform said: that mail was delivered all the while, or that it was quiet."""
        ...

    async def end_gap(self, application_id: str, now: float) -> bool:
        """End the gap that goes on; False where there is none by now."""
        ...


class Holds(Protocol):
    """What keeps Breaker from changing anything by itself, beside the mode of an account."""

    def held_by(self, application_id: str, leaving_out: str | None, now: float) -> HeldBy | None:
        """Return it, or None; the account that is judged says nothing about the feed."""
        ...

    def gaps(self, application_id: str) -> Sequence[Interval]:
        """Return the times, now over, in which sends were not fully heard of."""
        ...


class NoHolds:
    """Nothing holds anything."""

    def held_by(self, application_id: str, leaving_out: str | None, now: float) -> None:  # noqa: ARG002 - the protocol's
        """Return None."""
        return

    def gaps(self, application_id: str) -> Sequence[Interval]:  # noqa: ARG002 - the protocol's
        """Return none."""
        return ()


# --- Probing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """An account about which something may be due.

    Args:
        account: Who.
        outdated: Whether what is known of its probe is about another state than it is in.
        moving: Whether its round is open, or not known to be closed.
        domain_stopped: Whether its sending domain is stopped.
        platform_refuses: Whether the platform itself has paused or restricted it, so that a round would be refused.
    """

    account: Account
    outdated: bool
    moving: bool
    domain_stopped: bool
    platform_refuses: bool = False


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the platform was read back to do, or None while that is unknown, and when in Unix seconds."""

    wanted: Wanted | None
    at: float | None


class LockedProbes(Locked, Protocol):
    """Accounts with their probes, in a transaction that holds their circuits."""

    async def probe_of(self, account: Account) -> tuple[Probe | None, Confirmation]:
        """Return what is known of its probe, and of the platform."""
        ...

    async def held_for(self, account: Account, circuit: Circuit, within: float) -> Hold:
        """Return why its circuit is as it is, with the automatic stops of so many seconds before."""
        ...

    async def evidence(self, account: Account, opened_at: float, closed_at: float | None) -> Evidence:
        """Return what is known of the sends of a round."""
        ...

    async def keep(self, account: Account, probe: Probe | None) -> None:
        """Remember how far its probe has come, or forget it."""
        ...


class Probes(Protocol):
    """The probes of all accounts."""

    async def due(self, application_id: str, after: int, now: float, limit: int) -> Sequence[Due]:
        """Return accounts about which something may be due, in the order of their numbers, from beyond one on."""
        ...

    async def open(self, application_id: str) -> Sequence[int]:
        """Return the accounts that are to be free for a round just now."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[LockedProbes]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
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


class LockedDomains(Protocol):
    """Circuits of sending domains, in a transaction; nobody else changes one that is locked until its end."""

    async def standing(self, domains: Collection[SendingDomain]) -> Mapping[SendingDomain, DomainCircuit]:
        """Return the circuits of those that have one, unlocked."""
        ...

    async def lock(self, domains: Collection[SendingDomain]) -> Mapping[SendingDomain, DomainCircuit]:
        """Lock in ascending order and return them all; make those that there are none of."""
        ...

    async def refusals(self, domain: SendingDomain, since: float, until: float, limit: int) -> Sequence[Refusal]:
        """Return the refusals among the sends from `since` to `until`, the latest first."""
        ...

    async def sends(self, domain: SendingDomain, since: float, until: float) -> int:
        """Return how many sends were counted, of all clock hours that these moments lie in or between."""
        ...

    async def accounts(self, domain: SendingDomain, active_since: float) -> Sequence[Account]:
        """Return all accounts that have a grant, or were active since a moment."""
        ...

    async def is_made(self, application_id: str, kind: str) -> bool:
        """Tell whether the inventory has something of a kind."""
        ...

    async def open(self, application_ids: Collection[str], name: str | None) -> Sequence[SendingDomain]:
        """Return those that do not simply send: not in the state `sending`, or with a held verdict.

        Args:
            application_ids: Of these applications; of all, where there are none.
            name: The domain of this name only.
        """
        ...

    async def record_verdict(self, domain: SendingDomain, verdict: Verdict, context: Mapping[str, object]) -> int:
        """Store a verdict and return its id."""
        ...

    async def save(self, domain: SendingDomain, circuit: DomainCircuit) -> None:
        """Store what became of a circuit that is locked, its intervals included."""
        ...

    async def order(
        self, domain: SendingDomain, epoch: int, verdict: int, kinds: Sequence[CommandKind], now: float
    ) -> None:
        """Put commands into the outbox; what is wanted is unconfirmed until they are settled."""
        ...

    async def confirm(self, domain: SendingDomain, wanted: Wanted, now: float) -> None:
        """Note that the platform was seen to do something with the domain's sends."""
        ...

    async def forgotten(self, application_id: str) -> Sequence[tuple[SendingDomain, int, int]]:
        """Return domain, epoch and verdict of those that should be stopped, and that nothing is under way for."""
        ...


class Domains(Protocol):
    """Circuits of sending domains, for everything but the hot path."""

    def transaction(self) -> AbstractAsyncContextManager[LockedDomains]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
        ...


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


# --- The platform ---------------------------------------------------------------------------------------------------


class PlatformError(Exception):
    """A request to the platform did not succeed; its four kinds say what to do. No secret and no address is in it."""


class TryAgainError(PlatformError):
    """It may succeed later: too many requests, the platform's own failure, silence, an answer that is no API's.

    Args:
        message: What happened.
        after: Seconds that the platform asked to wait for, or None.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class GiveUpError(PlatformError):
    """It can't succeed as it stands."""


class GoneError(PlatformError):
    """What it was about is not there any more."""


class CredentialsRejectedError(PlatformError):
    """The API key is not accepted; nothing succeeds until a person acts."""


class Urgency(IntEnum):
    """Whose request goes first where requests wait for their turn; sweeps get at most a quarter of all turns."""

    STOP = 0
    RESET = 1
    SWEEP = 2


@dataclass(frozen=True, slots=True)
class Grant:
    """A mailbox as the platform shows it.

    Args:
        id: Its id.
        address: Its address, lower case, or None where the platform names none.
        provider: `nylas` for an Agent Account.
        workspace_id: Where it is, or None where the platform names none.
        valid: Whether it can be used.
    """

    id: str
    address: str | None
    provider: str
    workspace_id: str | None
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Workspace:
    """A group of grants that one policy and an array of rules hold for.

    Args:
        id: Its id.
        name: What people call it.
        default: Whether it is the one that grants fall to.
        domain: The domain that belongs to it, or None.
        auto_group: Whether new grants of its domain join it by themselves.
        policy_id: Its policy, or None for the plan's maxima.
        rule_ids: The rules in force in it, in its order.
    """

    id: str
    name: str
    default: bool = False
    domain: str | None = None
    auto_group: bool = False
    policy_id: str | None = None
    rule_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueList:
    """A list that rules refer to.

    Args:
        id: Its id.
        name: What people call it.
        type: What its values are: `address`, `domain` or `tld`.
        size: How many there are.
    """

    id: str
    name: str
    type: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule; the values of `in_list` are ids of lists."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleContent:
    """What a rule does.

    Args:
        trigger: `inbound` or `outbound`.
        conditions: What it matches.
        actions: What is done with what it matches.
        match: Whether `all` conditions must be met, or `any`.
        priority: 0 to 1,000, the lowest first.
        enabled: Whether it is in force where it is attached.
    """

    trigger: str
    conditions: tuple[Condition, ...]
    actions: tuple[str, ...]
    match: str = "all"
    priority: int = 10
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the platform shows it."""

    id: str
    name: str
    content: RuleContent


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The platform's receipt of a send that rules were run against.

    Args:
        id: Its id.
        message_id: The message, or None where it was refused before it had an id.
        evaluated_at: When, Unix seconds.
        stage: `outbound_send` for a send.
        blocked: Whether a rule refused it.
        failed: Whether it was refused since the rules could not be run.
        rule_ids: The rules that matched.
    """

    id: str
    message_id: str | None
    evaluated_at: float
    stage: str
    blocked: bool
    failed: bool
    rule_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where the platform sends notifications to.

    Args:
        id: Its id.
        url: The address that they are posted to.
        triggers: Which notifications.
        status: `active`, `pause`, `failing` or `failed`.
        description: What people call it.
        compressed: Whether they are compressed, and signed so.
        secret: What they are signed with; known only in the answer that made or rotated it.
    """

    id: str
    url: str
    triggers: frozenset[str]
    status: str = "active"
    description: str = ""
    compressed: bool = False
    secret: str | None = field(default=None, repr=False)


class Platform(Protocol):
    """One application on the platform.

    Every method may raise the four kinds of `PlatformError`. Every change is idempotent but those that make something.
    """

    def at(self, urgency: Urgency) -> Platform:
        """Return the same platform, asked with this urgency."""
        ...

    async def application_id(self) -> str:
        """Return the id of the application that the API key belongs to."""
        ...

    async def grant(self, grant_id: str) -> Grant:
        """Return a grant."""
        ...

    def grants(self, *, address: str | None = None, workspace_id: str | None = None) -> AsyncIterator[Grant]:
        """Return the grants with this address, in this workspace, or all, page by page."""
        ...

    async def move_grant(self, grant_id: str, workspace_id: str) -> None:
        """Ask for a grant to be moved into a workspace; nothing else of it is touched."""
        ...

    async def delivered_within(self, since: float, until: float) -> bool:
        """Tell whether the platform delivered anything of this application between two moments, by its send events."""
        ...

    async def evaluations(self, grant_id: str, limit: int) -> Sequence[Evaluation]:
        """Return the latest receipts of a grant, the newest first, `limit` at most and 200 in any case."""
        ...

    async def workspaces(self) -> Sequence[Workspace]:
        """Return all workspaces."""
        ...

    async def create_workspace(self, name: str, policy_id: str | None, rule_ids: Sequence[str]) -> Workspace:
        """Make a workspace without a domain, which no grant joins by itself."""
        ...

    async def change_workspace(self, workspace: Workspace) -> None:
        """Give a workspace that is not the default one this name, policy and array of rules."""
        ...

    async def delete_workspace(self, workspace_id: str) -> None:
        """Delete a workspace; its grants fall to the default one."""
        ...

    async def attach_rules(self, workspace_id: str, rule_ids: Collection[str]) -> None:
        """Add rules to a workspace, the others kept; returns once they were read back."""
        ...

    async def detach_rules(self, workspace_id: str, rule_ids: Collection[str]) -> None:
        """Take rules out of a workspace, the others kept; returns once that was read back."""
        ...

    async def lists(self) -> Sequence[ValueList]:
        """Return all lists."""
        ...

    async def create_list(self, name: str, kind: str) -> ValueList:
        """Make an empty list of `address`, `domain` or `tld`."""
        ...

    async def rename_list(self, list_id: str, name: str) -> None:
        """Give a list another name."""
        ...

    async def delete_list(self, list_id: str) -> None:
        """Delete a list with all its values."""
        ...

    def values(self, list_id: str) -> AsyncIterator[str]:
        """Return the values of a list, page by page."""
        ...

    async def add_values(self, list_id: str, values: Collection[str]) -> None:
        """Add values to a list, 1,000 at most; those that are there are no error."""
        ...

    async def remove_values(self, list_id: str, values: Collection[str]) -> None:
        """Remove values from a list, 1,000 at most; those that are not there are no error."""
        ...

    async def rules(self) -> Sequence[Rule]:
        """Return all rules."""
        ...

    async def create_rule(self, name: str, content: RuleContent) -> Rule:
        """Make a rule; it is in force nowhere until it is attached."""
        ...

    async def change_rule(self, rule: Rule) -> None:
        """Give a rule this name and content."""
        ...

    async def delete_rule(self, rule_id: str) -> None:
        """Delete a rule."""
        ...

    async def webhooks(self) -> Sequence[Webhook]:
        """Return all webhooks, without their secrets."""
        ...

    async def create_webhook(self, url: str, triggers: Collection[str], description: str) -> Webhook:
        """Make a webhook, with its secret in the answer; the URL is asked for the platform's challenge meanwhile."""
        ...

    async def change_webhook(self, webhook: Webhook) -> None:
        """Give a webhook this URL, these triggers and this description, and make it active."""
        ...

    async def rotate_secret(self, webhook_id: str) -> Webhook:
        """Give a webhook a new secret, which is in the answer; the old one is dead at once."""
        ...

    async def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook."""
        ...
