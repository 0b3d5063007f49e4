"""A folder for a cluster that lives as long as a demo or a test run."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def temporary_home(prefix: str = "breaker-") -> Iterator[Path]:
    """Make a folder for data directories, reachable for the server's user, and remove it at the end.

    Stop the servers in it first. `tempfile` alone makes folders that only their owner may enter, and root's server
    runs as somebody else.
    """
    home = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    if os.geteuid() == 0:
        home.chmod(0o711)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
