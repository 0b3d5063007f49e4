"""Which detectors apply to an account, and with what thresholds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from breaker.domain.circuits.states import SEVERITY, State
from breaker.domain.detectors.detectors import Detector, SequentialDetector, Signal
from breaker.domain.detectors.leading import Leading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.domain.detectors.budget import Budget
    from breaker.domain.detectors.detectors import Suspicion
    from breaker.domain.windows.counters import Counters


@dataclass(frozen=True, slots=True)
class Profile:
    """The set of detectors of an account.

    Args:
        name: Its name in the configuration and in verdicts.
        budget: What the detectors' thresholds follow from.
        detectors: What is asked after every bad outcome; the strongest step that any of them asks for is taken.
        strongest: The strongest step that a signal leads to, whatever a detector asks for, where that is not any.

    Attributes:
        sequential: Those detectors that have a memory: they are fed with every outcome.
    """

    name: str
    budget: Budget
    detectors: tuple[Detector, ...]
    strongest: Mapping[Signal, State] = field(default_factory=dict)
    sequential: tuple[SequentialDetector, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Ask once which detectors have a memory: that is needed for every batch."""
        object.__setattr__(
            self, "sequential", tuple(one for one in self.detectors if isinstance(one, SequentialDetector))
        )

    def suspect(self, counters: Counters, signal: Signal) -> Suspicion | None:
        """Return the strongest suspicion that any detector of a signal has now that a bad outcome of it was counted.

        Signs of complaints to come are looked for at bounces too.
        """
        strongest: Suspicion | None = None
        for one in self.detectors:
            if one.signal is not signal and (strongest or not isinstance(one, Leading)):
                continue
            suspicion = one.suspect(counters)
            if suspicion and (strongest is None or SEVERITY[suspicion.step] > SEVERITY[strongest.step]):
                strongest = suspicion
                if strongest.step is State.STOPPED:  # nothing is stronger
                    break
        return strongest and replace(strongest, step=self.step(strongest.signal, strongest.step))

    def step(self, signal: Signal, asked: State) -> State:
        """Return the step that is taken where a detector of a signal asks for one."""
        return min(asked, self.strongest.get(signal, asked), key=SEVERITY.__getitem__)

    def is_calm(self, counters: Counters) -> bool:
        """Tell whether nothing is left of any suspicion."""
        return all(one.is_calm(counters) for one in self.detectors)

    def describe(self) -> dict[str, object]:
        """Return what the decision follows from, beside the counters, as it is stored with every verdict."""
        return {
            "profile": self.name,
            "budget": self.budget.describe(),
            "strongest": {str(signal): str(step) for signal, step in self.strongest.items()},
            "detectors": [{"detector": one.name, "signal": one.signal, **one.describe()} for one in self.detectors],
        }
