"""Scenarios: plans of whole fleets, drawn by seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from breaker.simulator.fleets import behaviours
from breaker.simulator.fleets.agents import DAY, HOUR
from breaker.simulator.fleets.plan import (
    AccountPlan,
    BrokenAuthentication,
    FeedChange,
    FleetPlan,
    Kind,
    Step,
)
from breaker.simulator.identifiers import derived
from breaker.simulator.webhooks.feed import Feed

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_DOMAINS = 12
_WORKSPACES = ("Sales", "Support", "Recruiting", "Billing")
#: How many of a mixed fleet's accounts go bad, at most by each kind.
_BAD_SHARE = 0.12
#: Which share of a fleet is on one domain, where that is what is looked at.
_DOMAIN_SHARE = 0.4
_MORNING = 9 * HOUR
#: At least once, and in no order: what a feed is like on an ordinary day.
_ORDINARY_FEED = Feed(repeated=0.01, late=0.02, late_by=(30.0, 1800.0))
_BAD_KINDS = (Kind.BOUGHT_LIST, Kind.RUNAWAY_AGENT, Kind.SLOW_CREEP, Kind.COMPLAINTS)


@dataclass(frozen=True, slots=True)
class FleetSize:
    """How large a fleet is, and for how long it is looked at.

    Attributes:
        accounts: How many accounts.
        days: For how many days.
        volume: Scales how much healthy accounts send.
    """

    accounts: int = 200
    days: float = 14.0
    volume: float = 1.0


class _Draft:
    """A plan in the making."""

    def __init__(self, size: FleetSize, seed: int) -> None:
        self.size = size
        self.source = derived(seed, "fleet")
        self.accounts: list[AccountPlan] = []

    def add(self, kind: Kind, steps: tuple[Step, ...], bad_after: float | None = None, *, domain: str = "") -> None:
        number = len(self.accounts) + 1
        at = domain or f"agents-{self.source.randrange(_DOMAINS) + 1}.example.com"
        workspace = _WORKSPACES[self.source.randrange(len(_WORKSPACES))]
        self.accounts.append(AccountPlan(f"agent-{number:03}@{at}", workspace, kind, steps, bad_after))

    def steady(self, count: int, *, domain: str = "") -> None:
        for _ in range(count):
            behaviour = behaviours.steady(self.source, self.size.volume)
            self.add(Kind.STEADY, (Step(0.0, behaviour),), domain=domain)

    def some_time(self) -> float:
        """Return a moment between the second day and two thirds of the time, in working hours."""
        return self.source.uniform(1 * DAY, max(self.size.days * 0.66, 1.5) * DAY)

    def bad(self, kind: Kind) -> None:
        after = self.some_time()
        make: dict[Kind, Callable[[random.Random, float, float], tuple[Step, ...]]] = {
            Kind.BOUGHT_LIST: behaviours.bought_list,
            Kind.RUNAWAY_AGENT: behaviours.runaway_agent,
            Kind.SLOW_CREEP: behaviours.slow_creep,
            Kind.COMPLAINTS: behaviours.complaints,
        }
        self.add(kind, make[kind](self.source, self.size.volume, after), after)


def steady_fleet(size: FleetSize, seed: int) -> FleetPlan:
    """A fleet in which nothing goes wrong."""
    draft = _Draft(size, seed)
    draft.steady(size.accounts)
    return FleetPlan(tuple(draft.accounts))


def one_bad(kind: Kind, size: FleetSize, seed: int) -> FleetPlan:
    """A steady fleet with one account of a bad kind in it, the first."""
    draft = _Draft(size, seed)
    draft.bad(kind)
    draft.steady(size.accounts - 1)
    return FleetPlan(tuple(draft.accounts))


def broken_domain(size: FleetSize, seed: int) -> FleetPlan:
    """A steady fleet, a tenth of it (at least six) busy on one domain whose authentication breaks one morning."""
    draft = _Draft(size, seed)
    domain = "agents-0.example.com"
    after = draft.some_time() // DAY * DAY + _MORNING
    for _ in range(min(max(size.accounts // 10, 6), size.accounts)):
        behaviour = behaviours.busy(draft.source, size.volume)
        draft.add(Kind.BROKEN_AUTHENTICATION, (Step(0.0, behaviour),), after, domain=domain)
    draft.steady(size.accounts - len(draft.accounts))
    broken = BrokenAuthentication(domain, after, after + draft.source.uniform(6, 30) * HOUR)
    return FleetPlan(tuple(draft.accounts), (broken,))


def dead_feed(size: FleetSize, seed: int) -> FleetPlan:
    """A steady fleet whose notifications all stay away for a day."""
    return _with_feed(size, seed, Feed(lost={"*": 1.0}))


def half_dead_feed(size: FleetSize, seed: int) -> FleetPlan:
    """A steady fleet of which for a day bounces are heard but deliveries are not."""
    return _with_feed(size, seed, Feed(lost={"message.delivered": 1.0, "message.transactional.delivered": 1.0}))


def mixed_fleet(size: FleetSize, seed: int) -> FleetPlan:
    """A fleet with some of everything: an eighth of it goes bad, in every way, and one domain's authentication breaks.

    Accounts that answer only, and new mailboxes, are among the healthy ones. Some notifications come twice, some late.
    """
    return _mixed(size, seed, broken_domain(FleetSize(min(6, size.accounts), size.days, size.volume), seed))


def shared_domain_fleet(size: FleetSize, seed: int) -> FleetPlan:
    """A mixed fleet of which two fifths share the domain whose authentication breaks, and is repaired the same day."""
    busy = broken_domain(FleetSize(min(6, size.accounts), size.days, size.volume), seed)
    [broken] = busy.broken_authentication
    source = derived(seed, "shared domain")
    quiet: list[AccountPlan] = []
    for _ in range(round(size.accounts * _DOMAIN_SHARE) - len(busy.accounts)):
        steps = (Step(0.0, behaviours.steady(source, size.volume)),)
        place = f"agent@{broken.domain}", source.choice(_WORKSPACES)
        quiet.append(AccountPlan(*place, Kind.BROKEN_AUTHENTICATION, steps, broken.after))
    repaired = replace(broken, until=broken.after + source.uniform(3, 5) * HOUR)
    return _mixed(size, seed, FleetPlan((*busy.accounts, *quiet), (repaired,)))


def _mixed(size: FleetSize, seed: int, broken: FleetPlan) -> FleetPlan:
    draft = _Draft(size, seed)
    for number in range(max(round(size.accounts * _BAD_SHARE), len(_BAD_KINDS))):
        draft.bad(_BAD_KINDS[number % len(_BAD_KINDS)])
    draft.accounts += broken.accounts
    for number in range(max(size.accounts // 10, 1)):
        if number % 2:
            draft.add(Kind.NEW_MAILBOX, behaviours.new_mailbox(draft.source, size.volume, draft.some_time()))
        else:
            draft.add(Kind.REPLIES_ONLY, behaviours.replies_only(draft.source, size.volume))
    draft.steady(max(size.accounts - len(draft.accounts), 0))
    draft.source.shuffle(draft.accounts)
    renamed = (_numbered(number + 1, one) for number, one in enumerate(draft.accounts))
    return FleetPlan(tuple(renamed), broken.broken_authentication, (FeedChange(0.0, _ORDINARY_FEED),))


def _numbered(number: int, account: AccountPlan) -> AccountPlan:
    """Return an account with an address that does not tell its kind by its number."""
    domain = account.address.rpartition("@")[2]
    address = f"agent-{number:03}@{domain}"
    return AccountPlan(address, account.workspace, account.kind, account.steps, account.goes_bad_after)


def _with_feed(size: FleetSize, seed: int, feed: Feed) -> FleetPlan:
    draft = _Draft(size, seed)
    draft.steady(size.accounts)
    after = draft.some_time()
    return FleetPlan(tuple(draft.accounts), (), (FeedChange(after, feed), FeedChange(after + DAY, Feed())))


def _one_bad(kind: Kind) -> Callable[[FleetSize, int], FleetPlan]:
    return lambda size, seed: one_bad(kind, size, seed)


class Scenario(StrEnum):
    """The scenarios by the names that a person gives."""

    STEADY = "steady"
    MIXED = "mixed"
    BOUGHT_LIST = "bought-list"
    RUNAWAY_AGENT = "runaway-agent"
    SLOW_CREEP = "slow-creep"
    COMPLAINTS = "complaints"
    BROKEN_AUTHENTICATION = "broken-authentication"
    DEAD_FEED = "dead-feed"
    HALF_DEAD_FEED = "half-dead-feed"


SCENARIOS: dict[str, Callable[[FleetSize, int], FleetPlan]] = {
    Scenario.STEADY: steady_fleet,
    Scenario.MIXED: mixed_fleet,
    Scenario.BOUGHT_LIST: _one_bad(Kind.BOUGHT_LIST),
    Scenario.RUNAWAY_AGENT: _one_bad(Kind.RUNAWAY_AGENT),
    Scenario.SLOW_CREEP: _one_bad(Kind.SLOW_CREEP),
    Scenario.COMPLAINTS: _one_bad(Kind.COMPLAINTS),
    Scenario.BROKEN_AUTHENTICATION: broken_domain,
    Scenario.DEAD_FEED: dead_feed,
    Scenario.HALF_DEAD_FEED: half_dead_feed,
}
