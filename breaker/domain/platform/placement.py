"""Where an account was found, and what that says of where it belongs.

A healthy account that somebody moved has a new home. A stopped one keeps its block, and where it was moved to is its
home from then on, so that a reset leaves it there. A quarantine is never a home: who is found in one belongs where it
was before. Where a workspace was deleted the platform moved its accounts to the default one, and nobody meant anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


class Move(StrEnum):
    """What happened to an account's place."""

    MOVED = "account_moved"
    """A healthy account was moved to another workspace, its new home."""
    STOPPED_MOVED = "stopped_account_moved"
    """A stopped or limited one was; what holds it stays."""
    INTO_QUARANTINE = "moved_into_quarantine"
    """It was moved into a quarantine by somebody else."""
    OUT_OF_QUARANTINE = "moved_out_of_quarantine"
    """It was moved out of its quarantine by somebody else, to its new home."""
    WORKSPACE_GONE = "workspace_gone"
    """Its workspace was deleted, and the platform moved it to the default one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an account is.

    Args:
        workspace_id: The workspace, or None where it was never looked up.
        home_workspace_id: Where it belongs while it is elsewhere, else None.
    """

    workspace_id: str | None
    home_workspace_id: str | None = None


@dataclass(frozen=True, slots=True)
class Workspaces:
    """The workspaces that there are.

    Args:
        all: All of them.
        quarantines: Those that stopped accounts are moved to, whether they are there or not.
    """

    all: frozenset[str]
    quarantines: Collection[str]


def moved(before: Place, found_in: str, workspaces: Workspaces, *, held: bool) -> tuple[Place, Move | None]:
    """Return where an account is and belongs by now, and what happened; None where nothing did that anybody meant.

    Args:
        before: Where it was, as far as it was known.
        found_in: The workspace that the platform shows it in.
        workspaces: The workspaces.
        held: Whether it is stopped or limited.
    """
    was, home = before.workspace_id, before.home_workspace_id
    if was is None:
        return Place(found_in, home), None
    if was == found_in:
        return before, None
    if found_in in workspaces.quarantines:
        belongs = home or (None if was in workspaces.quarantines else was)
        return Place(found_in, belongs), None if was in workspaces.quarantines else Move.INTO_QUARANTINE
    if was not in workspaces.all:
        # Out of a quarantine that was deleted it still belongs to its home.
        return Place(found_in, home if home in workspaces.all and home != found_in else None), Move.WORKSPACE_GONE
    if was in workspaces.quarantines:
        return Place(found_in), Move.OUT_OF_QUARANTINE
    return Place(found_in), Move.STOPPED_MOVED if held else Move.MOVED
