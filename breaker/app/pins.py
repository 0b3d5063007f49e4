"""Pins, wired: who joins a group that is pinned as stopped is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.reading.pinned import PostgresPinned
from breaker.flows.keep_pins import KeepPins

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg

    from breaker.app.operations import Operations


def keep_pins(pool: asyncpg.Pool, operations: Operations, acted: Callable[[], None] = lambda: None) -> KeepPins:
    """Return what looks.

    Args:
        pool: Connections to the database.
        operations: The use-cases.
        acted: Called when somebody was stopped.
    """
    return KeepPins(operations.modes, PostgresPinned(pool), operations.operator, operations.clock, acted)
