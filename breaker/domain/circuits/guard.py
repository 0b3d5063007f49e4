"""How many automatic stops the fleet guard lets through: a wrong threshold or a broken feed must not stop everybody.

What it holds waits for room, the account that is nearest to the platform's line first, or for a person: who takes one
verdict, or raises a limit for a while.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from breaker.domain.detectors.detectors import Signal
    from breaker.domain.windows.headroom import Headroom


class GuardLimit(StrEnum):
    """The limits."""

    WINDOW = "window"
    """Stops within the last minutes."""
    TOTAL = "total"
    """Accounts that stand stopped at one time."""
    GROUP = "group"
    """Accounts of one domain or workspace that stand stopped at one time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many automatic stops are allowed: the larger of a number and a share of the active accounts.

    Args:
        window: Seconds that the first limit looks back over.
        in_window: `(number, share)` of the fleet within that time.
        in_all: `(number, share)` of the fleet that may stand stopped.
        in_group: `(number, share)` of one domain or workspace that may stand stopped.
    """

    window: float = 600.0
    in_window: tuple[int, float] = (5, 0.01)
    in_all: tuple[int, float] = (5, 0.05)
    in_group: tuple[int, float] = (3, 0.25)


@dataclass(frozen=True, slots=True)
class Raise:
    """A limit that a person raised for a while; it lowers none.

    Args:
        number: Stops that are allowed at least.
        share: The share of active accounts, a fraction, that is allowed at least.
        only: The limit that is meant, or None for all three.
        reason: Why, in their words.
        author: Who.
        at: When, Unix seconds.
        expires_at: When it ends by itself, Unix seconds.
    """

    number: int
    share: float
    only: GuardLimit | None
    reason: str
    author: str
    at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a limit is used.

    Args:
        limit: Which.
        scope: Of what: `fleet`, or a group such as `domain:example.com`.
        used: Automatic stops that count.
        allowed: How many may be.
        active: The active accounts that this follows from.
    """

    limit: GuardLimit
    scope: str
    used: int
    allowed: int
    active: int

    @property
    def has_room(self) -> bool:
        """Whether one more is allowed."""
        return self.used < self.allowed


@dataclass(frozen=True, slots=True)
class HeldStop:
    """A stop that the guard holds.

    Args:
        id: What people and programs call whom it concerns: a grant, an address, or `domain:X`.
        address: The account's address, or None.
        application_id: The platform's id of the application.
        verdict: The held verdict's id.
        at: When it was given, Unix seconds.
        why: Its sentence.
        signal: The rate in question.
        headroom: How far the platform's line is by now, or None for a domain.
        key: Breaker's own number of the account, or None for a domain.
    """

    id: str
    address: str | None
    application_id: str
    verdict: int
    at: float
    why: str
    signal: Signal
    headroom: Headroom | None
    key: int | None


def allowed(limit: tuple[int, float], active: int) -> int:
    """Return how many stops a limit allows.

    Args:
        limit: A number, and a share of the active accounts.
        active: The active accounts.
    """
    number, share = limit
    return max(number, int(share * active))


def raised(limits: Limits, raises: Iterable[Raise]) -> Limits:
    """Return the limits with what people raised."""
    for one in raises:
        if one.only in {None, GuardLimit.WINDOW}:
            limits = replace(limits, in_window=_larger(limits.in_window, one))
        if one.only in {None, GuardLimit.TOTAL}:
            limits = replace(limits, in_all=_larger(limits.in_all, one))
        if one.only in {None, GuardLimit.GROUP}:
            limits = replace(limits, in_group=_larger(limits.in_group, one))
    return limits


def most_urgent_first(held: Iterable[HeldStop]) -> Sequence[HeldStop]:
    """Return what is held: domains, then accounts by how near the platform's line is, then by how long they wait."""

    def urgency(one: HeldStop) -> tuple[float, float, float]:
        if one.headroom is None:
            return (-1.0, 0.0, one.at)
        return (one.headroom.bad_outcomes, inf if one.headroom.sends is None else one.headroom.sends, one.at)

    return sorted(held, key=urgency)


def _larger(limit: tuple[int, float], one: Raise) -> tuple[int, float]:
    return max(limit[0], one.number), max(limit[1], one.share)
