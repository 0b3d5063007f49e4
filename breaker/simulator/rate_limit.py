"""The platform's request limits: so many in any second."""

from __future__ import annotations

from collections import deque


class RateLimit:
    """Admits at most `limit` requests in any span of one second.

    Args:
        limit: Requests a second.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._admitted: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Count a request at `now` (Unix seconds) and tell whether it is within the limit."""
        while self._admitted and self._admitted[0] <= now - 1.0:
            self._admitted.popleft()
        if len(self._admitted) >= self._limit:
            return False
        self._admitted.append(now)
        return True
