"""Why an account is elsewhere than it should be, after Breaker has moved it or has left that out."""

from __future__ import annotations

from enum import StrEnum


class Elsewhere(StrEnum):
    """The reason; the metrics name it so."""

    HOME_GONE = "home_gone"
    """Its home was deleted: it is in the default workspace."""
    HOME_UNKNOWN = "home_unknown"
    """Nobody remembers its home, and nothing tells it: the same."""
    HOME_GUESSED = "home_guessed"
    """Nobody remembers it: it is in a workspace with the same policy and rules."""
    QUARANTINE_GONE = "quarantine_gone"
    """The workspace that is configured as its quarantine was deleted: it is at home, and blocked."""
    QUOTA_REFUSED = "quota_refused"
    """The platform does not hold a probe's quota: it is probed at home."""
