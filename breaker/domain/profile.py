"""Which detectors apply to an account, and with what thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
            "detectors": [{"detector": one.name, "signal": one.signal, **_parameters(one)} for one in self.detectors],
        }


def standard_profile(level: float, minimum_sends: int, minimum_bad: int) -> Profile:
    """Return the profile that stops at a level of bounces and warns at a level of complaints.

    Complaints are rare and come late, so a level of them alone is no reason to stop anybody.

    Args:
        level: The share of the platform's line from which on an account is suspected, such as 0.8.
        minimum_sends: Sends that a window must hold.
        minimum_bad: Bad outcomes that it must hold.
    """
    return Profile(
        "standard",
        (
            Level(Signal.BOUNCE, State.STOPPED, level * PLATFORM_LINES[Signal.BOUNCE], minimum_sends, minimum_bad),
            Level(Signal.COMPLAINT, State.WARNED, level * PLATFORM_LINES[Signal.COMPLAINT], minimum_sends, minimum_bad),
        ),
    )


def _parameters(detector: Detector) -> dict[str, object]:
    names = getattr(type(detector), "__dataclass_fields__", {})
    return {name: getattr(detector, name) for name in names if name not in {"name", "signal"}}
