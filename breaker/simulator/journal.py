"""What was asked of the platform: every API call, kept so that a test can say "not one changing call"."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_READING_PATHS = frozenset({"/v3/webhooks/mock-payload"})


@dataclass(frozen=True, slots=True)
class Call:
    """One API call that was answered.

    Attributes:
        at: When it was answered, in Unix seconds of the platform's clock.
        application_id: The application of its API key; None where the key was not valid.
        method: The HTTP method.
        path: The path, without the query.
        query: The query as it was sent.
        status: The HTTP status of the answer; 0 where none was given.
        request_id: The answer's request id.
        body: The request's body.
    """

    at: float
    application_id: str | None
    method: str
    path: str
    query: str
    status: int
    request_id: str
    body: bytes

    @property
    def changing(self) -> bool:
        """Whether a call like this changes something when it succeeds."""
        return self.method not in _READING_METHODS and self.path not in _READING_PATHS


class Journal:
    """The calls in the order of their answers, the oldest forgotten beyond a limit.

    Args:
        limit: How many calls are kept.
    """

    def __init__(self, limit: int) -> None:
        self._calls: deque[Call] = deque(maxlen=limit)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def record(self, call: Call) -> None:
        """Keep a call."""
        self._calls.append(call)

    def changing(self) -> list[Call]:
        """Return the calls that change something."""
        return [call for call in self._calls if call.changing]

    def clear(self) -> None:
        """Forget all calls, so that what follows can be told apart."""
        self._calls.clear()
