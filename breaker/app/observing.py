"""Observing alone: what a daemon does on an embedded database that nobody meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.domain.circuits.circuit import Mode
from breaker.ports import ModeInForce

if TYPE_CHECKING:
    from breaker.ports import Account


class OnlyObserving:
    """Modes, none of which lets anything be done: for an embedded database that nobody meant."""

    async def in_force(self, account: Account, now: float) -> ModeInForce:  # noqa: ARG002 - the protocol's
        """Return `observe`, from the daemon."""
        return ModeInForce(Mode.OBSERVE, "daemon")
