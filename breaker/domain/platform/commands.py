"""What has to be changed on the platform so that it does what is wanted.

Commands are planned from what is wanted, in an order that never leaves an account freer than it was or is to be: it is
blocked first and then moved, on the way back moved first and unblocked last, and what is to be limited is limited
before anything is lifted. What lifts waits until what holds was read back; the outbox sees to that.

Rules on the platform have conditions only, and one that refuses always wins, so an account of a blocked domain can't be
excepted. To let one of them send, the others' addresses take the domain's place in the list of stopped accounts: they
*stand in* for it. They are put there first, then the domain is taken out; the way back begins with the domain.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from breaker.domain.circuits.states import Wanted

if TYPE_CHECKING:
    from collections.abc import Collection


class Actuator(StrEnum):
    """A way to keep mail from going out on the platform; each can be on or off."""

    BLOCK = "block"
    LIMIT = "limit"
    BLOCK_DOMAIN = "block_domain"
    QUARANTINE = "quarantine"
    SUPPRESS = "suppress"
    """Mail to suppressed recipients, whoever sends it: no account is stopped. `[suppression]` switches it on, for all
    workspaces."""


class CommandKind(StrEnum):
    """A change of one account on the platform."""

    BLOCK = "block"
    UNBLOCK = "unblock"
    LIMIT = "limit"
    UNLIMIT = "unlimit"
    QUARANTINE = "quarantine"
    QUOTA = "quota"
    """Into a copy of its home in which it may send a few messages a day."""
    RETURN_HOME = "return_home"
    BLOCK_DOMAIN = "block_domain"
    UNBLOCK_DOMAIN = "unblock_domain"
    BLOCK_OTHERS = "block_others"
    """The accounts that stand in for their domain while another one of it may send."""
    UNBLOCK_OTHERS = "unblock_others"
    """Those that did so before, and don't any more; who is stopped by itself stays so."""


PRIORITIES = {
    CommandKind.BLOCK: 0,
    CommandKind.LIMIT: 0,
    CommandKind.QUARANTINE: 0,
    CommandKind.QUOTA: 0,
    CommandKind.BLOCK_DOMAIN: 0,
    CommandKind.BLOCK_OTHERS: 0,
    CommandKind.RETURN_HOME: 1,
    CommandKind.UNBLOCK: 1,
    CommandKind.UNLIMIT: 1,
    CommandKind.UNBLOCK_DOMAIN: 1,
    CommandKind.UNBLOCK_OTHERS: 1,
}
"""What holds (0) goes before what lifts (1), whatever came first."""

HOLDS = frozenset(kind for kind, priority in PRIORITIES.items() if priority == 0)
"""The commands after which an account can do less than before."""

_STOP = ((Actuator.BLOCK, CommandKind.BLOCK), (Actuator.QUARANTINE, CommandKind.QUARANTINE))


def plan(
    wanted: Wanted, actuators: Collection[Actuator], *, away: bool = False, quota: bool = False
) -> tuple[CommandKind, ...]:
    """Return the commands that bring an account to what is wanted, in the order to carry them out.

    All commands are idempotent, so that the plan need not know what the platform does now. Taking back plans for every
    actuator, also one that was switched off since.

    A limited account that is stopped stays limited beside it: a reset takes both back, and where the block fails, at
    least new conversations go on being refused. Where `limit` is off, nothing is done for an account that is to be
    limited: it is neither stopped nor, if it was stopped, let go.

    Where no quarantine is on, an account that is stopped while it is away from home, as in a round of a probe, goes
    home once the block was read back.

    Args:
        wanted: What the platform should do.
        actuators: The ways to stop that are on for the account.
        away: Whether the account is not at home, or on its way from there.
        quota: Whether what it may send is a round of a probe, which a quota is to hold.
    """
    if wanted is Wanted.STOPPED:
        stop = tuple(kind for actuator, kind in _STOP if actuator in actuators)
        return (*stop, CommandKind.RETURN_HOME) if away and stop == (CommandKind.BLOCK,) else stop
    if wanted is Wanted.SENDING:
        place = CommandKind.QUOTA if quota else CommandKind.RETURN_HOME
        return (place, CommandKind.UNBLOCK, CommandKind.UNLIMIT)
    if Actuator.LIMIT in actuators:
        return (CommandKind.LIMIT, CommandKind.RETURN_HOME, CommandKind.UNBLOCK)
    return ()


def plan_domain(wanted: Wanted, *, probing: bool = False, stand_ins: bool = False) -> tuple[CommandKind, ...]:
    """Return the commands that bring a sending domain to what is wanted, in the order to carry them out.

    Between the rounds of a probe the domain is blocked and its stand-ins stay where they are, for the next one.

    Args:
        wanted: What the platform should do.
        probing: Whether it is probed: one of its accounts alone is let go, where `SENDING` is wanted.
        stand_ins: Whether any account stands in for it that should not any more.
    """
    others = (CommandKind.UNBLOCK_OTHERS,) if stand_ins else ()
    if wanted is not Wanted.SENDING:
        return (CommandKind.BLOCK_DOMAIN, *(() if probing else others))
    if probing:
        return (CommandKind.BLOCK_OTHERS, *others, CommandKind.UNBLOCK_DOMAIN)
    return (*others, CommandKind.UNBLOCK_DOMAIN)
