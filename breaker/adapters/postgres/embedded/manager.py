"""The embedded server as its callers see it: start or attach, and stop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import asyncpg

from breaker.adapters.postgres.embedded.account import ServerAccount
from breaker.adapters.postgres.embedded.binaries import find_binaries
from breaker.adapters.postgres.embedded.cluster import USER, create_cluster
from breaker.adapters.postgres.embedded.copies import SHARED_COPIES, reachable_binaries
from breaker.adapters.postgres.embedded.endpoint import Endpoint
from breaker.adapters.postgres.embedded.errors import DataDirectoryError, ServerStartError, ServerStopError
from breaker.adapters.postgres.embedded.layout import Layout
from breaker.adapters.postgres.embedded.lockfiles import server_lives_in
from breaker.adapters.postgres.embedded.passage import with_passage
from breaker.adapters.postgres.embedded.server import DATA_DIRECTORY_SETTING, start_server, stop_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from breaker.adapters.postgres.embedded.binaries import Binaries

# Another process may be making the cluster on a slow disk.
_LOCK_SECONDS = 240.0
_CONNECT_SECONDS = 10.0
# A server that replays its log after a crash answers "starting up" meanwhile.
_COMING_UP_SECONDS = 120.0
_POLL_SECONDS = 0.1
_MAINTENANCE_DATABASE = "postgres"
# Nobody listens any more, somebody else does, or the server ended while we asked.
_NOT_OURS = (
    OSError,
    TimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.ConnectionDoesNotExistError,
)


class EmbeddedPostgres:
    """One data directory and the server on it, whoever started that.

    Beside the data directory stand its password, its lock and, where needed, copied binaries, as `<name>.password`,
    `<name>.lock` and `<name>.binaries`. Two processes may call anything at once.

    Whoever deletes the data directory, with or without what stands beside it, gets an empty cluster at the next start;
    a server that ran there still ends by itself within a minute.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        binaries: Path | None = None,
        database: str = "breaker",
        shared_copies: Sequence[Path] = SHARED_COPIES,
    ) -> None:
        """Name the cluster; nothing is touched before `start`.

        Args:
            data_dir: The cluster's own folder; it and the folders above it are made where they are missing.
            durable: False gives up every guarantee after a crash, for speed. For tests only.
            binaries: The folder with `postgres` and `initdb`; unset: looked for.
            database: The database that the connection string names; made where it is missing.
            shared_copies: Where root may copy binaries that the server's user can reach neither where they are nor
                beside the data directory; the first that works is used.
        """
        # PostgreSQL reports its data directory without symbolic links resolved, so there must be none from the start.
        self._layout = Layout(data_dir.expanduser().absolute().resolve())
        self._durable = durable
        self._explicit_binaries = binaries
        self._database = database
        self._shared_copies = tuple(shared_copies)

    @property
    def data_dir(self) -> Path:
        """The cluster's folder, absolute and without symbolic links."""
        return self._layout.data_dir

    async def start(self) -> str:
        """Return the connection string of a running server: the one that serves already, or a new one.

        The server outlives this process; end it by `stop`.

        Raises:
            BinariesNotFoundError: There is nothing to run.
            DataDirectoryError: The data directory cannot be used as it is.
            ServerStartError: The server did not come up.
        """
        self._layout.make_parents()
        async with self._layout.starting_alone(_LOCK_SECONDS):
            if (dsn := await self.attach()) is not None:
                return dsn
            account = await self._account()
            binaries = await self._binaries(account)
            if self._layout.major() is None:
                await create_cluster(self._layout, binaries, account, durable=self._durable)
            self._require_password()
            await start_server(self._layout, binaries, account, durable=self._durable)
            if (dsn := await self.attach()) is None:
                raise ServerStartError(
                    f"the server in {self.data_dir} started but does not accept the password in "
                    f"{self._layout.password_file}: put the right file back"
                )
            return dsn

    async def attach(self) -> str | None:
        """Return the connection string of the server on this data directory, or None where none serves it.

        Raises:
            DataDirectoryError: Its password may not be read by this user.
        """
        async with self._connection() as found:
            if found is None:
                return None
            connection, endpoint, password = found
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", self._database):
                with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                    quoted = self._database.replace('"', '""')
                    await connection.execute(f'CREATE DATABASE "{quoted}"')
            return endpoint.dsn(USER, password, self._database)

    async def stop(self) -> None:
        """End the server on this data directory, also one that another process started; no server is no error.

        Raises:
            ServerStopError: It did not stop, or one lives that cannot be recognised as ours.
        """
        if not self.data_dir.exists():
            return
        async with self._layout.starting_alone(_LOCK_SECONDS):
            async with self._connection() as found:
                recognised = found is not None
            if recognised:
                account = await self._account()
                await stop_server(self._layout, await self._binaries(account), account)
            elif self._layout.lock_files[0].exists() and server_lives_in(self.data_dir):
                raise ServerStopError(
                    f"a PostgreSQL server works in {self.data_dir} but answers neither on its socket nor to the "
                    f"password in {self._layout.password_file}: stop it by pg_ctl"
                )

    async def _account(self) -> ServerAccount:
        return await with_passage(ServerAccount.for_data_directory(self.data_dir), self.data_dir)

    async def _binaries(self, account: ServerAccount) -> Binaries:
        found = await find_binaries(self._explicit_binaries, major=self._layout.major())
        beside = () if account.is_shut_out else (self._layout.binaries_dir,)
        return await reachable_binaries(found, account, (*beside, *self._shared_copies))

    def _require_password(self) -> None:
        if self._layout.read_password() is None:
            raise DataDirectoryError(
                f"the cluster {self.data_dir} exists, its password file {self._layout.password_file} does not: "
                "put the file back, or move the cluster away to begin anew"
            )

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncpg.Connection, Endpoint, str] | None]:
        """Connect to the server that says it serves this data directory, and believe it only if it says so itself."""
        endpoint = Endpoint.of_running(self._layout.lock_files[0])
        password = self._layout.read_password()
        connection = None
        if endpoint is not None and password is not None:
            connection = await _connect(endpoint.dsn(USER, password, _MAINTENANCE_DATABASE))
        if connection is None or endpoint is None or password is None:
            yield None
            return
        try:
            served = await connection.fetchval("SELECT current_setting($1, true)", DATA_DIRECTORY_SETTING)
            yield (connection, endpoint, password) if served == str(self.data_dir) else None
        finally:
            await connection.close(timeout=_CONNECT_SECONDS)


async def _connect(dsn: str) -> asyncpg.Connection | None:
    """Connect, waiting for a server that comes up; None where nobody answers, or somebody who does not know us."""
    give_up_at = asyncio.get_running_loop().time() + _COMING_UP_SECONDS
    while True:
        try:
            return await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS, statement_cache_size=0)
        except asyncpg.CannotConnectNowError:
            if asyncio.get_running_loop().time() > give_up_at:
                return None
            await asyncio.sleep(_POLL_SECONDS)
        except _NOT_OURS:
            return None
