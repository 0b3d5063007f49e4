"""How many sends a Bernoulli CUSUM takes to reach a height, on average, and exactly.

The score goes down by single steps only. So whatever it does from a score `s`, it comes by `s - 1` before anything
lower: either it reaches the height first, or it falls to `s - 1`. The chance and the duration of that depend on nothing
but the distance from the height, and follow from those of the smaller distances, since a bad outcome lifts the score by
`m - 1`, from where it has to come down through each score between. One pass over the distances solves the system of
linear equations for the expected duration, for every height up to the greatest, and does so by adding and multiplying
positive numbers alone, which keeps all digits also where the answer has ten of them.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf


def sends_to_height(m: int, h: int, rate: float) -> float:
    """Return the sends that a Bernoulli CUSUM takes from a score of 0 to a height, on average (its ANOS).

    Args:
        m: What a bad outcome weighs, in good ones, at least 2.
        h: The height, at least 1.
        rate: The rate of bad outcomes, a fraction; each independent of the others.

    Returns:
        The average, infinite at a rate of 0.
    """
    return sends_to_heights(m, h, rate)[h]


@lru_cache(maxsize=128)
def sends_to_heights(m: int, greatest: int, rate: float) -> tuple[float, ...]:
    """Return the same for every height from 0 to the greatest."""
    if rate <= 0:
        return (0.0, *(inf,) * greatest)
    if rate >= 1:
        return tuple(float(-(-h // (m - 1))) for h in range(greatest + 1))
    good = 1 - rate
    found = [0.0, *(1 / rate for _ in range(1, min(m, greatest + 1)))]
    # Three numbers tell of the way from some distance to the next greater one, or over several: the probability to
    # reach the height on it, the probability not to, and the sends until either. The last m - 1 distances are a queue
    # in two halves: of the nearer one, each is kept with all behind it; of the farther one, which grows, each alone,
    # and all together. So nothing has ever to be taken out of a sum or a product again.
    nearer: list[tuple[float, float, float]] = []
    farther = [(rate, good, 1.0)] * min(m - 1, greatest)
    reaches, falls, sends = _kept_with_all_behind(farther)[-1]
    for _ in range(m, greatest + 1):
        if nearer:
            first_reaches, first_falls, first_sends = nearer[-1]
            back_reaches, back_sends = first_reaches + first_falls * reaches, first_sends + first_falls * sends
        else:
            back_reaches, back_sends = reaches, sends
        found.append((1 + rate * back_sends) / (rate * back_reaches))
        leaves = good + rate * back_reaches
        step = rate * back_reaches / leaves, good / leaves, (1 + rate * back_sends) / leaves
        farther.append(step)
        reaches, falls, sends = reaches + falls * step[0], falls * step[1], sends + falls * step[2]
        if not nearer:
            nearer = _kept_with_all_behind(farther)
            farther, reaches, falls, sends = [], 0.0, 1.0, 0.0
        nearer.pop()
    return tuple(found)


def _kept_with_all_behind(steps: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    kept = []
    reaches, falls, sends = 0.0, 1.0, 0.0
    for step_reaches, step_falls, step_sends in reversed(steps):
        reaches, falls, sends = (
            step_reaches + step_falls * reaches,
            step_falls * falls,
            step_sends + step_falls * sends,
        )
        kept.append((reaches, falls, sends))
    return kept
