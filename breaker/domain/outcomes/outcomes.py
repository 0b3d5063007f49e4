"""What became of a send, and what of it counts.

A *send* is one message to one recipient, the unit of all counting. Its *outcomes* arrive one by one, in any order, any
number of times. Everything that is counted follows from the *set* of outcomes known of a send, never from their order:
the ledger keeps that set as a small integer (`OutcomeSet`), and `Tally` says what the set is worth. A new outcome
changes the counts by the difference of two tallies, so a repeated one changes nothing.

Source of the rules: the platform counts hard bounces to addresses that do not exist over a recent representative send
volume, and complaints only against recipient domains that send feedback
(https://developer.nylas.com/docs/v3/agent-accounts/send-limits/).
"""

from __future__ import annotations

from enum import IntFlag, StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class OutcomeKind(StrEnum):
    """What a notification says became of its recipients."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINT = "complaint"
    REJECTED = "rejected"


class BounceClass(StrEnum):
    """Why a message bounced; decided by `breaker.domain.outcomes.bounces.classify`.

    `TRANSIENT` holds what the platform calls temporary rejections and greylisting, which it does not count.
    """

    UNKNOWN_RECIPIENT = "unknown_recipient"
    MAILBOX_FULL = "mailbox_full"
    CONTENT_OR_SIZE = "content_or_size"
    POLICY = "policy"
    SUPPRESSED = "suppressed"
    TRANSIENT = "transient"
    UNDETERMINED = "undetermined"


class OutcomeSet(IntFlag):
    """The outcomes known of one send; fits PostgreSQL's `smallint`.

    `FEEDBACK` is no outcome: it marks that the recipient's domain sends complaint feedback, as far as was known when
    the send entered the ledger.
    """

    NONE = 0
    DELIVERED = 1
    COMPLAINT = 2
    REJECTED = 4
    FEEDBACK = 8
    UNKNOWN_RECIPIENT = 64
    MAILBOX_FULL = 128
    CONTENT_OR_SIZE = 256
    POLICY = 512
    SUPPRESSED = 1024
    TRANSIENT = 2048
    UNDETERMINED = 4096


BOUNCE_BITS: Mapping[BounceClass, OutcomeSet] = {
    BounceClass.UNKNOWN_RECIPIENT: OutcomeSet.UNKNOWN_RECIPIENT,
    BounceClass.MAILBOX_FULL: OutcomeSet.MAILBOX_FULL,
    BounceClass.CONTENT_OR_SIZE: OutcomeSet.CONTENT_OR_SIZE,
    BounceClass.POLICY: OutcomeSet.POLICY,
    BounceClass.SUPPRESSED: OutcomeSet.SUPPRESSED,
    BounceClass.TRANSIENT: OutcomeSet.TRANSIENT,
    BounceClass.UNDETERMINED: OutcomeSet.UNDETERMINED,
}

COUNTED_BY_DEFAULT = frozenset({BounceClass.UNKNOWN_RECIPIENT, BounceClass.POLICY, BounceClass.UNDETERMINED})
"""The bounce classes that count as hard. `undetermined` counts because an unknown failure is taken for a bad one."""

_WIDTH = 16  # bits that hold any set
_ANY_BOUNCE = sum(int(bit) for bit in BOUNCE_BITS.values())


class Tally(NamedTuple):
    """What one send adds to the counters: each 0 or 1, or the difference of two such values."""

    sends: int
    hard_bounces: int
    bounces: int
    delivered: int
    complaints: int
    rejected: int
    feedback_delivered: int
    feedback_complaints: int


NOTHING = Tally(0, 0, 0, 0, 0, 0, 0, 0)


class Counting:
    """Which bounce classes count as hard, and what a set of outcomes is worth by that.

    Args:
        counted: The classes that count; the others are shown beside them ("the rate of all") and count for nothing.
    """

    __slots__ = ("_changes", "_tallies", "counted", "mask")

    def __init__(self, counted: frozenset[BounceClass] = COUNTED_BY_DEFAULT) -> None:
        """Prepare the counting of these classes."""
        self.counted = counted
        self.mask = sum(int(BOUNCE_BITS[name]) for name in counted)
        self._tallies: dict[int, Tally] = {0: NOTHING}
        self._changes: dict[int, Tally] = {}

    def tally(self, outcomes: int) -> Tally:
        """Return what a send with this set of outcomes is worth.

        A send counts once, at its first outcome other than `rejected`; a complaint implies a delivery; a counted bounce
        counts once whatever else became of the send.
        """
        known = self._tallies.get(outcomes)
        if known is None:
            known = self._tallies[outcomes] = self._tally(outcomes)
        return known

    def change(self, before: int, after: int) -> Tally:
        """Return what has to be added to the counters when a send's set of outcomes grows from `before` to `after`."""
        step = before << _WIDTH | after
        known = self._changes.get(step)
        if known is None:
            pairs = zip(self.tally(after), self.tally(before), strict=True)
            known = self._changes[step] = Tally(*(new - old for new, old in pairs))
        return known

    def _tally(self, outcomes: int) -> Tally:
        bounced = outcomes & _ANY_BOUNCE
        complaint = 1 if outcomes & OutcomeSet.COMPLAINT else 0
        delivered = 1 if outcomes & (OutcomeSet.DELIVERED | OutcomeSet.COMPLAINT) else 0
        feedback = 1 if outcomes & OutcomeSet.FEEDBACK else 0
        return Tally(
            sends=1 if delivered or bounced else 0,
            hard_bounces=1 if bounced & self.mask else 0,
            bounces=1 if bounced else 0,
            delivered=delivered,
            complaints=complaint,
            rejected=1 if outcomes & OutcomeSet.REJECTED else 0,
            feedback_delivered=delivered & feedback,
            feedback_complaints=complaint & feedback,
        )


def added(one: Tally, other: Tally) -> Tally:
    """Return the sum of two tallies."""
    return Tally(
        one[0] + other[0],
        one[1] + other[1],
        one[2] + other[2],
        one[3] + other[3],
        one[4] + other[4],
        one[5] + other[5],
        one[6] + other[6],
        one[7] + other[7],
    )


class Recipient(NamedTuple):
    """One recipient of a notification, with what is said of it alone.

    Attributes:
        address: The recipient's address, lower case. Never stored, logged or shown: only its keyed hash is.
        bounce_class: Why it bounced; None for other kinds.
        diagnostic: What the receiving server said, as it came, or None.
    """

    address: str
    bounce_class: BounceClass | None = None
    diagnostic: str | None = None

    @property
    def domain(self) -> str:
        """The domain of the recipient, which may be stored and shown; empty where the address has none."""
        return self.address.rpartition("@")[2] if "@" in self.address else ""


class DeliveryEvent(NamedTuple):
    """One notification about one message: what became of it at one or more recipients.

    Attributes:
        application_id: The platform's id of the application.
        grant_id: The sending account's grant, or None where the platform names none (Transactional Send).
        sender: The address in From, lower case, or None where the event has none.
        message_id: The platform's id of the message.
        sent_at: When the message was sent, Unix seconds; the moment that a send belongs to.
        occurred_at: When the outcome came about, Unix seconds.
        kind: What became of the recipients.
        recipients: One entry for each recipient that the event is about.
        trigger: The trigger's name as the platform sent it, without suffix.
    """

    application_id: str
    grant_id: str | None
    sender: str | None
    message_id: str
    sent_at: int
    occurred_at: float
    kind: OutcomeKind
    recipients: tuple[Recipient, ...]
    trigger: str


def outcome_bit(kind: OutcomeKind, bounce_class: BounceClass | None) -> int:
    """Return the bit of an `OutcomeSet` that an outcome sets."""
    if kind is OutcomeKind.BOUNCED:
        return _BOUNCE_BITS[bounce_class or BounceClass.UNDETERMINED]
    return _PLAIN_BITS[kind]


_BOUNCE_BITS: Mapping[BounceClass, int] = {name: int(bit) for name, bit in BOUNCE_BITS.items()}
_PLAIN_BITS: Mapping[OutcomeKind, int] = {
    OutcomeKind.DELIVERED: int(OutcomeSet.DELIVERED),
    OutcomeKind.COMPLAINT: int(OutcomeSet.COMPLAINT),
    OutcomeKind.REJECTED: int(OutcomeSet.REJECTED),
}
