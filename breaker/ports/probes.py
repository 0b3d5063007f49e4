"""Accounts that are on their way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from breaker.ports.circuits import Locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from breaker.domain.circuits.circuit import Circuit
    from breaker.domain.circuits.states import Wanted
    from breaker.domain.probes.probe import Evidence, Hold, Probe
    from breaker.ports.accounts import Account


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
