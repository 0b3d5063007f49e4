"""What is in store for a message to a recipient. A simulated address tells it by the first word of its local part.

So whoever writes `gone.k7f2@gmail.com` knows that the address does not exist, and nothing has to be kept of millions
of recipients. Addresses of the transport's own mailbox simulator are honoured too; whether the real platform passes
them on is unknown.
"""

from __future__ import annotations

from enum import StrEnum

#: The transport's mailbox simulator (AWS SES, "Using the mailbox simulator").
SIMULATOR_DOMAIN = "simulator.amazonses.com"


class Fate(StrEnum):
    """What becomes of a message to one recipient."""

    DELIVERED = "delivered"
    """Delivered within seconds."""
    SLOW = "slow"
    """Greylisted: delivered when it is tried again."""
    GONE = "gone"
    """The address does not exist: a hard bounce."""
    LATE = "late"
    """Taken, and returned hours later: delivered and then bounced."""
    FULL = "full"
    """The mailbox is full, and stays so until the transport gives up."""
    OVERFULL = "overfull"
    """The mailbox is full at first; the message is delivered in the end."""
    UNWANTED = "unwanted"
    """The recipient's server refuses the content."""
    SUPPRESSED = "suppressed"
    """The transport remembers an earlier bounce and does not even try."""
    ANGRY = "angry"
    """Delivered, and marked as spam."""
    MISTAKEN = "mistaken"
    """Delivered, and reported as not being spam, which some feedback loops do."""
    VIRUS = "virus"
    """Rejected by the platform: it never leaves."""
    LOST = "lost"
    """Nothing is ever heard of it."""


_BY_WORD = {fate.value: fate for fate in Fate}
_BY_SIMULATOR_NAME = {
    "success": Fate.DELIVERED,
    "bounce": Fate.GONE,
    "ooto": Fate.DELIVERED,
    "complaint": Fate.ANGRY,
    "suppressionlist": Fate.SUPPRESSED,
}


def fate_of(address: str) -> Fate:
    """Return what is in store for a message to an address: delivered, unless the address says otherwise."""
    local, _, domain = address.partition("@")
    if domain == SIMULATOR_DOMAIN:
        return _BY_SIMULATOR_NAME.get(local.partition("+")[0], Fate.DELIVERED)
    return _BY_WORD.get(local.partition(".")[0], Fate.DELIVERED)
