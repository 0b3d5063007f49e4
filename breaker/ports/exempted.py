"""Accounts that go on sending because people said so, though a detector asks for more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from breaker.domain.circuits.states import State
    from breaker.domain.detectors.detectors import Signal
    from breaker.domain.windows.headroom import Headroom
    from breaker.ports.accounts import Account


@dataclass(frozen=True, slots=True)
class Exempted:
    """An account with a verdict that is held because it is exempt or protected.

    Args:
        account: Who.
        to: What the verdict asks for.
        verdict: The verdict's id.
        signal: The rate in question.
        headroom: How far the platform's line is by now.
    """

    account: Account
    to: State
    verdict: int
    signal: Signal
    headroom: Headroom

    @property
    def over_line(self) -> bool:
        """Whether the platform's line is reached."""
        return self.headroom.bad_outcomes == 0


class ExemptedAccounts(Protocol):
    """Who they are."""

    async def exempted(self) -> Sequence[Exempted]:
        """Return them all, those that wait longest first; some thousand at most."""
        ...
