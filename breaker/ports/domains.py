"""Circuits of sending domains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from breaker.domain.circuits.circuit import Verdict
    from breaker.domain.circuits.domain_circuit import DomainCircuit, Refusal
    from breaker.domain.circuits.states import Wanted
    from breaker.domain.platform.commands import CommandKind
    from breaker.ports.accounts import Account, SendingDomain


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

    async def has_stand_ins(self, domain: SendingDomain, *, before: int) -> bool:
        """Tell whether addresses stand in for it that an epoch before this one asked for last."""
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
