"""How good a rule was, in the words that alerts are judged by: precision, recall, detection time and reset time.

The words are those of the Site Reliability Workbook, chapter "Alerting on SLOs". An account is *bad* from when on the
truth says so; where no truth is given, where its outcomes reached the platform's own line for any R, and then it is bad
from where that began, as far as the outcomes tell (`breaker.domain.backtest.line.Beginning`).

- *Precision*: the share of the stops that were right: of accounts that were bad by then. Without a truth, every stop of
  an account that reached the line at some time is right.
- *Recall*: the share of the bad accounts that were stopped, those left out that were stopped before they were bad.
- *Detection time*: from when an account was bad until it was stopped, over the right stops: the sends with a known
  outcome that were counted meanwhile, and hours.
- *Before the line*: of the accounts that reached the platform's line for an R, the share stopped no later than that.
- *Reset time*: from when the rate over the window was below the line again, for good, until the rule asked for a stop
  no more; less than 0 where it would let go while the rate is still above. A person or a probe may let go later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.circuits.states import SEVERITY, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from breaker.domain.backtest.account import Replayed

_HOUR = 3_600.0


class Acted(NamedTuple):
    """What a rule did to an account.

    Attributes:
        at: When it stopped it, Unix seconds.
        after_sends: The account's sends with a known outcome by then.
        held_at: When it asked for that last.
    """

    at: float
    after_sends: int
    held_at: float


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a rule was; None where nothing tells.

    Args:
        stopped: Accounts that it stopped.
        right: How many of these were bad by then.
        bad: Accounts that were bad at any time.
        precision: A fraction.
        recall: A fraction.
        median_delay_sends: The detection time in sends.
        median_delay_hours: The same in hours.
        before_the_line: A fraction by R.
        median_reset_hours: The reset time in hours.
    """

    stopped: int = 0
    right: int = 0
    bad: int = 0
    precision: float | None = None
    recall: float | None = None
    median_delay_sends: float | None = None
    median_delay_hours: float | None = None
    before_the_line: Mapping[int, float | None] = field(default_factory=dict)
    median_reset_hours: float | None = None


def breaker(weakest: State) -> Callable[[Replayed], Acted | None]:
    """Return what Breaker did: the first step at least so strong, of the account's own or of its sending domain."""

    def acted(account: Replayed) -> Acted | None:
        own = [(one.at, one.after_sends) for one in account.steps if SEVERITY[one.to] >= SEVERITY[weakest]]
        of_domain = [account.domain_stopped] if account.domain_stopped else []
        first = min([*own, *of_domain], default=None)
        if first is None:
            return None
        held = [at for state, at in account.asked.items() if SEVERITY[state] >= SEVERITY[weakest]]
        return Acted(*first, max(held, default=first[0]))

    return acted


def other(name: str) -> Callable[[Replayed], Acted | None]:
    """Return what the rule of somebody else did."""

    def acted(account: Replayed) -> Acted | None:
        for watch in account.others.watches if account.others else ():
            if watch.preset.name == name and watch.fired is not None:
                return Acted(watch.fired.at, watch.fired.after_sends, watch.held_at)
        return None

    return acted


def quality(
    accounts: Iterable[Replayed], acted: Callable[[Replayed], Acted | None], sizes: Sequence[int], *, truth: bool
) -> Quality:
    """Return how good a rule was.

    Args:
        accounts: All accounts, after the replay.
        acted: What the rule did to each.
        sizes: The R to hold it against.
        truth: Whether it is known from elsewhere which accounts are bad.
    """
    found = [_Case(account, acted(account), truth=truth) for account in accounts]
    stopped = [one for one in found if one.acted]
    right = [one for one in stopped if one.is_right]
    bad = [one for one in found if one.is_bad]
    to_be_found = [one for one in bad if not one.acted or one.is_right]
    resets = [reset for one in stopped if (reset := one.reset) is not None]
    return Quality(
        stopped=len(stopped),
        right=len(right),
        bad=len(bad),
        precision=_share(len(right), len(stopped)),
        recall=_share(len(right), len(to_be_found)),
        median_delay_sends=_median([one.delay[0] for one in right]),
        median_delay_hours=_median([one.delay[1] / _HOUR for one in right]),
        before_the_line={size: _before_the_line(found, size) for size in sizes},
        median_reset_hours=_median([reset / _HOUR for reset in resets]),
    )


class _Case:
    """One account, and what a rule did to it."""

    def __init__(self, account: Replayed, acted: Acted | None, *, truth: bool) -> None:
        self.acted = acted
        self._lines = account.lines
        beginnings = [line.beginning for line in account.lines if line.beginning]
        begun = min(beginnings, default=None)
        self._since, self._before = begun or (inf, 0)
        if truth:
            self._since, self._before = account.turns_bad_at, account.known_before or 0
        self.is_bad = self._since < inf
        self.is_right = acted is not None and self.is_bad and (acted.at >= self._since or not truth)

    @property
    def delay(self) -> tuple[int, float]:
        """Sends and seconds from when it was bad."""
        acted = self.acted
        if acted is None:
            return 0, 0.0
        return max(0, acted.after_sends - self._before), max(0.0, acted.at - self._since)

    @property
    def reset(self) -> float | None:
        """Seconds from when the rate was below the line again until the rule let go; None where it never was."""
        below = [line.below_since for line in self._lines if line.reached]
        if self.acted is None or not below or any(since is None for since in below):
            return None
        return self.acted.held_at - max(since for since in below if since is not None)

    def reached(self, size: int) -> int | None:
        """Return after how many sends the line was reached for an R, or None."""
        return min((line.reached[size].after_sends for line in self._lines if size in line.reached), default=None)


def _before_the_line(cases: Iterable[_Case], size: int) -> float | None:
    found = [(one.acted, after) for one in cases if (after := one.reached(size)) is not None]
    return _share(sum(acted is not None and acted.after_sends <= after for acted, after in found), len(found))


def _share(part: int, of: int) -> float | None:
    return part / of if of else None


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
