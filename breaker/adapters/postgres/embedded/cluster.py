"""Making a new cluster: initdb beside the data directory, then one rename."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from breaker.adapters.postgres.embedded.errors import DataDirectoryError
from breaker.adapters.postgres.embedded.layout import write_private
from breaker.adapters.postgres.embedded.passage import Passage

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


async def _initdb(layout: Layout, binaries: Binaries, account: ServerAccount, *, durable: bool) -> None:
    unfinished = layout.unfinished_data_dir
    try:
        with Passage(account) as passage:
            command: list[str | Path] = [
                binaries.program("initdb"),
                f"--pgdata={passage.name(unfinished)}",
                f"--username={USER}",
                f"--pwfile={passage.name(unfinished.with_name(f'{unfinished.name}.password'))}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--no-locale",  # the same order and the same texts on every machine; what is compared is lowered before
                *([] if durable else ["--no-sync"]),
            ]
            result = await account.run(command, timeout=_INITDB_SECONDS, descriptors=passage.descriptors)
    except subprocess.TimeoutExpired:
        raise DataDirectoryError(
            f"making the cluster {layout.data_dir} took more than {_INITDB_SECONDS:.0f} s: is its disk stuck?"
        ) from None
    if result.returncode != 0:
        raise DataDirectoryError(f"making the cluster {layout.data_dir} failed: {result.stdout.strip()}")
