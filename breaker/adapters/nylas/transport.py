"""One request to the platform: its turn, its time limit, its answer or its sorted error."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from breaker.adapters.nylas.errors import sorted_error
from breaker.ports import TryAgainError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from breaker.adapters.nylas.budget import Budget
    from breaker.ports import Clock, PlatformError, Urgency

Decoded = TypeVar("Decoded")

ANSWER_WITHIN = 10.0
"""Real seconds that the platform has to answer, connecting included; webhooks have as long."""

_THROTTLED = 1.0
"""Seconds of silence after a 429 that names none: the platform counts requests by the second."""

_HALF_A_SECOND = 0.5

_LONGEST_SILENCE = 60.0
"""No `Retry-After` keeps all requests back for longer; who asked may still wait as long as it says."""


def no_observer(_status: str) -> None:
    """Count nothing."""


def no_watch(_ahead: float) -> None:
    """Compare nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the platform.

    Args:
        method: The HTTP method.
        route: The path, with `{}` where an id stands.
        ids: The ids.
        query: The query, or None.
        body: What is sent as JSON, or None.
        headers: Headers of its own, or None.
    """

    method: str
    route: str
    ids: tuple[str, ...] = ()
    query: Mapping[str, str] | None = None
    body: object = None
    headers: Mapping[str, str] | None = None

    @property
    def path(self) -> str:
        """The path with the ids in it."""
        return self.route.format(*(quote(one, safe="") for one in self.ids))

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


class Answered(NamedTuple):
    """An answer, whatever it says.

    Args:
        status: The HTTP status.
        body: The body.
        retry_after: The header of that name, or None.
    """

    status: int
    body: bytes
    retry_after: str | None


@dataclass(frozen=True, slots=True)
class Transport:
    """Sends requests of one application.

    Args:
        session: The HTTP client, which its maker closes.
        api_url: The platform's base URL, such as `https://api.us.nylas.com`.
        api_key: The application's key.
        budget: Where each request waits for its turn.
        clock: For `Retry-After` headers that name a date.
        observe: Told how each request ended: the HTTP status, `timeout`, `connection` or `not_json`.
        answer_within: Real seconds that an answer may take, connecting included.
        compare: Told with every answer how many seconds the platform's clock is ahead of ours, to within a second.
    """

    session: aiohttp.ClientSession
    api_url: str
    api_key: str = field(repr=False)
    budget: Budget
    clock: Clock
    observe: Callable[[str], None] = no_observer
    answer_within: float = ANSWER_WITHIN
    compare: Callable[[float], None] = no_watch

    async def read(self, decoder: msgspec.json.Decoder[Decoded], urgency: Urgency, request: Request) -> Decoded:
        """Send a request when it is its turn, and return its answer.

        Raises:
            PlatformError: Sorted by what to do.
        """
        answer = await self._send(urgency, request)
        try:
            return decoder.decode(answer)
        except msgspec.ValidationError as error:
            # Not given up: what was asked for may well be right, and a stop is not forgotten for an unknown answer.
            raise TryAgainError(f"{request} was answered in a shape that this version does not know: {error}") from None
        except msgspec.DecodeError:
            self.observe("not_json")
            raise TryAgainError(f"{request} was answered, but not by the platform's API: that is no JSON") from None

    async def tell(self, urgency: Urgency, request: Request) -> None:
        """Send a request whose answer says no more than that it succeeded.

        Raises:
            PlatformError: Sorted by what to do.
        """
        await self.read(_ANYTHING, urgency, request)

    async def exchange(self, urgency: Urgency, request: Request) -> Answered:
        """Send a request when it is its turn, and return its answer, a refusal too.

        Raises:
            TryAgainError: There was no answer.
        """
        await self.budget.turn(urgency)
        begun = self.clock.now()
        try:
            async with self.session.request(
                request.method,
                self.api_url.rstrip("/") + request.path,
                params=request.query,
                data=None if request.body is None else msgspec.json.encode(request.body),
                headers=self._headers(request),
                timeout=aiohttp.ClientTimeout(total=self.answer_within),
                allow_redirects=False,
            ) as response:
                answer = await response.read()
        except TimeoutError:
            self.observe("timeout")
            raise TryAgainError(f"{request} was not answered within {self.answer_within:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            self.observe("connection")
            why = "no connection" if isinstance(error, aiohttp.ClientConnectionError) else type(error).__name__
            raise TryAgainError(f"{request} could not be sent to {self.api_url}: {why}") from None
        self.observe(str(response.status))
        self._compare(response.headers.get("Date"), (begun + self.clock.now()) / 2)
        return Answered(response.status, answer, response.headers.get("Retry-After"))

    async def _send(self, urgency: Urgency, request: Request) -> bytes:
        answered = await self.exchange(urgency, request)
        if HTTPStatus.OK <= answered.status < HTTPStatus.MULTIPLE_CHOICES:
            return answered.body
        raise self._failure(request, answered)

    def _compare(self, date: str | None, now: float) -> None:
        """Read the platform's time, which it gives in whole seconds (RFC 9110, 6.6.1)."""
        try:
            there = parsedate_to_datetime(date or "").timestamp() + _HALF_A_SECOND
        except ValueError:
            return
        self.compare(there - now)

    def _headers(self, request: Request) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.api_key}", "Accept": "application/json"}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        return headers | dict(request.headers or {})

    def _failure(self, request: Request, answered: Answered) -> PlatformError:
        failure = sorted_error(str(request), answered.status, answered.body, answered.retry_after, self.clock.now())
        if answered.status == HTTPStatus.TOO_MANY_REQUESTS and isinstance(failure, TryAgainError):
            silence = _THROTTLED if failure.after is None else min(failure.after, _LONGEST_SILENCE)
            self.budget.close_for(silence)
        return failure


_ANYTHING = msgspec.json.Decoder(dict[str, msgspec.Raw])
