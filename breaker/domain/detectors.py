"""What raises suspicion from the outcomes of an account.

A detector looks at an account's counters when a bad outcome was just counted, and either suspects something or not. A
sequential detector also keeps one integer of evidence, which it carries on with everything that is counted. Nothing
here knows states, modes or people: what is done about a suspicion is `breaker.domain.circuit`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.domain.counters import Counters
    from breaker.domain.outcomes import Tally
    from breaker.domain.states import State
    from breaker.domain.windows import WindowCount


class Signal(StrEnum):
    """The two rates that the platform judges."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"


PLATFORM_LINES: Mapping[Signal, float] = {Signal.BOUNCE: 0.05, Signal.COMPLAINT: 0.001}
"""Where the platform puts an account under review (https://developer.nylas.com/docs/v3/agent-accounts/send-limits/)."""

PLATFORM_PAUSES: Mapping[Signal, float] = {Signal.BOUNCE: 0.10, Signal.COMPLAINT: 0.005}
"""Where it pauses the account's sends until its support lifts the pause (same page)."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a detector has to say.

    Args:
        detector: Its name.
        signal: The rate in question.
        step: The state that it asks for.
        window: The R of the window judged, in sends, or None where it judges none.
        count: Bad outcomes it counted.
        of: Sends it counted them over.
        threshold: The rate, a fraction, that was reached.
    """

    detector: str
    signal: Signal
    step: State
    window: int | None
    count: int
    of: int
    threshold: float

    @property
    def rate(self) -> float:
        """The rate, a fraction."""
        return self.count / self.of


class Detector(Protocol):
    """What every detector is."""

    @property
    def name(self) -> str:
        """Its name in verdicts, metrics and the configuration; at most 15 ASCII characters."""
        ...

    @property
    def signal(self) -> Signal:
        """The rate that it watches."""
        ...

    def suspect(self, counters: Counters) -> Suspicion | None:
        """Return what is suspected now that a bad outcome was counted, or None."""
        ...

    def describe(self) -> Mapping[str, object]:
        """Return its parameters, as they are stored with every verdict that it leads to."""
        ...


@runtime_checkable
class SequentialDetector(Detector, Protocol):
    """A detector with a memory of its own: one integer of at most 63 bits in `Counters.evidence`."""

    @property
    def memory(self) -> str:
        """The name that its evidence is kept under, its alone in a profile; at most 15 ASCII characters."""
        ...

    def observe(self, evidence: int, added: Tally, recipient_domain: str) -> int:
        """Return the evidence after one more outcome.

        Args:
            evidence: What it was.
            added: What the outcome added to the counts.
            recipient_domain: The domain of the recipient, or empty.
        """
        ...


_AS_GOOD_AS = 1 - 1e-9
"""Thresholds are products such as 0.8 x 0.05, which binary makes a little more than the 4 % that are meant."""


@dataclass(frozen=True, slots=True)
class Level:
    """A rate over the worst of the windows.

    Slow, and blind to an account's history, but it catches any creep up to the platform's line: it takes for the
    platform's R whichever of the assumed ones looks worst.

    Args:
        signal: The rate that it watches.
        step: The state that it asks for.
        threshold: The rate, a fraction, from which it suspects.
        minimum_sends: Sends that a window must hold before its rate means anything.
        minimum_bad: Bad outcomes that it must hold: a handful of failures is no rate.
    """

    signal: Signal
    step: State
    threshold: float
    minimum_sends: int = 100
    minimum_bad: int = 10
    name: str = "level"

    def suspect(self, counters: Counters) -> Suspicion | None:
        """Return a suspicion where the worst window's rate reached the threshold."""
        if not self._can_reach(counters):
            return None
        worst: WindowCount | None = None
        for window in windows_of(counters, self.signal):
            enough = window.total >= self.minimum_sends and window.bad >= self.minimum_bad
            if enough and (worst is None or window.bad * worst.total > worst.bad * window.total):
                worst = window
        if worst is None or worst.bad < self.threshold * worst.total * _AS_GOOD_AS:
            return None
        return Suspicion(self.name, self.signal, self.step, worst.size, worst.bad, worst.total, self.threshold)

    def describe(self) -> Mapping[str, object]:
        """Return its parameters, as they are stored with a verdict."""
        return {
            "step": str(self.step),
            "threshold": self.threshold,
            "minimum_sends": self.minimum_sends,
            "minimum_bad": self.minimum_bad,
        }

    def _can_reach(self, counters: Counters) -> bool:
        """Tell cheaply that the totals since the reset are too small for any window to suspect."""
        totals = counters.totals
        if self.signal is Signal.BOUNCE:
            return totals.hard_bounces >= self.minimum_bad and totals.sends >= self.minimum_sends
        return totals.complaints >= self.minimum_bad and totals.delivered >= self.minimum_sends


def windows_of(counters: Counters, signal: Signal) -> tuple[WindowCount, ...]:
    """Return the windows that a signal is judged by.

    Complaints have two denominators: all delivered sends, and those to domains that send feedback. The second is judged
    on a full window only, since a handful of such deliveries makes no rate.
    """
    if signal is Signal.BOUNCE:
        return counters.bounces.windows()
    full = tuple(window for window in counters.feedback.windows() if window.total >= 0.99 * window.size)
    return counters.complaints.windows() + full
