"""What shows whether a stop holds: sends that the platform refused, and sends that left all the same.

A stop is confirmed when the platform was read back, which says what its lists hold and not what it does. A send that it
refused shows that it does; one that left later shows that it doesn't. Mail that the platform had taken before, and that
lay in its queue, is neither: it is left out by its time of sending.
"""

from __future__ import annotations

from dataclasses import dataclass

from breaker.domain.probes.probe import QUEUE


@dataclass(frozen=True, slots=True)
class StopEvidence:
    """What is known of a stop that the platform was read back for.

    Args:
        confirmed_at: Since when it is, Unix seconds.
        refused_at: When the platform last refused a send of the account since it was decided, as far as was read; or
            None.
        leaked: Sends that left later than mail from its queue could have.
        leaked_at: When the last of them was sent, or None.
    """

    confirmed_at: float
    refused_at: float | None
    leaked: int
    leaked_at: float | None


def has_leaked(sent_at: float, confirmed_at: float) -> bool:
    """Tell whether a send left although it should have been refused.

    Args:
        sent_at: When it was sent, Unix seconds.
        confirmed_at: Since when the platform is read back as refusing the account's mail.
    """
    return sent_at > confirmed_at + QUEUE
