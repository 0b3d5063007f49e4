"""Locks between processes, which the kernel drops with the process that holds them."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_POLL_SECONDS = 0.05


@contextlib.asynccontextmanager
async def locked(lock_file: Path, within_seconds: float) -> AsyncIterator[None]:
    """Hold a lock file's lock, waiting for it; the file stays, and nothing else is left behind by a crash.

    Raises:
        OSError: The file cannot be opened, or is a symbolic link.
        TimeoutError: Another process held the lock for longer than `within_seconds`.
    """
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        async with asyncio.timeout(within_seconds):
            while not lock_at_once(descriptor):  # noqa: ASYNC110 - a file lock of another process has no event
                await asyncio.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def lock_at_once(descriptor: int) -> bool:
    """Take the lock of an open file until it is closed; False where somebody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
