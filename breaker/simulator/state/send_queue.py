"""The short queue that sends wait in beyond the plan's rate (DOC changelog 2026-10-09; SKILL for the rates)."""

from __future__ import annotations

import math

from breaker.simulator.errors import ApiError

#: Real sends wait at most so many seconds; beyond that the queue is full.
LONGEST_WAIT = 90.0


class SendQueue:
    """Lets so many sends of an application leave in a second, pooled over all its accounts.

    Args:
        per_second: How many.
    """

    def __init__(self, per_second: int) -> None:
        self._spacing = 1.0 / per_second
        self._next = 0.0

    def departure(self, now: float) -> float:
        """Take a place in the queue and return when the send leaves (Unix seconds): `now` while the rate allows.

        Raises:
            ApiError: 429 with `Retry-After`, if the queue is full.
        """
        departs_at = max(now, self._next - (1.0 - self._spacing))
        if departs_at - now > LONGEST_WAIT:
            wait = math.ceil(departs_at - now - LONGEST_WAIT)
            raise ApiError(429, "rate_limit_error", "rate limit exceeded", headers={"Retry-After": str(wait)})
        self._next = max(self._next, now) + self._spacing
        return departs_at
