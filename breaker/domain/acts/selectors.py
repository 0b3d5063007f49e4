"""What people and programs name accounts by.

agent@example.com   the account with this address
0d5a…               the account with this grant id
domain:X            every account whose address is at X
workspace:X         every account whose home is the workspace X
application:X       every account of the application X
--all               every account
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Scope(StrEnum):
    """How many accounts a selector speaks of, the most specific first."""

    ACCOUNT = "account"
    DOMAIN = "domain"
    WORKSPACE = "workspace"
    APPLICATION = "application"
    ALL = "all"


EVERYTHING = "--all"
"""The selector of every account."""

_GROUPS = {scope.value: scope for scope in (Scope.DOMAIN, Scope.WORKSPACE, Scope.APPLICATION)}
_FORMS = "an address, a grant id, domain:X, workspace:X, application:X or --all"
_MUCH = 0.75  # two addresses of one domain are alike in half of their characters already
_LONGEST = 320  # an address has at most 64 + 1 + 254 characters (RFC 5321, 4.5.3.1)


@dataclass(frozen=True, slots=True)
class Selector:
    """Some accounts.

    Args:
        scope: How many it speaks of.
        name: The address (lower case) or grant id of `ACCOUNT`, the group's name, or empty for `ALL`.
    """

    scope: Scope
    name: str = ""

    def __str__(self) -> str:
        if self.scope is Scope.ALL:
            return EVERYTHING
        return self.name if self.scope is Scope.ACCOUNT else f"{self.scope}:{self.name}"

    @property
    def by_address(self) -> bool:
        """Whether one account is named by its address rather than by its grant."""
        return self.scope is Scope.ACCOUNT and "@" in self.name


def parse_selector(text: str) -> Selector:
    """Read a selector as people type it.

    Raises:
        ValueError: It has none of the known forms; the message says which there are.
    """
    stripped = text.strip()
    if stripped == EVERYTHING:
        return Selector(Scope.ALL)
    kind, colon, name = stripped.partition(":")
    if colon and "@" not in kind:
        scope = _GROUPS.get(kind.lower())
        if scope is None or not name or _unusable(name):
            raise ValueError(f"{_shown(text)} is no selector: it takes {_FORMS}")
        return Selector(scope, name.lower() if scope is Scope.DOMAIN else name)
    if not stripped or _unusable(stripped):
        raise ValueError(f"{_shown(text)} is no selector: it takes {_FORMS}")
    return Selector(Scope.ACCOUNT, stripped.lower() if "@" in stripped else stripped)


def most_like(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like one that nobody has, or None where none is much like it."""
    return next(iter(get_close_matches(name, sorted(set(known)), n=1, cutoff=_MUCH)), None)


def _unusable(name: str) -> bool:
    return len(name) > _LONGEST or name.startswith("-") or not name.isprintable() or any(map(str.isspace, name))


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")
