"""Where an account belongs that is in a copy of a workspace: as it is remembered, else as far as it can be told.

Whose accounts are in a copy, is not written on the platform. After a loss of the database there may be several homes
that are alike; then the account's domain tells, and last the one that the copy was made for. Whichever it is, it has
the same policy and the same rules.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breaker.flows.fixtures import Copy
    from breaker.ports import Workspace


class Home(StrEnum):
    """How it was told where an account belongs."""

    KNOWN = "known"
    GUESSED = "guessed"
    """Several workspaces are alike, and nothing tells them apart."""
    GONE = "gone"
    """The one that is remembered is not there any more."""
    UNKNOWN = "unknown"


def home_of(
    copy: Copy | None, remembered: str | None, domain: str, there: Mapping[str, Workspace]
) -> tuple[str | None, Home]:
    """Return where an account belongs, and how that was told; None for the default workspace.

    Args:
        copy: The copy that it is in, or None for a quarantine that is configured.
        remembered: The home that the database has, or None.
        domain: The account's domain, or nothing.
        there: The workspaces that there are.
    """
    if remembered is not None:
        return (remembered, Home.KNOWN) if remembered in there else (None, Home.GONE)
    homes = [one for one in copy.homes if one in there] if copy else []
    if not homes:
        return None, Home.UNKNOWN
    if len(homes) == 1:
        return homes[0], Home.KNOWN
    by_domain = [one for one in homes if domain and there[one].domain == domain]
    return (by_domain[0], Home.KNOWN) if len(by_domain) == 1 else (homes[0], Home.GUESSED)
