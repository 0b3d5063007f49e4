"""How far Breaker may go, and what keeps it from changing anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.circuits.circuit import HeldBy, Mode
    from breaker.domain.circuits.domain_circuit import Interval
    from breaker.ports.accounts import Account


@dataclass(frozen=True, slots=True)
class ModeInForce:
    """The mode of an account, and where it comes from: `account`, `domain`, `workspace`, `application` or `daemon`."""

    mode: Mode
    source: str


class Modes(Protocol):
    """How far Breaker may go with each account."""

    async def in_force(self, account: Account, now: float) -> ModeInForce:
        """Return the most specific mode that has not expired; fresh to within a second or two."""
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
