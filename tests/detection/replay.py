"""Traces replayed through the detectors, beside the platform's own line, with what `breaker backtest` does it by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.domain.backtest.account import KeptSends
from breaker.domain.backtest.line import PlatformLine
from breaker.domain.circuits.states import SEVERITY, State
from breaker.domain.detectors.detectors import Signal
from breaker.domain.outcomes.outcomes import Counting
from breaker.domain.windows.counters import Counters, WindowSizes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breaker.domain.outcomes.outcomes import Tally
    from breaker.domain.profiles.profile import Profile
    from tests.detection.traces import Event

COUNTING = Counting()
SIZES = WindowSizes()
_LAST = (1 << 64) - 1


class Counted:
    """An account's counters, with the sends that they are recounted from, and the platform's line."""

    def __init__(self, signal: Signal) -> None:
        self.counters = Counters(SIZES)
        self._kept = KeptSends(SIZES)
        bounces = signal is Signal.BOUNCE
        self._line = PlatformLine(
            signal,
            SIZES.bounce if bounces else SIZES.complaint,
            self._kept.bounces if bounces else self._kept.complaints,
        )

    @property
    def known(self) -> int:
        """How many sends have a known outcome."""
        return self._kept.sends

    @property
    def lines(self) -> dict[int, int]:
        """After how many of them the platform's line was reached, by R."""
        return {size: one.after_sends for size, one in self._line.reached.items()}

    def take(self, event: Event) -> Tally:
        """Count an outcome."""
        at, send, sent_at, before, after = event
        change = self.counters.record(sent_at, before, after, COUNTING)
        self._kept.place(_LAST - send, sent_at, change)  # sends of one second stand in the order of their numbers
        if self.counters.crowded:
            self.counters.recount_from(self._kept.bounces, self._kept.complaints, self._kept.feedback)
        bad = change.hard_bounces > 0 or change.complaints > 0
        if bad or self.known >= self._line.wakes_at:
            self._line.look(at, self.known, bad=bad)
        return change


@dataclass(slots=True)
class Replay:
    """What happened to an account.

    Attributes:
        known: Sends with a known outcome, at the end.
        steps: After how many known sends each step was asked for first.
        lines: After how many the platform's line was reached, by R.
        detectors: Which detector asked for each step first.
    """

    known: int = 0
    steps: dict[State, int] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)
    detectors: dict[State, str] = field(default_factory=dict)

    def acted(self, weakest: State) -> int | None:
        """Return after how many known sends a step at least so strong was asked for, or None."""
        return min((at for step, at in self.steps.items() if SEVERITY[step] >= SEVERITY[weakest]), default=None)


def replay(trace: Iterable[Event], signal: Signal, profile: Profile, *, until: State) -> Replay:
    """Replay a trace until a step is asked for.

    Args:
        trace: The outcomes, in the order in which they become known.
        signal: The signal in question.
        profile: The detectors.
        until: The step to end at.
    """
    found = Replay()
    counted = Counted(signal)
    counters = counted.counters
    domains = 0
    for event in trace:
        change = counted.take(event)
        if change.hard_bounces <= 0 and change.complaints <= 0:
            continue
        domains += 1
        for one in profile.sequential:
            counters.evidence[one.memory] = one.observe(
                counters.evidence.get(one.memory, 0), change, f"{domains % 5}.example"
            )
        suspicion = profile.suspect(counters, signal)
        if suspicion is not None and suspicion.step not in found.steps:
            found.steps[suspicion.step] = counted.known
            found.detectors[suspicion.step] = suspicion.detector
            if SEVERITY[suspicion.step] >= SEVERITY[until]:
                break
    found.known, found.lines = counted.known, counted.lines
    return found
