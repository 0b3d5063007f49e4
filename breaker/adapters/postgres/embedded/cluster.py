"""Making a new cluster: initdb beside the data directory, then one rename."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from breaker.adapters.postgres.embedded.errors import DataDirectoryError
from breaker.adapters.postgres.embedded.layout import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from breaker.adapters.postgres.embedded.account import ServerAccount
    from breaker.adapters.postgres.embedded.binaries import Binaries
    from breaker.adapters.postgres.embedded.layout import Layout

# Half a second on a laptop; a network disk under load is another matter.
_INITDB_SECONDS = 180.0

USER = "breaker"
"""The server's only role, its superuser."""


async def create_cluster(layout: Layout, binaries: Binaries, account: ServerAccount, *, durable: bool) -> None:
    """Make a cluster with one role and a new random password, whole or not at all.

    Raises:
        DataDirectoryError: initdb failed; the text has what it printed.
    """
    unfinished = layout.unfinished_data_dir
    password_copy = unfinished.with_name(f"{unfinished.name}.password")
    shutil.rmtree(unfinished, ignore_errors=True)
    password_copy.unlink(missing_ok=True)
    try:
        unfinished.mkdir(mode=0o700)
        account.own(unfinished)
        # initdb runs as the server's user, who must not be able to read our own copy later.
        write_private(password_copy, layout.make_password())
        account.own(password_copy)
        await _initdb(layout, binaries, account, durable=durable)
        unfinished.rename(layout.data_dir)
    except OSError as error:
        raise DataDirectoryError(
            f"no cluster can be made in {layout.data_dir}: {error.strerror} ({error.filename}): "
            "choose another BREAKER_DATA_DIR"
        ) from error
    finally:
        password_copy.unlink(missing_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)


async def require_reach(layout: Layout, account: ServerAccount) -> None:
    """Refuse a data directory that the server's user cannot get to, checked by trying.

    Raises:
        DataDirectoryError: A folder above it is closed to that user.
    """
    if not account.is_other:
        return
    result = await account.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", layout.data_dir.parent], timeout=10.0)
    if result.returncode != 0:
        raise DataDirectoryError(
            f"the server runs as user {account.user_id}, because PostgreSQL refuses to run as root, and this user "
            f"cannot enter {layout.data_dir.parent}: choose a BREAKER_DATA_DIR that is open to it, "
            "such as /var/lib/breaker, or run Breaker as an ordinary user"
        )


async def _initdb(layout: Layout, binaries: Binaries, account: ServerAccount, *, durable: bool) -> None:
    unfinished = layout.unfinished_data_dir
    command: list[str | Path] = [
        binaries.program("initdb"),
        f"--pgdata={unfinished}",
        f"--username={USER}",
        f"--pwfile={unfinished.with_name(f'{unfinished.name}.password')}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--no-locale",  # the same order and the same texts on every machine; what is compared is lowered before
        *([] if durable else ["--no-sync"]),
    ]
    try:
        result = await account.run(command, timeout=_INITDB_SECONDS)
    except subprocess.TimeoutExpired:
        raise DataDirectoryError(
            f"making the cluster {layout.data_dir} took more than {_INITDB_SECONDS:.0f} s: is its disk stuck?"
        ) from None
    if result.returncode != 0:
        raise DataDirectoryError(f"making the cluster {layout.data_dir} failed: {result.stdout.strip()}")
