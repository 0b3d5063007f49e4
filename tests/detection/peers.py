"""The rules of others beside ours, on the same traces: how early each is, and how often for nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from breaker.domain.backtest.others import Others
from breaker.domain.backtest.presets import PRESETS
from breaker.domain.circuits.states import SEVERITY, State
from breaker.domain.detectors.detectors import Signal
from tests.detection.replay import SIZES, Counted
from tests.detection.tables import HEALTHY_SENDS, SENDS_AFTER, WORKING_DAYS, complaint_change
from tests.detection.traces import Change, events

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from breaker.domain.profiles.profile import Profile
    from tests.detection.traces import Event

OURS = "breaker"
STEPS = {Signal.BOUNCE: State.STOPPED, Signal.COMPLAINT: State.LIMITED}
"""What counts of ours, by signal: complaints limit, and stop only with strong evidence."""
CHANGES = {Signal.BOUNCE: Change(0.01, 0.12, HEALTHY_SENDS[Signal.BOUNCE]), Signal.COMPLAINT: complaint_change()}
STEADY = {Signal.BOUNCE: 0.02, Signal.COMPLAINT: 0.0003}
_WEEKS = 90 / 7


@dataclass(frozen=True, slots=True)
class Run:
    """What all did to one account.

    Attributes:
        acted: After how many known sends each rule acted first, by its name.
        lines: After how many the platform's line was reached, by R.
    """

    acted: Mapping[str, int]
    lines: Mapping[int, int]


@dataclass(slots=True)
class Cell:
    """What a rule did to many accounts.

    Attributes:
        early: How many it acted on before they changed.
        delays: Of the others that it acted on: sends with a known outcome from the change on.
        missed: How many it never acted on.
        before_the_line: Of those that were not early, how many it acted on no later than the platform's line, by R.
        falsely: Of as many accounts that stay healthy for 90 days, how many it acted on.
    """

    early: int = 0
    delays: list[int] = field(default_factory=list)
    missed: int = 0
    before_the_line: dict[int, int] = field(default_factory=dict)
    falsely: int = 0

    @property
    def median(self) -> float | None:
        """The median delay of all that were not early; None where it is never."""
        found = sorted(self.delays)
        middle = (len(found) + self.missed) // 2
        return found[middle] if middle < len(found) else None


def cells(profile: Profile, signal: Signal, daily: int, accounts: int, seed: str) -> dict[str, Cell]:
    """Return what ours and everybody else's rule does at a volume, by name.

    Args:
        profile: Our detectors.
        signal: What changes.
        daily: Sends on a working day.
        accounts: How many accounts to try.
        seed: What decides.
    """
    source = Random(f"{seed} peers {signal} {daily}")
    change, sends = CHANGES[signal], HEALTHY_SENDS[signal] + SENDS_AFTER[signal]
    found = {name: Cell() for name in (OURS, *(preset.name for preset in PRESETS))}
    for _ in range(accounts):
        run = _run(events(signal, change, daily, sends, source), signal, profile)
        for name, cell in found.items():
            _enter(cell, run.acted.get(name), run.lines, change.sends, sends)
    healthy, rate = round(daily * WORKING_DAYS * _WEEKS), STEADY[signal]
    for _ in range(accounts):
        run = _run(events(signal, Change(rate, rate, healthy), daily, healthy, source), signal, profile)
        for name in run.acted:
            found[name].falsely += 1
    return found


def _enter(cell: Cell, acted: int | None, lines: Mapping[int, int], changes: int, sends: int) -> None:
    if acted is not None and acted <= changes:
        cell.early += 1
        return
    if acted is None:
        cell.missed += 1
    else:
        cell.delays.append(acted - changes)
    for size, after in lines.items():
        cell.before_the_line[size] = cell.before_the_line.get(size, 0) + (acted is not None and acted <= after)
    for size in {*SIZES.bounce, *SIZES.complaint} - lines.keys():  # the line was never reached: acting is in time
        cell.before_the_line[size] = cell.before_the_line.get(size, 0) + (acted is not None and acted <= sends)


def _run(trace: Iterable[Event], signal: Signal, profile: Profile) -> Run:
    counted, others = Counted(signal), Others(PRESETS)
    acted: dict[str, int] = {}
    domains, now = 0, 0.0
    for event in trace:
        now = event.at
        change = counted.take(event)
        others.take(event.at, event.sent_at, change)
        if OURS in acted or (change.hard_bounces <= 0 and change.complaints <= 0):
            continue
        domains += 1
        counters = counted.counters
        for one in profile.sequential:
            counters.evidence[one.memory] = one.observe(
                counters.evidence.get(one.memory, 0), change, f"{domains % 5}.example"
            )
        suspicion = profile.suspect(counters, signal)
        if suspicion is not None and SEVERITY[suspicion.step] >= SEVERITY[STEPS[signal]]:
            acted[OURS] = counted.known
    others.end(now)
    acted |= {watch.preset.name: watch.fired.after_sends for watch in others.watches if watch.fired is not None}
    return Run(acted, counted.lines)
