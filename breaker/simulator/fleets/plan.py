"""The plan of a fleet: its accounts, what they do when, and what befalls domains and the feed. All times are offsets.

A plan is a value: the same plan can be run with Breaker and without, and says itself which accounts are to go bad when.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breaker.simulator.fleets.agents import Behaviour
    from breaker.simulator.webhooks.feed import Feed


class Kind(StrEnum):
    """What kind of account it is, or what goes wrong with it."""

    STEADY = "steady"
    REPLIES_ONLY = "replies only"
    NEW_MAILBOX = "new mailbox"
    BOUGHT_LIST = "bought list"
    RUNAWAY_AGENT = "runaway agent"
    SLOW_CREEP = "slow creep"
    COMPLAINTS = "complaints"
    BROKEN_AUTHENTICATION = "broken authentication"

    @property
    def healthy(self) -> bool:
        """Whether an account of this kind is to be left alone."""
        return self in {Kind.STEADY, Kind.REPLIES_ONLY, Kind.NEW_MAILBOX}


@dataclass(frozen=True, slots=True)
class Step:
    """How an account behaves from so many seconds after the start on; not at all if `behaviour` is None."""

    after: float
    behaviour: Behaviour | None


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """One account.

    Attributes:
        address: Its address.
        workspace: The name of its workspace.
        kind: What kind it is.
        steps: How it behaves when.
        goes_bad_after: Seconds after the start from which it is bad; None if it never is.
    """

    address: str
    workspace: str
    kind: Kind
    steps: tuple[Step, ...]
    goes_bad_after: float | None = None


@dataclass(frozen=True, slots=True)
class BrokenAuthentication:
    """A sending domain whose DKIM is broken for a while; `until` and `after` are seconds after the start."""

    domain: str
    after: float
    until: float


@dataclass(frozen=True, slots=True)
class FeedChange:
    """The feed of notifications changes its state so many seconds after the start."""

    after: float
    feed: Feed


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """A whole fleet, in the order in which its accounts are made."""

    accounts: tuple[AccountPlan, ...]
    broken_authentication: tuple[BrokenAuthentication, ...] = ()
    feed_changes: tuple[FeedChange, ...] = ()
