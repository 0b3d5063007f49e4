"""Traces replayed through the detectors, beside the platform's own line, counted by brute force."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.domain.counters import Counters, WindowSizes
from breaker.domain.detectors import PLATFORM_LINES, Signal
from breaker.domain.outcomes import Counting
from breaker.domain.states import SEVERITY, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from breaker.domain.profile import Profile
    from tests.detection.traces import Event

COUNTING = Counting()
SIZES = WindowSizes()
_READ = 11_000
JUDGED_FROM = 1_000
"""Known sends from which on the platform's line for bounces is looked at; for complaints the window has to be full."""


class Book:
    """The platform's count over the last R sends, exact to the send."""

    def __init__(self, signal: Signal, size: int, sends: int) -> None:
        self._line = PLATFORM_LINES[signal]
        self._size = size
        self._enough = size if signal is Signal.COMPLAINT else min(size, JUDGED_FROM)
        self._known = bytearray(sends)
        self._bad = bytearray(sends)
        self._edge = 0
        self._total = 0
        self._bads = 0

    def enter(self, send: int, *, new: bool, bad: bool) -> bool:
        """Count an outcome, and tell whether the rate is at the line now."""
        self._known[send] = 1
        if bad:
            self._bad[send] = 1
        if send >= self._edge:
            self._total += new
            self._bads += bad
            while self._total > self._size:
                self._total -= self._known[self._edge]
                self._bads -= self._bad[self._edge]
                self._edge += 1
        return self._total >= self._enough and self._bads >= self._line * self._total - 1e-9


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


def replay(  # noqa: PLR0913 - what is replayed, through what, and until when
    trace: Iterable[Event], signal: Signal, profile: Profile, sends: int, *, until: State, lines: bool = True
) -> Replay:
    """Replay a trace until a step is asked for.

    Args:
        trace: The outcomes, in the order in which they become known.
        signal: The signal in question.
        profile: The detectors.
        sends: How many sends the trace has.
        until: The step to end at.
        lines: Whether to watch the platform's lines.
    """
    found = Replay()
    counters = Counters(SIZES)
    sizes = SIZES.bounce if signal is Signal.BOUNCE else SIZES.complaint
    books = {size: Book(signal, size, sends) for size in sizes} if lines else {}
    domains = 0
    past: list[tuple[int, int]] = []
    for _, send, sent_at, before, after in trace:
        change = counters.record(sent_at, before, after, COUNTING)
        new, bad = not before, bool(change.hard_bounces or change.complaints)
        past.append((sent_at, after))
        if counters.crowded:
            recount(counters, past)
        found.known += new
        for size, book in books.items():
            if book.enter(send, new=new, bad=bad) and size not in found.lines:
                found.lines[size] = found.known
        if not bad:
            continue
        domains += 1
        for one in profile.sequential:
            counters.evidence[one.memory] = one.observe(
                counters.evidence.get(one.memory, 0), change, f"{domains % 5}.example"
            )
        suspicion = profile.suspect(counters, signal)
        if suspicion is not None and suspicion.step not in found.steps:
            found.steps[suspicion.step] = found.known
            found.detectors[suspicion.step] = suspicion.detector
            if SEVERITY[suspicion.step] >= SEVERITY[until]:
                break
    return found


def recount(counters: Counters, past: list[tuple[int, int]]) -> None:
    """Build the windows anew, as from the ledger: by the newest sends, in the order of sending."""
    past.sort()
    newest = past[: -_READ - 1 : -1]
    counters.recount(newest, COUNTING, complete=len(newest) == len(past))
    if counters.crowded:
        counters.recount(past[::-1], COUNTING)
