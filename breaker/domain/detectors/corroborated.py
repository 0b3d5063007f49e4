"""A suspicion that holds only where several recipient domains say the same."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaker.domain.detectors.detectors import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.domain.detectors.detectors import Detector, Suspicion
    from breaker.domain.outcomes.outcomes import Tally
    from breaker.domain.windows.counters import Counters

# Which domains the last four bad outcomes were at: a hash of 15 bits for each, 0 for none, in an integer of 60 bits.
_REMEMBERED = 4
_BITS = 15
_ONE = (1 << _BITS) - 1
_ALL = (1 << _REMEMBERED * _BITS) - 1


@dataclass(frozen=True, slots=True)
class Corroborated:
    """Another detector, believed only where its bad outcomes are several, and not all at one recipient domain.

    One provider that misreads an account's mail, or one company that is annoyed, is no evidence against the account.

    Args:
        detector: The other one.
        minimum_bad: Bad outcomes that its suspicion must rest on.
        minimum_domains: Recipient domains among the last four bad outcomes, at most four.
    """

    detector: Detector
    minimum_bad: int = 3
    minimum_domains: int = 2

    @property
    def name(self) -> str:
        """The other one's name."""
        return self.detector.name

    @property
    def signal(self) -> Signal:
        """The rate that it watches."""
        return self.detector.signal

    @property
    def memory(self) -> str:
        """The name that its evidence is kept under."""
        return f"{self.signal}-at"

    def observe(self, evidence: int, added: Tally, recipient_domain: str) -> int:
        """Return the evidence after one more outcome."""
        bad = added.hard_bounces if self.signal is Signal.BOUNCE else added.complaints
        if not bad:
            return evidence
        known_as = 1 + zlib.crc32(recipient_domain.encode("utf-8", "surrogatepass")) % _ONE
        return (evidence << _BITS | known_as) & _ALL

    def suspect(self, counters: Counters) -> Suspicion | None:
        """Return the other one's suspicion where it is corroborated, or None."""
        suspicion = self.detector.suspect(counters)
        if suspicion is None or suspicion.count < self.minimum_bad:
            return None
        evidence = counters.evidence.get(self.memory, 0)
        domains = {evidence >> _BITS * place & _ONE for place in range(_REMEMBERED)} - {0}
        return suspicion if len(domains) >= self.minimum_domains else None

    def is_calm(self, counters: Counters) -> bool:
        """Tell whether the other one is calm."""
        return self.detector.is_calm(counters)

    def describe(self) -> Mapping[str, object]:
        """Return its parameters, as they are stored with a verdict."""
        own = {"minimum_bad": self.minimum_bad, "minimum_domains": self.minimum_domains}
        return {**self.detector.describe(), **own}
