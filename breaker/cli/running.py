"""From a command to an event loop and back to an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

import typer
import uvloop

from breaker.app import Operations, operations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from breaker.cli.exit_codes import ExitCode
    from breaker.config import Settings

T = TypeVar("T")


def run(work: Coroutine[None, None, T]) -> T:
    """Carry work out on an event loop of its own."""
    return uvloop.run(work)


def operate(settings: Settings, work: Callable[[Operations], Awaitable[ExitCode]]) -> NoReturn:
    """Carry work out on the database, and end the command with the exit code that it returns.

    Raises:
        UnavailableError: The database cannot be used.
    """

    async def within() -> ExitCode:
        async with operations(settings) as available:
            return await work(available)

    raise typer.Exit(run(within()))
