"""What the driver's errors mean for a flow: try the transaction again, try later, or never again as it is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg

from breaker.ports import StoreUnavailableError, TryTransactionAgainError

if TYPE_CHECKING:
    from collections.abc import Iterator

_AGAIN = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.UniqueViolationError,  # two daemons made the same account known, or entered the same send
    asyncpg.InvalidCachedStatementError,  # a migration changed what a prepared statement returns; it is prepared anew
    asyncpg.ForeignKeyViolationError,  # an account was merged, or the database was replaced, since it was looked up
)

_UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InsufficientResourcesError,  # disk full, out of memory, too many connections
    asyncpg.OperatorInterventionError,  # shut down, cancelled by an administrator, starting up
    asyncpg.InternalClientError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.UndefinedTableError,  # the database was dropped and made anew: it has no schema yet
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.PostgresSystemError,
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the ports' errors for the driver's; others, which speak of the data, pass as they are.

    Messages name the kind of error only: the driver's own may quote values.
    """
    try:
        yield
    except _AGAIN as error:
        raise TryTransactionAgainError(type(error).__name__) from error
    except asyncpg.InterfaceError as error:
        if isinstance(error, ValueError):  # the driver's own complaint about an argument
            raise
        raise StoreUnavailableError(type(error).__name__) from error
    except _UNAVAILABLE as error:
        raise StoreUnavailableError(type(error).__name__) from error
