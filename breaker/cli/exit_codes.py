"""What a command says by its exit code; other programs rely on it."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    BAD_USAGE = 2
    """The command line or the configuration is wrong."""
    FOUND_SOMETHING = 3
    """A check found something."""
    NOT_CONFIRMED = 4
    """Accepted, but the platform was not read back yet."""
