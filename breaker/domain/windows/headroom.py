"""How far an account is from the platform's line.

Headroom is the number of further bad outcomes, and of further sends at the present rate, until a signal reaches the
line for the worst of the assumed R. A window that is not full is judged as it is, but never as if it held fewer sends
than the platform itself asks for before it assesses anything (`min_assess_volume` of its send metrics,
https://developer.nylas.com/docs/reference/api/send-events/).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import ceil, inf
from typing import TYPE_CHECKING

from breaker.domain.detectors.detectors import PLATFORM_LINES, Signal, windows_of

if TYPE_CHECKING:
    from breaker.domain.windows.counters import Counters
    from breaker.domain.windows.windows import WindowCount

ENOUGH_SENDS = 100
"""Sends from which on a rate is a rate; below, there is not enough data and a rate is None, never 0 %."""

RECENT_SENDS = 200
"""Sends whose rate is called the present one."""


@dataclass(frozen=True, slots=True)
class Headroom:
    """What is left until the platform's line.

    Args:
        bad_outcomes: How many more bad outcomes in a row reach it; 0 where it is reached.
        sends: How many more sends at the present rate reach it, or None where they never do.
        window: The R that this holds for, in sends: the worst.
    """

    bad_outcomes: int
    sends: int | None
    window: int


def rate(bad: int, total: int, enough: int = ENOUGH_SENDS) -> float | None:
    """Return a rate as a fraction, or None where there is not enough data for one."""
    return bad / total if total >= max(1, enough) else None


def headroom(counters: Counters, signal: Signal) -> Headroom:
    """Return how far a signal is from the platform's line, for the worst window."""
    line = PLATFORM_LINES[signal]
    recent = (counters.bounces if signal is Signal.BOUNCE else counters.complaints).window(RECENT_SENDS)
    present = rate(recent.bad, recent.total) or 0.0
    return min(
        (
            Headroom(_bad_outcomes_until(window, line), _sends_until(window, line, present), window.size)
            for window in windows_of(counters, signal)
        ),
        key=lambda one: (one.bad_outcomes, inf if one.sends is None else one.sends, one.window),
    )


def _bad_outcomes_until(window: WindowCount, line: float) -> int:
    """Return the smallest k with (bad + k) / (total + k) at the line; a full window loses a good send for each."""
    size, bad, total = window

    def reached(further: int) -> bool:
        return bad + further >= line * min(size, max(total + further, ENOUGH_SENDS))

    return bisect_left(range(size + 1), x=True, key=reached)


def _sends_until(window: WindowCount, line: float, present: float) -> int | None:
    """Return after how many sends at the present rate the line is reached, or None where it never is.

    A window that is not full grows; a full one exchanges its old rate for the present one
    (n = R (line - old) / (present - old)).
    """
    size, bad, total = window
    missing = line * max(total, ENOUGH_SENDS) - bad
    if missing <= 0:
        return 0
    if present <= line:
        return None
    if total < size:
        filling = ceil(missing / (present - line))
        if total + filling <= size:
            return filling
    old = bad / total if total else 0.0
    return ceil(size * (line - old) / (present - old)) if present > old else None
