"""Query parameters, read strictly: a wrong one is told by its name, and none is passed over."""

from __future__ import annotations

import difflib
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, TypeVar

from breaker.adapters.http.problems import bad_value

if TYPE_CHECKING:
    from aiohttp import web

Choice = TypeVar("Choice", bound=StrEnum)

_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class Query:
    """The query of one request.

    Args:
        request: The request.
        known: The parameters that there are; another one is a problem, since a mistyped filter would filter nothing.

    Raises:
        Problem: There is an unknown parameter.
    """

    def __init__(self, request: web.Request, *known: str) -> None:
        self._query = request.query
        for name in self._query:
            if name not in known:
                nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
                raise bad_value(
                    name, f"unknown parameter; the nearest known one is {nearest[0]}" if nearest else "unknown"
                )

    def text(self, name: str) -> str | None:
        """Return a parameter as it is, or None where it is missing or empty.

        Raises:
            Problem: It is there twice.
        """
        values = self._query.getall(name, [])
        if len(values) > 1:
            raise bad_value(name, "is there more than once")
        return values[0] or None if values else None

    def choices(self, name: str, kind: type[Choice]) -> frozenset[Choice]:
        """Return any number of choices, repeated or separated by commas."""
        words = [word.strip() for value in self._query.getall(name, []) for word in value.split(",") if word.strip()]
        return frozenset(_choice(name, word, kind) for word in words)

    def choice(self, name: str, default: Choice) -> Choice:
        """Return one choice."""
        word = self.text(name)
        return default if word is None else _choice(name, word, type(default))

    def flag(self, name: str) -> bool:
        """Return a flag, off where it is missing."""
        word = self.text(name)
        if word is None:
            return False
        if word.lower() not in _FLAGS:
            raise bad_value(name, "must be true or false")
        return _FLAGS[word.lower()]

    def integer(self, name: str, default: int, largest: int) -> int:
        """Return a number from 1 to `largest`."""
        word = self.text(name)
        if word is None:
            return default
        if not word.isascii() or not word.isdigit() or len(word) > len(str(largest)) or not 1 <= int(word) <= largest:
            raise bad_value(name, f"must be a number from 1 to {largest}")
        return int(word)

    def moment(self, name: str) -> float | None:
        """Return a moment in Unix seconds."""
        word = self.text(name)
        if word is None:
            return None
        try:
            moment = float(word)
        except ValueError as error:
            raise bad_value(name, "must be a moment in Unix seconds") from error
        if not isfinite(moment):
            raise bad_value(name, "must be a moment in Unix seconds")
        return moment


def _choice(name: str, word: str, kind: type[Choice]) -> Choice:
    try:
        return kind(word.lower())
    except ValueError as error:
        raise bad_value(name, f"must be one of {', '.join(kind)}") from error
