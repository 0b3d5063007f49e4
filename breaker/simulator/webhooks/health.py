"""When a destination is failing and when it has failed (SPEC tag text, SKILL).

Failing: 95 % of the attempts of the last 15 minutes had no 200. Failed: still above that over the 72 hours after it
began to fail. A failed destination gets nothing until it is set active again; what happened meanwhile is never sent.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breaker.simulator.webhooks.destinations import Destination, Destinations

_FAILING_SPAN = 15 * 60
_FAILED_SPAN = 72 * 3600
_SHARE = 0.95


@dataclass(slots=True)
class _Record:
    recent: deque[tuple[float, bool]] = field(default_factory=deque)
    failing_since: float | None = None
    answered: int = 0
    attempts: int = 0


class Health:
    """Watches the answers of destinations and moves their status."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def observe(self, destinations: Destinations, destination: Destination, now: float, *, answered: bool) -> None:
        """Take one attempt into account: `answered` says whether it was answered with 200."""
        record = self._records.setdefault(destination.id, _Record())
        record.recent.append((now, answered))
        while record.recent[0][0] < now - _FAILING_SPAN:
            record.recent.popleft()
        if destination.status == "active":
            if now - record.recent[0][0] >= _FAILING_SPAN * _SHARE and _fails(record.recent):
                record.failing_since, record.answered, record.attempts = now, 0, 0
                destinations.set_status(destination, "failing")
        elif destination.status == "failing" and record.failing_since is not None:
            record.attempts += 1
            record.answered += answered
            if not _fails(record.recent):
                record.failing_since = None
                destinations.set_status(destination, "active")
            elif now - record.failing_since >= _FAILED_SPAN and record.answered < (1 - _SHARE) * record.attempts:
                destinations.set_status(destination, "failed")

    def forget(self, destination: Destination) -> None:
        """Start anew with a destination that somebody has set active."""
        self._records.pop(destination.id, None)


def _fails(attempts: deque[tuple[float, bool]]) -> bool:
    return sum(not answered for _, answered in attempts) >= _SHARE * len(attempts)
