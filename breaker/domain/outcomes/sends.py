"""Which outcomes count, and by what a send is known again.

Whoever counts goes by this, the daemon with its database and a replay without one: the same outcomes in the same order
give the same counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from breaker.domain.outcomes.outcomes import OutcomeSet, outcome_bit

if TYPE_CHECKING:
    from collections.abc import Container

    from breaker.domain.outcomes.outcomes import Counting, OutcomeKind, Recipient

_DELIVERED = int(OutcomeSet.DELIVERED)
_DELIVERED_TO_FEEDBACK = int(OutcomeSet.DELIVERED | OutcomeSet.FEEDBACK)
SAME_SEND = 86_400
"""Seconds by which the times may differ that two events give of one send: beyond, they are of two sends."""

_DAY = 86_400
_FEEDBACK = int(OutcomeSet.FEEDBACK)
"""A plain number: a flag is a container of flags, which a database driver would take for an array."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts, and for how long.

    Args:
        counting: Which bounce classes count as hard.
        feedback_domains: Recipient domains known to send complaint feedback.
        simulator_domains: Recipient domains of the platform's mail simulator, which count nowhere.
        send_key: The key that sends are hashed with.
        retention: Seconds that the ledger reaches back.
        ahead: Seconds that a time of sending may lie in the future.
    """

    counting: Counting
    feedback_domains: Container[str]
    simulator_domains: frozenset[str]
    send_key: bytes
    retention: float = 90.0 * _DAY
    ahead: float = 1.0 * _DAY
    _keyed: blake2b = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Begin the hash once: the key is a block of its own, and half of the work."""
        object.__setattr__(self, "_keyed", blake2b(digest_size=16, key=self.send_key))

    def misfit(self, sent_at: int, now: float) -> str | None:
        """Return why sends of a moment are in no window, `too_old` or `too_far_ahead`; None where they are.

        Args:
            sent_at: When they were sent, Unix seconds.
            now: When an outcome of theirs became known.
        """
        if sent_at < now - self.retention:
            return "too_old"
        return "too_far_ahead" if sent_at > now + self.ahead else None

    def key(self, message_id: str, address: str) -> bytes:
        """Return the 16 bytes that a send is known by, within its application: nobody reads the address from them."""
        keyed = self._keyed.copy()
        known_as = f"{message_id}\x00{address}"
        # ASCII needs no care, and a codec that is told what to do with surrogates has to be looked up.
        keyed.update(known_as.encode() if known_as.isascii() else known_as.encode("utf-8", "surrogatepass"))
        return keyed.digest()

    def delivered(self, recipient_domain: str) -> int:
        """Return what `grown` does for a send that is new and was delivered, which is what becomes of most."""
        return _DELIVERED_TO_FEEDBACK if recipient_domain in self.feedback_domains else _DELIVERED

    def grown(self, before: int, kind: OutcomeKind, recipient: Recipient) -> int:
        """Return the set of outcomes known of a send after one more; the same where it was known already.

        Args:
            before: The set that was known; 0 where the send is new.
            kind: What became of it.
            recipient: Whom it was meant for.
        """
        after = before | outcome_bit(kind, recipient.bounce_class)
        if before == 0 and recipient.domain in self.feedback_domains:
            after |= _FEEDBACK
        return after
