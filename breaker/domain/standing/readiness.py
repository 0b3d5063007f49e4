"""Whether enforcement can be switched on: what would have been stopped, and what is open before."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.circuits.circuit import HeldBy
from breaker.domain.circuits.guard import allowed
from breaker.domain.circuits.states import SEVERITY, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from breaker.domain.circuits.guard import Limits
    from breaker.domain.detectors.detectors import Signal
    from breaker.domain.windows.comparison import Comparison

DAY = 86_400.0
ENOUGH_HISTORY = 7 * DAY
"""Seconds that a fleet should have been observed for: a working week has days of every kind."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A verdict that a detector gave: what it asked for, and whether that was done.

    Args:
        id: Its id.
        account: Whom it concerns: a grant, an address, or `domain:example.com`.
        address: The account's address, or None.
        application_id: The application.
        groups: The groups of the account that the fleet guard looks at, as `domain:X` and `workspace:Y`.
        at: When it was given, Unix seconds.
        to: The state that it asked for.
        detector: What raised the suspicion.
        signal: The rate in question, or None.
        count: Bad outcomes, or None.
        of: Sends they were counted over, or None.
        rate: Their quotient, or None.
        cause: What they share, or None.
        held_by: Why it was not applied, or None where it was.
        why: Its sentence.
    """

    id: int
    account: str
    address: str | None
    application_id: str
    groups: tuple[str, ...]
    at: float
    to: State
    detector: str
    signal: Signal | None
    count: int | None
    of: int | None
    rate: float | None
    cause: str | None
    held_by: HeldBy | None
    why: str


@dataclass(frozen=True, slots=True)
class FalseStop:
    """A stop or limit that a person took back as a mistake.

    Args:
        account: Whom it concerned.
        address: The account's address, or None.
        application_id: The application.
        at: When it was taken back, Unix seconds.
        detector: What had asked for it; None where it is not known any more.
        author: Who said so.
        why: What they said.
    """

    account: str
    address: str | None
    application_id: str
    at: float
    detector: str | None
    author: str
    why: str


@dataclass(frozen=True, slots=True)
class GuardForeseen:
    """What the fleet guard would have done, had all that was asked been let through to it.

    Args:
        stops: Accounts and domains that were to be stopped.
        held: Those of them that it would have held, in the order in which they came.
    """

    stops: int
    held: Sequence[Asked]


@dataclass(frozen=True, slots=True)
class OpenPoint:
    """What should be settled before Breaker may act.

    Args:
        name: What kind of point, for programs.
        what: A sentence.
        next: What to type next.
    """

    name: str
    what: str
    next: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What readiness is judged by.

    Args:
        application_id: The application.
        is_set_up: Whether the rule that stops was made on the platform.
        history_from: Since when all sends are known, Unix seconds, or None where none is.
        comparison: Our counts beside the platform's, or None where they could not be compared.
        not_compared: Why not.
        blind_since: Since when the feed is not to be trusted, Unix seconds, or None.
        undecoded: Notifications that were not understood and are kept.
        on_hold: Whether a person put automatic changes on hold.
    """

    application_id: str
    is_set_up: bool
    history_from: float | None
    comparison: Comparison | None
    not_compared: str | None
    blind_since: float | None
    undecoded: int
    on_hold: bool


def worst_of_each(asked: Iterable[Asked]) -> Sequence[Asked]:
    """Return one verdict for each account: the severest step, of several the latest; the severest first."""
    worst: dict[str, Asked] = {}
    for one in sorted(asked, key=lambda one: one.at):
        before = worst.get(one.account)
        if before is None or SEVERITY[one.to] >= SEVERITY[before.to]:
            worst[one.account] = one
    return sorted(worst.values(), key=lambda one: (-SEVERITY[one.to], one.at, one.account))


def foresee_guard(
    asked: Iterable[Asked], limits: Limits, active: int, active_of: Mapping[tuple[str, str], int]
) -> GuardForeseen:
    """Return what the fleet guard would have held of the first stop of each account and domain.

    What was stopped is taken to stay so, since nothing says when it would have been let go; what is held has no second
    chance, though the daemon judges it again once there is room. So it holds rather more here than it would have.

    Args:
        asked: What was asked.
        limits: How many stops are allowed.
        active: The active accounts of the fleet.
        active_of: The active accounts of each group, by application and group.
    """
    recent: deque[float] = deque()
    stopped = 0
    of_group: Counter[tuple[str, str]] = Counter()
    seen: set[str] = set()
    held: list[Asked] = []
    for one in sorted(asked, key=lambda one: (one.at, one.id)):
        if one.to is not State.STOPPED or one.held_by is HeldBy.EXEMPT or one.account in seen:
            continue  # who is exempt or protected takes no room
        seen.add(one.account)
        while recent and recent[0] <= one.at - limits.window:
            recent.popleft()
        groups = [(one.application_id, group) for group in one.groups]
        has_room = (
            len(recent) < allowed(limits.in_window, active)
            and stopped < allowed(limits.in_all, active)
            and all(of_group[group] < allowed(limits.in_group, active_of.get(group, 0)) for group in groups)
        )
        if not has_room:
            held.append(one)
            continue
        recent.append(one.at)
        stopped += 1
        of_group.update(groups)
    return GuardForeseen(len(seen), held)


def open_points(facts: Facts, guard: GuardForeseen, now: float) -> Sequence[OpenPoint]:
    """Return what should be settled first, the most important first; nothing where all is ready."""
    found: list[OpenPoint] = []
    name = facts.application_id
    if not facts.is_set_up:
        what = f"Nothing is set up on the platform for {name}: a stop would stop nobody."
        found.append(OpenPoint("not_set_up", what, "breaker setup"))
    if facts.blind_since is not None:
        what = f"The feed of {name} is not to be trusted: deliveries stay away, or bounces are everywhere."
        found.append(OpenPoint("blind", what, "breaker doctor"))
    if facts.history_from is None or now - facts.history_from < ENOUGH_HISTORY:
        days = 0.0 if facts.history_from is None else (now - facts.history_from) / DAY
        what = f"The sends of {days:.1f} days are known of {name}; 7 days show a working week."
        found.append(OpenPoint("short_history", what, f"breaker backfill --since 90d --application {name}"))
    if facts.comparison is None:
        what = f"Our counts of {name} were not compared with the platform's: {facts.not_compared}."
        found.append(OpenPoint("not_compared", what, "breaker doctor"))
    elif not facts.comparison.agrees:
        ratio = facts.comparison.difference_ratio or 0.0
        what = f"Our counts of {name} and the platform's differ by {100 * ratio:.1f} %: notifications may be lost."
        days = int((now - facts.comparison.first_day * DAY) // DAY) + 1
        next_ = f"breaker backfill --since {days}d --again --application {name}"
        found.append(OpenPoint("counts_differ", what, next_))
    if facts.undecoded:
        what = f"{facts.undecoded:,} notifications of {name} were not understood and are kept."
        found.append(OpenPoint("undecoded", what, f"breaker backfill --undecoded --application {name}"))
    held = [one for one in guard.held if one.application_id == name]
    if held:
        what = f"The fleet guard would have held {len(held):,} of {guard.stops:,} stops: is there one cause?"
        found.append(OpenPoint("guard_would_hold", what, f"breaker explain {held[0].address or held[0].account}"))
    if facts.on_hold:
        what = "A person put automatic changes on hold."
        found.append(OpenPoint("on_hold", what, 'breaker hold off --reason "…"'))
    return found
