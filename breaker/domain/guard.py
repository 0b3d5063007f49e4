"""How many automatic stops the fleet guard lets through: a wrong threshold or a broken feed must not stop everybody."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How many automatic stops are allowed: the larger of a number and a share of the active accounts.

    Args:
        window: Seconds that the first limit looks back over.
        in_window: `(number, share)` of the fleet within that time.
        in_all: `(number, share)` of the fleet that may stand stopped.
        in_group: `(number, share)` of one domain or workspace that may stand stopped.
    """

    window: float = 600.0
    in_window: tuple[int, float] = (5, 0.01)
    in_all: tuple[int, float] = (5, 0.05)
    in_group: tuple[int, float] = (3, 0.25)


def allowed(limit: tuple[int, float], active: int) -> int:
    """Return how many stops a limit allows.

    Args:
        limit: A number, and a share of the active accounts.
        active: The active accounts.
    """
    number, share = limit
    return max(number, int(share * active))
