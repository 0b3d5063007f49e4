"""When the nightly drill is due: once a day, at a time that differs a little from night to night and place to place.

All daemons on a database come to the same time, so that whichever looks first begins and the others see it done.
"""

from __future__ import annotations

from hashlib import blake2b
from math import floor

DAY = 86_400.0

LATE = 3_600.0
"""Seconds after its time that a drill is still begun, by a daemon that was not there or had no configuration then."""


def spread_over(application_id: str, day: int) -> float:
    """Return a number from 0 up to 1 that nothing but the application and the day decides."""
    digest = blake2b(f"{application_id} {day}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32


def latest_slot(application_id: str, now: float, at: float, jitter: float) -> float:
    """Return the latest time that a nightly drill was to begin, Unix seconds.

    Args:
        application_id: The application.
        now: Unix seconds.
        at: Seconds after midnight, UTC.
        jitter: Seconds that it may begin later.
    """
    today = floor(now / DAY)
    times = [day * DAY + at + jitter * spread_over(application_id, day) for day in range(today, today - 3, -1)]
    return next(time for time in times if time <= now)


def due(slot: float, last_begun_at: float | None, now: float) -> bool:
    """Tell whether the drill of a slot is to be begun.

    Args:
        slot: When it was to begin.
        last_begun_at: When the last nightly drill was begun, or None.
        now: Unix seconds.
    """
    return (last_begun_at is None or last_begun_at < slot) and now - slot <= LATE
