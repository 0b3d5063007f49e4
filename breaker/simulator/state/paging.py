"""Paging as policies, rules, lists and evaluations do it: by a token, until a page comes back empty.

`next_cursor` stands on every page that is not empty, the last one included (SDK, Ruby `policies.rb`). The token names
the last record of the page and not a count, so that records made or removed meanwhile shift nothing.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from breaker.simulator.errors import ErrorFamily

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 200


class Ordered(Protocol):
    """A record with a place in the order in which records were made."""

    @property
    def sequence(self) -> int:
        """A number that grows from record to record."""
        ...


Record = TypeVar("Record", bound=Ordered)


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """One page: its records and the token for the next one, None when this page is empty."""

    records: list[Record]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a client asked for: how many at most, and after which token."""

    limit: int = DEFAULT_LIMIT
    page_token: str | None = None


def paged(records: Iterable[Record], request: PageRequest, *, newest_first: bool = False) -> Page[Record]:
    """Return the asked page of `records`, which are in the order they are to be shown in.

    Raises:
        ApiError: 400, if the token is not one of ours.
    """
    if request.page_token is not None:
        after = _sequence(request.page_token)
        records = (
            record for record in records if (record.sequence < after if newest_first else record.sequence > after)
        )
    shown = list(islice(records, request.limit))
    return Page(shown, _token(shown[-1].sequence) if shown else None)


def _token(sequence: int) -> str:
    return base64.urlsafe_b64encode(f"after:{sequence}".encode()).decode()


def _sequence(token: str) -> int:
    try:
        word, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if word == "after":
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise ErrorFamily.RESOURCE.bad_request("invalid page_token")
