"""What flows catch of the store and of the platform, sorted by what can be done."""

from __future__ import annotations


class StoreError(Exception):
    """The database did not do what it was asked to; nothing of the transaction remains."""


class TryTransactionAgainError(StoreError):
    """The transaction lost against another one: the same again can succeed at once."""


class StoreUnavailableError(StoreError):
    """The database can't be reached or can't write now; the same again can succeed later."""


class PlatformError(Exception):
    """A request to the platform did not succeed; its four kinds say what to do. No secret and no address is in it."""


class TryAgainError(PlatformError):
    """It may succeed later: too many requests, the platform's own failure, silence, an answer that is no API's.

    Args:
        message: What happened.
        after: Seconds that the platform asked to wait for, or None.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class GiveUpError(PlatformError):
    """It can't succeed as it stands."""


class GoneError(PlatformError):
    """What it was about is not there any more."""


class CredentialsRejectedError(PlatformError):
    """The API key is not accepted; nothing succeeds until a person acts."""
