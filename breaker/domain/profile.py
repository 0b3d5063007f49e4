"""Which detectors apply to an account, and with what thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.cusum import Step, between
from breaker.domain.detectors import PLATFORM_LINES, Detector, Level, SequentialDetector, Signal
from breaker.domain.states import SEVERITY, State

if TYPE_CHECKING:
    from breaker.domain.counters import Counters
    from breaker.domain.detectors import Suspicion


@dataclass(frozen=True, slots=True)
class Profile:
    """The set of detectors of an account.

    Args:
        name: Its name in the configuration and in verdicts.
        detectors: What is asked after every bad outcome; the strongest step that any of them asks for is taken.
    """

    name: str
    detectors: tuple[Detector, ...]

    @property
    def sequential(self) -> tuple[SequentialDetector, ...]:
        """Those detectors that have a memory."""
        return tuple(one for one in self.detectors if isinstance(one, SequentialDetector))

    def suspect(self, counters: Counters, signal: Signal) -> Suspicion | None:
        """Return the strongest suspicion that any detector of a signal has now that a bad outcome of it was counted."""
        suspicions = [one.suspect(counters) for one in self.detectors if one.signal is signal]
        return max((one for one in suspicions if one), key=lambda one: SEVERITY[one.step], default=None)

    def describe(self) -> dict[str, object]:
        """Return the thresholds by detector, as they are stored with every verdict."""
        return {
            "profile": self.name,
            "detectors": [{"detector": one.name, "signal": one.signal, **one.describe()} for one in self.detectors],
        }


def standard_profile(level: float, minimum_sends: int, minimum_bad: int) -> Profile:
    """Return the profile that applies where nothing else is said.

    Bounces stop an account, by a step or by a level. Complaints are rare and come late: they limit it, and stop it only
    on strong evidence of its own, never by one recipient domain alone.

    Args:
        level: The share of the platform's line from which on an account is suspected, such as 0.8.
        minimum_sends: Sends that a window must hold.
        minimum_bad: Bad outcomes that it must hold.
    """
    bounce, complaint = (level * PLATFORM_LINES[signal] for signal in (Signal.BOUNCE, Signal.COMPLAINT))
    return Profile(
        "standard",
        (
            between(Signal.BOUNCE, 0.03, 0.10, (Step(State.STOPPED, 102),)),
            Level(Signal.BOUNCE, State.STOPPED, bounce, minimum_sends, minimum_bad),
            between(
                Signal.COMPLAINT,
                0.0005,
                0.002,
                (Step(State.LIMITED, 2772), Step(State.STOPPED, 3234, minimum_bad=3, minimum_domains=2)),
            ),
            Level(Signal.COMPLAINT, State.WARNED, complaint, minimum_sends, minimum_bad),
        ),
    )
