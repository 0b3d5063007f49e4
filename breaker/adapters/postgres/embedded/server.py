"""Starting and stopping a server on an existing cluster."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
from typing import TYPE_CHECKING

from breaker.adapters.postgres.embedded.endpoint import Endpoint
from breaker.adapters.postgres.embedded.errors import ServerStartError, ServerStopError
from breaker.adapters.postgres.embedded.lockfiles import remove_stale_lock_files
from breaker.adapters.postgres.embedded.passage import Passage

if TYPE_CHECKING:
    from pathlib import Path

    from breaker.adapters.postgres.embedded.account import ServerAccount
    from breaker.adapters.postgres.embedded.binaries import Binaries
    from breaker.adapters.postgres.embedded.layout import Layout

# After a crash the write-ahead log is replayed before anybody may connect: at 1 GB of it, up to a minute on slow disks.
_START_SECONDS = 120
_STOP_SECONDS = 60
# How long a server that was killed may take to let go of its files and memory: its children notice within a second.
_LET_GO_SECONDS = 15.0
_RETRY_SECONDS = 0.2
_LARGEST_LOG_BYTES = 1_048_576
_LOG_TAIL_BYTES = 4096

SETTINGS = {
    # Enough for a fleet's hot rows; what is read once goes through the system's cache anyway.
    "shared_buffers": "128MB",
    "max_connections": "100",
    # One small machine, nobody replicates from it: the least log, and checkpoints far enough apart for a busy ledger.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_buffers": "16MB",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "min_wal_size": "128MB",
    "checkpoint_timeout": "15min",
    # Rows of accounts are updated all the time; look for dead ones more often than each minute.
    "autovacuum_naptime": "20s",
    "jit": "off",
    # Times are Unix seconds throughout; what a person reads in the server's log is UTC.
    "timezone": "UTC",
    "log_timezone": "UTC",
    # DETAIL and CONTEXT lines quote values, and a value may be an address.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
"""What a small, busy server of one machine needs, each with its reason."""

DATA_DIRECTORY_SETTING = "breaker.data_directory"
"""Where a server says by which path it was started, since PostgreSQL's own `data_directory` may be a descriptor."""

_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


async def start_server(layout: Layout, binaries: Binaries, account: ServerAccount, *, durable: bool) -> None:
    """Start a server and return once it accepts connections.

    A lock file in the way is waited out while its server still dies, removed once no server lives in the data
    directory, and never taken as a reason to end a process.

    Raises:
        ServerStartError: It did not come up; the text carries its last words.
    """
    _shorten_log(layout)
    give_up_at = asyncio.get_running_loop().time() + _LET_GO_SECONDS
    while (failure := await _try_to_start(layout, binaries, account, durable=durable)) is not None:
        if not _may_pass(failure) or asyncio.get_running_loop().time() > give_up_at:
            raise ServerStartError(
                f"the PostgreSQL {binaries.version} server in {layout.data_dir} did not start: {failure} "
                f"(its log: {layout.server_log})"
            )
        if "lock file" in failure:
            remove_stale_lock_files(layout)
        await asyncio.sleep(_RETRY_SECONDS)


async def stop_server(layout: Layout, binaries: Binaries, account: ServerAccount) -> None:
    """End the server that was just recognised as the one of this data directory; open transactions roll back.

    Raises:
        ServerStopError: It was still running after a minute.
    """
    command: list[str | Path] = [binaries.program("pg_ctl"), "stop", "--silent", "--wait", f"--timeout={_STOP_SECONDS}"]
    try:
        with Passage(account) as passage:
            command += ["--mode=fast", f"--pgdata={passage.name(layout.data_dir)}"]
            result = await account.run(command, timeout=_STOP_SECONDS + 10, descriptors=passage.descriptors)
    except subprocess.TimeoutExpired as error:
        raise ServerStopError(f"the server in {layout.data_dir} did not stop within {_STOP_SECONDS} s") from error
    if result.returncode != 0:
        raise ServerStopError(f"the server in {layout.data_dir} did not stop: {result.stdout.strip()}")


async def _try_to_start(layout: Layout, binaries: Binaries, account: ServerAccount, *, durable: bool) -> str | None:
    """Start once; return None when it accepts connections, else what it said."""
    settings = {**SETTINGS, **({} if durable else _NOT_DURABLE), **Endpoint.choose(layout.data_dir).settings()}
    settings[DATA_DIRECTORY_SETTING] = str(layout.data_dir)
    # pg_ctl hands its options to a shell.
    options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
    command: list[str | Path] = [
        binaries.program("pg_ctl"),
        "start",
        "--silent",
        "--wait",
        f"--timeout={_START_SECONDS}",
    ]
    logged_before = _log_size(layout)
    try:
        with Passage(account) as passage:
            data_dir = passage.name(layout.data_dir)
            log = f"{data_dir}/{layout.server_log.name}"
            command += [f"--pgdata={data_dir}", f"--log={log}", f"--options={options}"]
            result = await account.run(command, timeout=_START_SECONDS + 10, descriptors=passage.descriptors)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if result.returncode == 0:
        return None
    return _log_since(layout, logged_before) or result.stdout.strip()


def _may_pass(failure: str) -> bool:
    """Whether trying again can help: a dying server's files or memory, or a port that was just taken."""
    return any(
        sign in failure
        for sign in ("lock file", "pre-existing shared memory block", "could not create any TCP/IP sockets")
    )


def _shorten_log(layout: Layout) -> None:
    """Keep one old log, so that a server restarted for years does not fill the disk."""
    if _log_size(layout) > _LARGEST_LOG_BYTES:
        layout.server_log.replace(layout.server_log.with_suffix(".log.old"))


def _log_size(layout: Layout) -> int:
    try:
        return layout.server_log.stat().st_size
    except FileNotFoundError:
        return 0


def _log_since(layout: Layout, offset: int) -> str:
    try:
        with layout.server_log.open("rb") as log:
            log.seek(max(offset, os.fstat(log.fileno()).st_size - _LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").strip()
    except FileNotFoundError:
        return ""
