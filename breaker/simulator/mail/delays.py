"""How long after the sending an outcome becomes known, in seconds.

Assumptions, of the right order: a refusal comes with the SMTP dialogue, a greylisted message with the next try, a full
mailbox when the transport gives up after hours, a complaint when the recipient opens the mailbox, hours to days later.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

HOUR = 3600.0
DAY = 24 * HOUR


def at_once(source: random.Random) -> float:
    """Within the SMTP dialogue: a median of 4 seconds, rarely minutes."""
    return min(source.lognormvariate(math.log(4.0), 0.9), 15 * 60.0)


def after_greylisting(source: random.Random) -> float:
    """At the next try, 5 to 40 minutes later."""
    return source.uniform(5 * 60.0, 40 * 60.0)


def after_giving_up(source: random.Random) -> float:
    """When the transport gives up on a full mailbox: 1 to 12 hours."""
    return source.uniform(1 * HOUR, 12 * HOUR)


def returned(source: random.Random) -> float:
    """When a server returns what it had taken: minutes to a few hours."""
    return min(source.lognormvariate(math.log(30 * 60.0), 1.0), 1 * DAY)


def until_complaint(source: random.Random) -> float:
    """When a recipient complains: a median of 7 hours, up to 6 days."""
    return min(source.lognormvariate(math.log(7 * HOUR), 1.3), 6 * DAY)
