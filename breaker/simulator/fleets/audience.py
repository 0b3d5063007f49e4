"""Who an agent writes to: recipients' domains in realistic shares, and how many of the addresses are good."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from breaker.simulator.mail.domains import draw_domain
from breaker.simulator.mail.fates import Fate

if TYPE_CHECKING:
    import random

_NAMES = ("anna", "ben", "carla", "david", "elif", "farid", "grace", "hugo", "ines", "jonas", "kira", "liam")


@dataclass(frozen=True, slots=True)
class Audience:
    """The shares of recipients with a fate of their own, as fractions; all others are delivered.

    Attributes:
        gone: Addresses that do not exist.
        late: Addresses that do not exist, on servers that say so only later.
        full: Mailboxes that are full.
        overfull: Mailboxes that are full at first.
        slow: Servers that greylist.
        unwanted: Servers that refuse the content.
        angry: Recipients who mark the message as spam.
        mistaken: Recipients whose feedback loop reports it as not spam.
        virus: Messages that the platform rejects.
        lost: Messages of which nothing is ever heard.
    """

    gone: float = 0.006
    late: float = 0.0005
    full: float = 0.004
    overfull: float = 0.0005
    slow: float = 0.03
    unwanted: float = 0.001
    angry: float = 0.0002
    mistaken: float = 0.0001
    virus: float = 0.0001
    lost: float = 0.001

    def draw(self, source: random.Random) -> str:
        """Return a recipient."""
        chance = source.random()
        for limit, fate in _limits(self):
            if chance < limit:
                return f"{fate}.{source.getrandbits(40):010x}@{draw_domain(source)}"
        return f"{source.choice(_NAMES)}.{source.getrandbits(40):010x}@{draw_domain(source)}"


@lru_cache(maxsize=256)
def _limits(audience: Audience) -> tuple[tuple[float, str], ...]:
    """Return the fates with the upper limits of the chances that they have."""
    names = [one.name for one in fields(audience)]
    shares = accumulate(getattr(audience, name) for name in names)
    return tuple(zip(shares, (Fate(name).value for name in names), strict=True))
