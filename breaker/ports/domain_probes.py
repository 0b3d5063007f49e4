"""Sending domains that are on their way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from breaker.domain.circuits.circuit import Circuit
    from breaker.domain.probes.domain_probe import DomainProbe, Member, Traffic
    from breaker.domain.probes.probe import Evidence, Hold
    from breaker.ports.accounts import SendingDomain
    from breaker.ports.domains import LockedDomains
    from breaker.ports.probes import Confirmation


@dataclass(frozen=True, slots=True)
class DomainHold:
    """Why a domain is stopped.

    Args:
        hold: The same as of an account.
        cause: What it failed by, or None.
    """

    hold: Hold
    cause: str | None


class LockedDomainProbes(Protocol):
    """Sending domains with their probes, in a transaction."""

    @property
    def domains(self) -> LockedDomains:
        """Their circuits, in the same transaction."""
        ...

    async def probe_of(self, domain: SendingDomain) -> tuple[DomainProbe | None, Confirmation]:
        """Return what is known of its probe, and of the platform."""
        ...

    async def held_for(self, domain: SendingDomain, circuit: Circuit, within: float) -> DomainHold:
        """Return why its circuit is as it is, with the automatic stops of so many seconds before."""
        ...

    async def members(self, domain: SendingDomain, now: float) -> Sequence[Member]:
        """Return its accounts, those included whose grant was deleted a short time ago, unlocked."""
        ...

    async def traffic(self, domain: SendingDomain, members: Collection[int], failed_at: float) -> Mapping[int, Traffic]:
        """Return what accounts of it sent in the day before it failed, and were refused since."""
        ...

    async def evidence(
        self, domain: SendingDomain, account: int, opened_at: float, closed_at: float | None
    ) -> Evidence:
        """Return what is known of the sends of a round that tell of the domain."""
        ...

    async def stand_ins(self, domain: SendingDomain) -> Mapping[str, int]:
        """Return the addresses that stand in for the domain, with the epoch that asked for each last."""
        ...

    async def let_stand_in(self, domain: SendingDomain, addresses: Collection[str], epoch: int) -> None:
        """Remember that addresses are to stand in for the domain."""
        ...

    async def keep(self, domain: SendingDomain, probe: DomainProbe | None) -> None:
        """Remember how far its probe has come, or forget it."""
        ...


class DomainProbes(Protocol):
    """The probes of all sending domains."""

    async def due(self, application_id: str, now: float) -> Sequence[SendingDomain]:
        """Return the domains about which something may be due, in ascending order."""
        ...

    async def open(self, application_id: str) -> Sequence[SendingDomain]:
        """Return those of which an account is to be free for a round just now."""
        ...

    async def standing_in(self, application_id: str, before: float) -> frozenset[str]:
        """Return the addresses that hold a domain of which an account is free since before a moment."""
        ...

    async def stand_down(self, application_id: str, addresses: Collection[str]) -> None:
        """Forget that these hold their domain, where an account of it is free."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[LockedDomainProbes]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
        ...
