"""What has to be changed on the platform so that it does what is wanted.

Commands are planned from what was wanted to what is wanted, in an order that never leaves an account freer than either:
it is blocked first and then moved, and on the way back moved first and unblocked last.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from breaker.domain.states import Wanted

if TYPE_CHECKING:
    from collections.abc import Collection


class Actuator(StrEnum):
    """A way to stop an account on the platform; each can be on or off."""

    BLOCK = "block"
    LIMIT = "limit"
    BLOCK_DOMAIN = "block_domain"
    QUARANTINE = "quarantine"


class CommandKind(StrEnum):
    """A change of one account on the platform."""

    BLOCK = "block"
    UNBLOCK = "unblock"
    QUARANTINE = "quarantine"
    RETURN_HOME = "return_home"

    STOP = "stop"
    RESET = "reset"


PRIORITIES = {
    CommandKind.BLOCK: 0,
    CommandKind.QUARANTINE: 0,
    CommandKind.RETURN_HOME: 1,
    CommandKind.UNBLOCK: 1,
}
"""Stops (0) go before resets (1), whatever came first."""


def plan(wanted: Wanted, actuators: Collection[Actuator]) -> tuple[CommandKind, ...]:
    """Return the commands that bring an account to what is wanted, in the order to carry them out.

    All commands are idempotent, so that the plan need not know what the platform does now. Taking back plans for every
    actuator, also one that was switched off since the stop.

    Args:
        wanted: What the platform should do.
        actuators: The ways to stop that are on for the account.
    """
    if wanted is Wanted.STOPPED:
        steps = ((Actuator.BLOCK, CommandKind.BLOCK), (Actuator.QUARANTINE, CommandKind.QUARANTINE))
        return tuple(kind for actuator, kind in steps if actuator in actuators)
    if wanted is Wanted.SENDING:
        return (CommandKind.RETURN_HOME, CommandKind.UNBLOCK)
    return ()
