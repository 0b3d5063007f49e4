"""What is asked of a list, and what a page of one is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from breaker.domain.circuits.circuit import Mode
    from breaker.domain.circuits.states import State

T = TypeVar("T")


class Sort(StrEnum):
    """The order of accounts."""

    STATE = "state"
    """The worst state first: stopped, limited, probing, warned, sending; among equals the longest known first."""
    KNOWN = "known"
    """The longest known first."""


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """Which accounts; what is empty or None asks for nothing.

    Args:
        states: Any of these states.
        modes: Any of these modes in force.
        domain: The sending domain.
        workspace_id: The home workspace.
        application_id: The application.
        pending: Only those with a held verdict.
    """

    states: frozenset[State] = frozenset()
    modes: frozenset[Mode] = frozenset()
    domain: str | None = None
    workspace_id: str | None = None
    application_id: str | None = None
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.

    Args:
        items: What is on it.
        next_cursor: Where the next one goes on, or None where this is the last.
    """

    items: tuple[T, ...]
    next_cursor: str | None


class CursorError(ValueError):
    """A cursor is none that this list gave."""
