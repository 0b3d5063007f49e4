"""When a rate that is what it is carries an account over the platform's line, whoever watches.

These are the limits of what any detector can do: a window of R at a healthy rate touches the line now and then, and
after a change only so many sends are left.
"""

from __future__ import annotations

from math import ceil, exp, inf, lgamma, log, log1p

from breaker.domain.statistics.beta import at_least

_CLOSE = 0.9


def touches(line: float, representative_volume: int, rate: float) -> float:
    """Return the probability that the bad outcomes of one window reach the line.

    Args:
        line: The platform's line, a fraction.
        representative_volume: The window's R, in sends.
        rate: The account's true rate, a fraction.
    """
    return at_least(ceil(line * representative_volume - 1e-9), representative_volume, rate)


def sends_until(line: float, representative_volume: int, before: float, after: float) -> float:
    """Return after how many sends a full window's rate is at the line, where every send bears its share.

    Args:
        line: The platform's line, a fraction.
        representative_volume: The window's R, in sends.
        before: The rate until now, a fraction below the line.
        after: The rate from now on, a fraction.

    Returns:
        The sends, infinite where the new rate never reaches the line.
    """
    return representative_volume * (line - before) / (after - before) if after > line else inf


def sends_until_crowded(bad: int, representative_volume: int, rate: float) -> float:
    """Return after how many sends, on average, some window of R holds so many bad ones for the first time, about.

    A window gets so many when a bad one comes to one fewer; such moments come in clumps, of which the first one counts
    (the clumping heuristic for scan statistics; Aldous, "Probability approximations via the Poisson clumping
    heuristic", 1989). Good to some percent where it takes twenty windows or more, which is where it is asked.

    Args:
        bad: The bad outcomes in question.
        representative_volume: The window's R, in sends.
        rate: The account's true rate, a fraction.

    Returns:
        The sends; `representative_volume` where the windows' mean comes near already.
    """
    others = representative_volume - 1
    mean = others * rate
    if mean >= _CLOSE * bad:
        return float(representative_volume)
    one_fewer = exp(
        lgamma(others + 1)
        - lgamma(bad)
        - lgamma(others - bad + 2)
        + (bad - 1) * log(rate)
        + (others - bad + 1) * log1p(-rate)
    )
    return max(float(representative_volume), 1 / (rate * one_fewer * (1 - mean / bad)))
