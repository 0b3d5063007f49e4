"""How many sends a Bernoulli CUSUM takes to reach a height, on average, and exactly.

The score goes down by single steps only. So whatever it does from a score `s`, it comes by `s - 1` before anything
lower: either it reaches the height first, or it falls to `s - 1`. The chance and the duration of that follow from the
same two numbers of the scores above, since a bad outcome lifts the score to `s + m - 1`, from where it has to come down
through each score between. Taken from the top down, this solves the system of linear equations for the expected
duration in as many steps as there are scores, and by adding and multiplying positive numbers alone, which keeps all
digits also where the answer has ten of them.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf
from typing import NamedTuple


class _Descent(NamedTuple):
    """What becomes of the score on its way from the highest of some neighbouring scores to below the lowest.

    Attributes:
        reaches: The probability that it reaches the height before it is below the lowest.
        falls: The probability that it does not; kept beside the other because each can be tiny.
        sends: The sends, on average, until either.
    """

    reaches: float
    falls: float
    sends: float

    def then(self, lower: _Descent) -> _Descent:
        """Return the descent through these scores and then through the next lower ones."""
        return _Descent(
            self.reaches + self.falls * lower.reaches,
            self.falls * lower.falls,
            self.sends + self.falls * lower.sends,
        )


_NOWHERE = _Descent(0.0, 1.0, 0.0)


class _Descents:
    """The descent through a run of neighbouring scores that grows below and shrinks above, without a division.

    The upper part keeps the descent from each of its scores to its lower end; the lower part, the descent through all
    of it. When the upper one is used up, the lower takes its place, so that each score is touched twice in all.
    """

    __slots__ = ("_lower", "_through_lower", "_upper")

    def __init__(self) -> None:
        self._upper: list[_Descent] = []
        self._lower: list[_Descent] = []
        self._through_lower = _NOWHERE

    def through(self) -> _Descent:
        return self._upper[-1].then(self._through_lower) if self._upper else self._through_lower

    def add_below(self, one: _Descent) -> None:
        self._lower.append(one)
        self._through_lower = self._through_lower.then(one)

    def drop_above(self) -> None:
        if not self._upper:
            through = _NOWHERE
            while self._lower:
                through = self._lower.pop().then(through)
                self._upper.append(through)
            self._through_lower = _NOWHERE
        self._upper.pop()


@lru_cache(maxsize=4096)
def sends_to_height(m: int, h: int, rate: float) -> float:
    """Return the sends that a Bernoulli CUSUM takes from a score of 0 to a height, on average (its ANOS).

    Args:
        m: What a bad outcome weighs, in good ones, at least 2.
        h: The height, at least 1.
        rate: The rate of bad outcomes, a fraction; each independent of the others.

    Returns:
        The average, infinite at a rate of 0.
    """
    if rate <= 0:
        return inf
    good = 1 - rate
    if good <= 0:
        return -(-h // (m - 1))
    above = _Descents()
    for score in range(h - 1, 0, -1):
        lifted = score + m - 1
        if lifted >= h:
            descent = _Descent(rate, good, 1.0)
        else:
            back = above.through()
            leaves = good + rate * back.reaches
            descent = _Descent(rate * back.reaches / leaves, good / leaves, (1 + rate * back.sends) / leaves)
            above.drop_above()
        above.add_below(descent)
    if m > h:
        return 1 / rate
    back = above.through()
    return (1 + rate * back.sends) / (rate * back.reaches)
