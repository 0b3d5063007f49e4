"""Circuits of accounts, locked and followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from breaker.domain.circuits.circuit import Circuit, Verdict
    from breaker.domain.detectors.pooled import Group, GroupCount
    from breaker.domain.platform.commands import CommandKind
    from breaker.domain.standing.gate import GateMemory
    from breaker.domain.windows.counters import Counters
    from breaker.ports.accounts import Account


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

    async def note_home(self, account: Account, workspace_id: str) -> None:
        """Remember where an account belongs that is away from home; who is at home stays there."""
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
        """Return what every group did within each of `domain.detectors.pooled.SPANS`; those without complaints too."""
        ...
