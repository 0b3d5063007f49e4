"""Complaints, pooled: what the accounts of a domain, a workspace or an application say about each other.

Complaints are so rare that an account's own come too late to be learnt from. But accounts that share a domain often
share what goes wrong, and together they send enough. So the complaints of each group within the last 1, 3, 7 and 14
days (by the time of sending) are held against two questions:

- *Is it no chance?* At a healthy rate, how long would the group have to send until so many complaints fall into as many
  deliveries (`statistics.crossings.sends_until_crowded`)? The number needed is the lowest that keeps all groups and
  spans together within the budget.
- *Is the group likely above the platform's line?* What is believed of a group before anything is known of it is a beta
  distribution, estimated from the fleet's domains; its complaints turn it into what is believed now.

Where both are answered with yes, the account that adds one more complaint is limited, so that the third complaint of a
domain counts for the mailbox that adds the fourth. It is never stopped by that. And it is never one member's doing:
each counts for two complaints or for a quarter of those needed, and two others at least must have some. Members of a
domain are its accounts; of a workspace or an application they are its domains, since one bad domain says nothing
against the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.circuits.states import State
from breaker.domain.detectors.detectors import PLATFORM_LINES, Signal, Suspicion
from breaker.domain.statistics.beta_binomial import Belief, estimate
from breaker.domain.statistics.crossings import sends_until_crowded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from breaker.domain.detectors.budget import Budget

SPANS = (1, 3, 7, 14)
"""Days that are looked back on, each for itself: a burst is diluted by the longer ones, and a trickle lost in the
shorter ones."""

FEWEST = 4
"""Complaints that a group needs at least, the one in hand included."""

MOST_OF_A_MEMBER = 2
"""Complaints that one member of a group counts for at most, or a quarter of those needed, where that is more."""

OTHERS = 2
"""Members beside the one in hand that must have complaints."""

LIKELY = 0.5
"""The probability to be above the platform's line from which on a group is suspected."""

SHARE = 0.03
"""The share of the budget for limits that pooling may spend."""

_DAYS_A_WEEK = 7


class GroupKind(StrEnum):
    """What accounts have in common."""

    DOMAIN = "domain"
    WORKSPACE = "workspace"
    APPLICATION = "application"


class Group(NamedTuple):
    """Accounts that have something in common.

    Attributes:
        application_id: The application that they are of.
        kind: What they share.
        name: Its name or id.
    """

    application_id: str
    kind: GroupKind
    name: str

    def __str__(self) -> str:
        """Return it as people write it: `domain:example.com`."""
        return f"{self.kind}:{self.name}"


class Membership(NamedTuple):
    """An account's place in a group.

    Attributes:
        group: The group.
        member: Which member of it the account is, or belongs to.
    """

    group: Group
    member: str


class GroupCount(NamedTuple):
    """What a group did in a number of days.

    Attributes:
        days: The days.
        delivered: Its deliveries.
        complaints: Its complaints by member.
    """

    days: int
    delivered: int
    complaints: Mapping[str, int]


class Evidence(NamedTuple):
    """What a group did in a number of days, and how many complaints would be too many.

    Attributes:
        counted: What it did.
        needed: Complaints from which on it is no chance.
    """

    counted: GroupCount
    needed: int


@dataclass(frozen=True, slots=True)
class Pooled:
    """What is known of all groups at one moment; a part of the context that verdicts are given in.

    Args:
        at: The moment, Unix seconds; its version.
        prior: What is believed of a domain of which nothing is known.
        groups: The evidence of each group that has complaints, by span.
    """

    at: float = 0.0
    prior: Belief = field(default_factory=lambda: Belief(1.0, 1_999.0))
    groups: Mapping[Group, tuple[Evidence, ...]] = field(default_factory=dict)

    def suspect(self, memberships: Sequence[Membership]) -> tuple[Suspicion, Group] | None:
        """Return what the groups of an account say now that it drew one more complaint, and which one; or None.

        Args:
            memberships: The account's groups, the closest first.
        """
        for group, member in memberships:
            for counted, needed in self.groups.get(group, ()):
                others = {one: number for one, number in counted.complaints.items() if one != member and number}
                if len(others) < OTHERS:
                    continue
                most = max(MOST_OF_A_MEMBER, needed // 4)
                own = min(counted.complaints.get(member, 0) + 1, most)
                count = own + sum(min(number, most) for number in others.values())
                of = max(counted.delivered, count)
                if count < needed or self.prior.after(count, of).above(PLATFORM_LINES[Signal.COMPLAINT]) < LIKELY:
                    continue
                suspicion = Suspicion(
                    "pooled", Signal.COMPLAINT, State.LIMITED, None, count, of, needed / of, _words(group, counted.days)
                )
                return suspicion, group
        return None

    def describe(self, group: Group) -> Mapping[str, object]:
        """Return what a decision by a group follows from, as it is stored with the verdict."""
        spans = [
            {"days": counted.days, "delivered": counted.delivered, "members": len(counted.complaints), "needed": needed}
            for counted, needed in self.groups.get(group, ())
        ]
        return {"at": self.at, "prior": [self.prior.a, self.prior.b], "group": str(group), "spans": spans}


def pool(counts: Mapping[Group, Iterable[GroupCount]], budget: Budget, at: float) -> Pooled:
    """Return what is known of all groups.

    Args:
        counts: What each group did, by span; those without complaints too, since they tell what is usual.
        budget: The false alarms that the fleet may have.
        at: The moment, Unix seconds.
    """
    healthy = budget.healthy[Signal.COMPLAINT]
    by_group = {group: tuple(spans) for group, spans in counts.items()}
    domains = [max(spans) for group, spans in by_group.items() if group.kind is GroupKind.DOMAIN and spans]
    prior = estimate([(sum(one.complaints.values()), one.delivered) for one in domains], healthy)
    # The whole fleet's alarms, shared among all that could raise one.
    allowed = budget.per_week[State.LIMITED] * SHARE / max(1, len(by_group) * len(SPANS))
    groups = {
        group: tuple(Evidence(one, _needed(one, healthy, allowed)) for one in spans if one.complaints)
        for group, spans in by_group.items()
    }
    return Pooled(at, prior, {group: spans for group, spans in groups.items() if spans})


def _needed(counted: GroupCount, healthy: float, allowed: float) -> int:
    """Return the fewest complaints that a healthy group would have in so many deliveries rarely enough."""
    delivered = max(1, counted.delivered)
    weekly = delivered * _DAYS_A_WEEK / counted.days
    needed = max(FEWEST, int(delivered * healthy))
    while needed < delivered and weekly / sends_until_crowded(needed, delivered, healthy) > allowed:
        needed += 1
    return needed


def _words(group: Group, days: int) -> str:
    return f"{group.kind} {group.name} within {days} {'day' if days == 1 else 'days'}"
