"""What is looked up at the platform when a person asks, and kept nowhere: refused sends, and recipients.

The addresses are other people's. Nothing here shows one by accident: not in a log line, an error or a `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breaker.domain.outcomes.outcomes import BounceClass, OutcomeKind


@dataclass(frozen=True, slots=True)
class RefusedSend:
    """A send that the platform refused by rules, from its receipt.

    Args:
        at: When, Unix seconds.
        message_id: The message, or None where it was refused before it had an id.
        failed: Whether the rules could not be run; else one of them refused it.
        rules: The rules that matched, by name, or by id where the name is not known any more.
        type: `compose`, `reply`, or None where the platform does not tell.
        recipients: Whom it was meant for.
    """

    at: float
    message_id: str | None
    failed: bool
    rules: tuple[str, ...]
    type: str | None
    recipients: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class BadRecipient:
    """A recipient whose mail bounced, or who complained.

    Args:
        at: When, Unix seconds.
        address: Who.
        kind: What happened.
        bounce_class: Of a bounce: why.
        diagnostic: The receiving server's words, or None.
        message_id: The message.
    """

    at: float
    address: str = field(repr=False)
    kind: OutcomeKind
    bounce_class: BounceClass | None
    diagnostic: str | None = field(repr=False)
    message_id: str
