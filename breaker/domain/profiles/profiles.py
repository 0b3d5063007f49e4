"""Which profile applies to an account: its own, else its domain's, its workspace's, its application's, else the base.

The most specific wins as a whole. An account is named by its address or grant id, or by a pattern of them; of two
patterns that fit, the one with more characters that are meant literally is the more specific.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from breaker.domain.profiles.profile import Profile

_REMEMBERED = 20_000
"""Accounts whose profile is remembered; some 10 MB, and a tenth of the time of a look-up among a few patterns."""


class Known(Protocol):
    """What is known of an account, as far as profiles go by it."""

    @property
    def application_id(self) -> str:
        """The platform's id of its application."""
        ...

    @property
    def grant_id(self) -> str | None:
        """The grant, or None."""
        ...

    @property
    def address(self) -> str | None:
        """The mailbox's address, or None where it is not known."""
        ...

    @property
    def domain(self) -> str:
        """The sending domain, empty where the address is not known."""
        ...

    @property
    def home(self) -> str | None:
        """The workspace that it belongs to, wherever it is now; None where it was never looked up."""
        ...


class Kind(StrEnum):
    """By what a profile names whom it applies to; the most specific kind first."""

    ACCOUNT = "accounts"
    DOMAIN = "domains"
    WORKSPACE = "workspaces"
    APPLICATION = "applications"


class Claim(NamedTuple):
    """Somebody whom a profile applies to.

    Attributes:
        kind: What the name is one of.
        name: An address, a grant id, or either with `*` for any characters and `?` for one; a domain; an id.
    """

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Assigned:
    """A profile and whom it applies to.

    Args:
        profile: The detectors.
        claims: Whom it applies to.
        owner: Who answers for those accounts, for people to read.
        labels: What else people want to read beside those accounts.
    """

    profile: Profile
    claims: tuple[Claim, ...] = ()
    owner: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles of a fleet.

    Args:
        base: The profile of accounts that no other one applies to.
        assigned: The others; no two of them may claim the same (`contradictions`).
    """

    base: Profile
    assigned: tuple[Assigned, ...] = ()
    _resolve: Callable[[str, str | None, str | None, str, str | None], Assigned] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare the look-up: it is asked for every account of every batch."""
        object.__setattr__(self, "_resolve", lru_cache(_REMEMBERED)(_Resolution(self.base, self.assigned)))

    def of(self, account: Known) -> Profile:
        """Return the profile of an account as it is known now."""
        return self.assigned_to(account).profile if self.assigned else self.base

    def assigned_to(self, account: Known) -> Assigned:
        """Return the same with owner and labels."""
        return self._resolve(account.application_id, account.grant_id, account.address, account.domain, account.home)

    def __iter__(self) -> Iterator[Profile]:
        """Go through all profiles, the base first."""
        yield self.base
        yield from (one.profile for one in self.assigned)


class _Resolution:
    """The claims, by kind, ready to be looked up by what is known of an account."""

    def __init__(self, base: Profile, assigned: Sequence[Assigned]) -> None:
        self._base = Assigned(base)
        self._named: dict[Claim, Assigned] = {}
        patterns: list[tuple[int, re.Pattern[str], Assigned]] = []
        for one in assigned:
            for claim in one.claims:
                if claim.kind is Kind.ACCOUNT and is_pattern(claim.name):
                    patterns.append((literal(claim.name), expression(claim.name), one))
                else:
                    self._named[claim] = one
        self._patterns = sorted(patterns, key=lambda found: -found[0])

    def __call__(
        self, application_id: str, grant_id: str | None, address: str | None, domain: str, home: str | None
    ) -> Assigned:
        named = self._named
        names = [name for name in (grant_id, address) if name]
        for name in names:
            if found := named.get(Claim(Kind.ACCOUNT, name)):
                return found
        for _, pattern, one in self._patterns:
            if any(pattern.fullmatch(name) for name in names):
                return one
        return (
            named.get(Claim(Kind.DOMAIN, domain))
            or named.get(Claim(Kind.WORKSPACE, home or ""))
            or named.get(Claim(Kind.APPLICATION, application_id))
            or self._base
        )


class Contradiction(NamedTuple):
    """Two profiles that claim the same account, the one as exactly as the other.

    Attributes:
        first: The name of a profile.
        of_first: What it claims.
        second: The name of the other one.
        of_second: What that claims.
    """

    first: str
    of_first: Claim
    second: str
    of_second: Claim


def contradictions(claimed: Sequence[tuple[str, Sequence[Claim]]]) -> Iterator[Contradiction]:
    """Yield what leaves open which profile an account has.

    Args:
        claimed: The profiles' names, each with whom it applies to.
    """
    for (first, mine), (second, others) in combinations(claimed, 2):
        for one in mine:
            for other in others:
                if one == other or _are_as_exact(one, other):
                    yield Contradiction(first, one, second, other)


def _are_as_exact(one: Claim, other: Claim) -> bool:
    if {one.kind, other.kind} != {Kind.ACCOUNT} or not (is_pattern(one.name) and is_pattern(other.name)):
        return False
    return literal(one.name) == literal(other.name) and overlap(one.name, other.name)


def overlap(one: str, other: str) -> bool:
    """Tell whether some name fits both of two patterns."""
    places, seen = [(0, 0)], set[tuple[int, int]]()
    while places:
        place = places.pop()
        if place in seen:
            continue
        seen.add(place)
        mine, others = place
        here, there = one[mine : mine + 1], other[others : others + 1]
        if not here and not there:
            return True
        if here == "*":
            places += [(mine + 1, others), *([(mine, others + 1)] if there else [])]
        if there == "*":
            places += [(mine, others + 1), *([(mine + 1, others)] if here else [])]
        if here and there and "*" not in here + there and (here == there or "?" in here + there):
            places.append((mine + 1, others + 1))
    return False


def is_pattern(name: str) -> bool:
    """Tell whether a name stands for more than one account."""
    return "*" in name or "?" in name


def literal(pattern: str) -> int:
    """Return how many characters of a pattern are meant literally."""
    return len(pattern) - pattern.count("*") - pattern.count("?")


def expression(pattern: str) -> re.Pattern[str]:
    """Return what matches the names that a pattern fits."""
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(character) or re.escape(character) for character in pattern), re.DOTALL)
