"""When a lock file that a dead server left behind may be removed.

PostgreSQL removes such a file itself, unless the process id in it is alive again as some other process of the same
user, which is the normal case after a container restart. Then it refuses to start, and so somebody has to look: a
server process is told by its working directory, which is its data directory, and by what it executes. The process id
in the file is not asked at all, since it may be anybody's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from breaker.adapters.postgres.embedded.layout import Layout

_PROC = Path("/proc")


def server_lives_in(data_dir: Path) -> bool:
    """Whether any process of a PostgreSQL server works in this data directory; where that can't be seen, yes."""
    if not (_PROC / "self" / "cwd").exists():
        return True
    wanted = data_dir.stat()
    return any(_is_server_in(process, wanted) for process in _PROC.iterdir() if process.name.isdigit())


def remove_stale_lock_files(layout: Layout) -> bool:
    """Remove the lock files of a server that is gone; False, and nothing removed, where one still lives."""
    if server_lives_in(layout.data_dir):
        return False
    for file in layout.lock_files:
        file.unlink(missing_ok=True)
    return True


def _is_server_in(process: Path, data_dir: os.stat_result) -> bool:
    try:
        folder = (process / "cwd").stat()
        program = (process / "exe").readlink().name
    except PermissionError:
        # Root in a container may not look at others' processes. What could be the server then counts as the server.
        return _may_be_server_of(process, data_dir.st_uid)
    except OSError:
        return False  # it ended
    return (folder.st_dev, folder.st_ino) == (data_dir.st_dev, data_dir.st_ino) and program.startswith("postgres")


def _may_be_server_of(process: Path, user_id: int) -> bool:
    try:
        return process.stat().st_uid == user_id and (process / "comm").read_text().startswith("postgres")
    except OSError:
        return False
