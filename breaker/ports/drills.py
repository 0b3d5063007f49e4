"""Drills: how the canary stands, what was done to it, and the sends that it is tried by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from breaker.ports.circuits import Locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from breaker.domain.drill import Canary, Drill, DrillOutcome, RuleScope, SendAnswer, Step, StepResult
    from breaker.domain.outcomes.outcomes import OutcomeKind
    from breaker.ports.accounts import Account


class Heard(NamedTuple):
    """What the platform told of a drill's send.

    Args:
        kind: What became of it.
        at: When the notification came, Unix seconds.
    """

    kind: OutcomeKind
    at: float


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A drill of which something may be left.

    Args:
        drill: The drill, as far as it came.
        account: The canary's number.
        at_step: The step that it was at.
        stop_epoch: The epoch that its stop began, or None where it stopped nobody.
    """

    drill: Drill
    account: int
    at_step: Step
    stop_epoch: int | None


class LockedDrills(Locked, Protocol):
    """Accounts in a transaction that holds their circuits, with the drills that change them."""

    async def canary(self, account: Account) -> Canary:
        """Return how the canary stands."""
        ...

    async def note_stop(self, number: int, epoch: int) -> None:
        """Remember, with the stop itself, which epoch a drill's stop begins."""
        ...


class Drills(Protocol):
    """All drills."""

    def transaction(self) -> AbstractAsyncContextManager[LockedDrills]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
        ...

    async def begin(self, account: int, by: str, now: float, *, nightly: bool) -> Drill:
        """Remember that a drill begins, before it changes anything."""
        ...

    async def at_step(self, number: int, step: Step) -> None:
        """Remember which step begins."""
        ...

    async def sent(self, number: int, message_id: str) -> None:
        """Remember the message that is to be heard of."""
        ...

    async def hear(self, application_id: str, message_id: str, heard: Heard) -> bool:
        """Remember what was heard of a message, once; tell whether it is a drill's."""
        ...

    async def heard(self, number: int) -> Heard | None:
        """Return what was heard of a drill's message."""
        ...

    async def conclude(
        self, number: int, outcome: DrillOutcome, steps: Sequence[StepResult], rule_scope: RuleScope | None
    ) -> None:
        """Store how a drill ended; it is unfinished until it is ended, since something of it may be left."""
        ...

    async def end(self, number: int, now: float) -> None:
        """Remember that nothing of a drill is left."""
        ...

    async def unfinished(self, application_id: str) -> Sequence[Unfinished]:
        """Return the drills of an application that were not ended, the oldest first."""
        ...

    async def canary(self, account: int) -> Canary:
        """Return how an account stands; nobody is locked."""
        ...

    async def latest(self, application_id: str, *, nightly: bool = False) -> Drill | None:
        """Return the latest drill of an application that was begun, or the latest nightly one."""
        ...

    async def rule_scope(self, application_id: str) -> tuple[RuleScope, float] | None:
        """Return where rules hold, as it was found out last, and when that was, Unix seconds."""
        ...


class SendPath(Protocol):
    """How mail is sent as an account."""

    async def send(self, grant_id: str, recipient: str, subject: str, text: str, key: str) -> SendAnswer:
        """Send one message; one that is sent again with the same key is not sent twice."""
        ...
