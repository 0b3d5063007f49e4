"""What raises suspicion from the outcomes of an account.

A detector looks at an account's counters when a bad outcome was just counted, and either suspects something or not. A
sequential detector also keeps one integer of evidence, which it carries on with everything that is counted. Nothing
here knows states, modes or people: what is done about a suspicion is `breaker.domain.circuits.circuit`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.domain.circuits.states import State
    from breaker.domain.outcomes.outcomes import Tally
    from breaker.domain.windows.counters import Counters
    from breaker.domain.windows.windows import Series, WindowCount


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
        group: Whose sends these were, in words, where they were not the account's alone.
        besides: What else speaks against the account, in words, where that is needed for the suspicion.
    """

    detector: str
    signal: Signal
    step: State
    window: int | None
    count: int
    of: int
    threshold: float
    group: str = ""
    besides: str = ""

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

    def is_calm(self, counters: Counters) -> bool:
        """Tell whether so little is left of what it might suspect that a warning for it can end.

        That is well below what raises a suspicion, so that an account does not go to and fro between the two.
        """
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


def series_of(counters: Counters, signal: Signal) -> Series:
    """Return all sends that a signal is judged by, in the order in which they were sent."""
    return counters.bounces if signal is Signal.BOUNCE else counters.complaints


def windows_of(counters: Counters, signal: Signal) -> tuple[WindowCount, ...]:
    """Return the windows that a signal is judged by.

    Complaints have two denominators: all delivered sends, and those to domains that send feedback. The second is judged
    on a full window only, since a handful of such deliveries makes no rate.
    """
    if signal is Signal.BOUNCE:
        return counters.bounces.windows()
    full = tuple(window for window in counters.feedback.windows() if window.total >= 0.99 * window.size)
    return counters.complaints.windows() + full
