"""Numbers and moments as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def percent(fraction: float | None) -> str:
    """Return a rate; not enough data is `?`, which is not 0 %."""
    return "?" if fraction is None else f"{100 * fraction:.2f} %"


def share(bad: int, total: int) -> float:
    """Return a quotient that can be compared, also where there is nothing to divide by."""
    return bad / total if total else 0.0


def ago(moment: float | None, now: float) -> str | None:
    """Return how long ago something was, in its largest unit."""
    if not moment:
        return None
    return lasting(max(0.0, now - moment))


def lasting(seconds: float) -> str:
    """Return a duration in its largest unit."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def moment(unix_seconds: float) -> str:
    """Return a moment in UTC."""
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def many(count: int, what: str) -> str:
    """Return a number with its noun, such as `1 account` or `2 accounts`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
