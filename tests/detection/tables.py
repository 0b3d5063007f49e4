"""The cells of the tables: many accounts of one kind, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from statistics import quantiles
from typing import TYPE_CHECKING

from breaker.domain.circuits.states import State
from breaker.domain.detectors.budget import Budget
from breaker.domain.detectors.detectors import Signal
from breaker.domain.profiles.standard import standard_profile
from tests.detection.replay import SIZES, Replay, replay
from tests.detection.traces import Change, events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from breaker.domain.profiles.profile import Profile

VOLUMES = (50, 200, 2_000)
BOUNCE_CHANGES = ((0.01, 0.12), (0.01, 0.30), (0.02, 0.08), (0.01, 0.06))
CREEPING = 600
HEALTHY_SENDS = {Signal.BOUNCE: 2_500, Signal.COMPLAINT: 12_000}
SENDS_AFTER = {Signal.BOUNCE: 4_000, Signal.COMPLAINT: 8_000}
WORKING_DAYS = 5
LEVEL = 0.8


def profile_of(accounts: int, false_stops_per_week: float = 1.0) -> Profile:
    """Return the standard profile of a fleet with the default budget, or with another one for stops."""
    default = Budget(accounts=accounts)
    per_week = {**default.per_week, State.STOPPED: false_stops_per_week}
    return standard_profile(replace(default, per_week=per_week), SIZES, LEVEL)


@dataclass(frozen=True, slots=True)
class Changed:
    """Accounts that went bad.

    Args:
        accounts: How many there were.
        early: How many were acted on before the change.
        before_the_line: Of the others, the share that was acted on no later than the platform's line, by R.
        median: Sends with a known outcome from the change to the step.
        late: The same for the slowest one in twenty.
    """

    accounts: int
    early: int
    before_the_line: dict[int, float]
    median: float
    late: float


def changed(  # noqa: PLR0913 - the coordinates of a cell
    profile: Profile, signal: Signal, change: Change, *, daily: int, accounts: int, step: State, seed: str
) -> Changed:
    """Measure how soon a step is taken after a change.

    Args:
        profile: The detectors.
        signal: The signal in question.
        change: The change.
        daily: Sends on a working day.
        accounts: How many accounts to try.
        step: The weakest step that counts.
        seed: What decides.
    """
    source = Random(f"{seed} {signal} {change} {daily}")
    sends = HEALTHY_SENDS[signal] + SENDS_AFTER[signal]
    found = [replay(events(signal, change, daily, sends, source), signal, profile, until=step) for _ in range(accounts)]
    after = [one for one in found if (one.acted(step) or sends) > change.sends]
    delays = sorted((one.acted(step) or sends) - change.sends for one in after)
    sizes = SIZES.bounce if signal is Signal.BOUNCE else SIZES.complaint
    return Changed(
        accounts,
        accounts - len(after),
        {size: sum(_in_time(one, step, size, sends) for one in after) / len(after) for size in sizes},
        delays[len(delays) // 2],
        quantiles(delays, n=20)[-1] if len(delays) > 1 else delays[0],
    )


def _in_time(one: Replay, step: State, size: int, sends: int) -> bool:
    acted = one.acted(step)
    return acted is not None and acted <= one.lines.get(size, sends)


@dataclass(frozen=True, slots=True)
class Steady:
    """Accounts that stayed healthy.

    Args:
        accounts: How many there were.
        weeks: For how long.
        acted: How many were acted on.
        fleet: How many accounts the thresholds are for.
    """

    accounts: int
    weeks: float
    acted: int
    fleet: int

    @property
    def per_week(self) -> float:
        """How many a week that makes of the whole fleet."""
        return self.acted / self.accounts / self.weeks * self.fleet

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that, by Poisson's distribution (Garwood, by Wilson and Hilferty's approximation)."""
        scale = self.fleet / self.accounts / self.weeks
        low = 0.0 if not self.acted else self.acted * (1 - 1 / (9 * self.acted) - 1.96 / 3 / self.acted**0.5) ** 3
        up = self.acted + 1
        return scale * low, scale * up * (1 - 1 / (9 * up) + 1.96 / 3 / up**0.5) ** 3


def steady(  # noqa: PLR0913 - the coordinates of a cell
    profile: Profile, signal: Signal, rate: float, *, daily: int, accounts: int, weeks: float, step: State, seed: str
) -> Steady:
    """Measure how often a step is taken for nothing.

    Args:
        profile: The detectors.
        signal: The signal in question.
        rate: The rate of bad outcomes, a fraction.
        daily: Sends on a working day.
        accounts: How many accounts to try.
        weeks: For how many weeks each.
        step: The weakest step that counts.
        seed: What decides.
    """
    source = Random(f"{seed} {signal} {rate} {daily}")
    sends = round(daily * WORKING_DAYS * weeks)
    acted = sum(
        replay(
            events(signal, Change(rate, rate, sends), daily, sends, source),
            signal,
            profile,
            until=step,
        ).acted(step)
        is not None
        for _ in range(accounts)
    )
    return Steady(accounts, weeks, acted, profile.budget.accounts)


def bounce_changes() -> Iterator[tuple[Change, int]]:
    """Yield every change of bounces with every volume."""
    for before, after in BOUNCE_CHANGES:
        for creeping in (0, CREEPING):
            for daily in VOLUMES:
                yield Change(before, after, HEALTHY_SENDS[Signal.BOUNCE], creeping), daily


def complaint_change() -> Change:
    """Return the change of complaints."""
    return Change(0.0003, 0.003, HEALTHY_SENDS[Signal.COMPLAINT])
