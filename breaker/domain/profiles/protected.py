"""Protected accounts: somebody answers for them, and no more than so much may happen to them automatically.

A pattern names them: an address or grant id, `*` standing for any characters and `?` for one, or `domain:X`,
`workspace:X`, `application:X`. The first pattern of the configuration that fits an account counts, so that an exception
is said before its rule. What a detector asks for beyond what may happen is held and stands as pending
(`held_by: exempt`, with a sentence that names the pattern and its owner), and what may happen is done. What people do
is done in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from breaker.domain.acts.selectors import Scope
from breaker.domain.circuits.states import SEVERITY, State
from breaker.domain.profiles.profiles import expression, is_pattern
from breaker.domain.profiles.profiles import overlap as names_overlap

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping, Sequence

    from breaker.domain.profiles.profiles import Known

_OTHER = "\0"
"""A character that is in no pattern: all of those behave alike."""

_LOOKED_AT = 20_000
"""Places that a comparison of two patterns looks at, before it gives up and takes them for different."""


class May(StrEnum):
    """What may happen automatically to a protected account, at most."""

    NOTIFY = "notify"
    """It is warned of, and nothing else is done."""
    LIMIT = "limit"
    """Its new mail may be stopped; its replies pass."""
    STOP = "stop"
    """Anything: an exception among others that are protected, or an owner for people to read."""


AT_MOST: Mapping[May, State] = {May.NOTIFY: State.WARNED, May.LIMIT: State.LIMITED, May.STOP: State.STOPPED}
"""The strongest step that may be taken."""

_ONLY = {May.NOTIFY: "it may only be warned of", May.LIMIT: "it may only be limited", May.STOP: "it may be stopped"}


class Pattern(NamedTuple):
    """Whom an entry speaks of.

    Attributes:
        scope: What the name is one of.
        name: A pattern of addresses and grant ids, or the group's name.
    """

    scope: Scope
    name: str

    def __str__(self) -> str:
        return self.name if self.scope is Scope.ACCOUNT else f"{self.scope}:{self.name}"


_GROUPS = {str(scope): scope for scope in (Scope.DOMAIN, Scope.WORKSPACE, Scope.APPLICATION)}


def parse_pattern(text: str) -> Pattern:
    """Read a pattern as people write it.

    Raises:
        ValueError: It has none of the known forms; the message says which there are.
    """
    stripped = text.strip()
    kind, colon, name = stripped.partition(":")
    if not stripped or not stripped.isprintable() or any(map(str.isspace, stripped)):
        raise ValueError(f"is empty or has spaces: it takes {_FORMS}")
    if not colon or "@" in kind:
        return Pattern(Scope.ACCOUNT, stripped.lower() if "@" in stripped else stripped)
    scope = _GROUPS.get(kind.lower())
    if scope is None or not name or is_pattern(name):
        raise ValueError(f"has no known form: it takes {_FORMS}")
    return Pattern(scope, name.lower().strip(".") if scope is Scope.DOMAIN else name)


_FORMS = "an address or grant id (* for any characters, ? for one), domain:X, workspace:X or application:X"


@dataclass(frozen=True, slots=True)
class Protected:
    """Some accounts that are protected.

    Args:
        pattern: Whom it speaks of.
        owner: Who answers for them.
        may: What may happen to them automatically, at most.
        reason: Why, for people to read, or None.
    """

    pattern: Pattern
    owner: str
    may: May
    reason: str | None = None

    @property
    def at_most(self) -> State:
        """The strongest step that may be taken by itself."""
        return AT_MOST[self.may]

    def allows(self, step: State) -> bool:
        """Tell whether a step may be taken by itself."""
        return SEVERITY[step] <= SEVERITY[self.at_most]

    @property
    def sentence(self) -> str:
        """Say by what it is protected, and whose it is."""
        why = f" ({self.reason})" if self.reason else ""
        return f"It is protected by {self.pattern}, owner {self.owner}{why}: automatically, {_ONLY[self.may]}."

    def describe(self) -> dict[str, object]:
        """Return it as it is stored with a verdict, and given to programs."""
        return {"pattern": str(self.pattern), "owner": self.owner, "may": str(self.may), "reason": self.reason}


class ProtectedAccounts:
    """All that are protected, in the order of the configuration.

    Args:
        entries: The entries.
    """

    def __init__(self, entries: Sequence[Protected] = ()) -> None:
        self.entries = tuple(entries)
        self._names: dict[str, re.Pattern[str]] = {
            one.pattern.name: expression(one.pattern.name) for one in self.entries if one.pattern.scope is Scope.ACCOUNT
        }

    def of(self, account: Known) -> Protected | None:
        """Return the first entry that speaks of an account, or None."""
        return next((one for one in self.entries if self._fits(one.pattern, account)), None)

    def bars(self, account: Known, step: State) -> Protected | None:
        """Return what keeps a step from being taken automatically, or None."""
        protected = self.of(account) if self.entries else None
        return None if protected is None or protected.allows(step) else protected

    def _fits(self, pattern: Pattern, account: Known) -> bool:
        scope, name = pattern
        if scope is Scope.ACCOUNT:
            names = self._names[name]
            return any(names.fullmatch(one) for one in (account.address, account.grant_id) if one)
        of_group = {
            Scope.DOMAIN: account.domain,
            Scope.WORKSPACE: account.home,
            Scope.APPLICATION: account.application_id,
        }
        return of_group[scope] == name


def parted(step: State, barred_by: Protected | None) -> tuple[tuple[State, Protected | None], ...]:
    """Return what is decided where a step is asked for: what may happen, and then what is held beside it.

    Args:
        step: What a detector asks for.
        barred_by: What keeps it from being taken automatically, or None.

    Returns:
        The steps in the order in which they are decided, each with what holds it, or None.
    """
    if barred_by is None:
        return ((step, None),)
    return ((barred_by.at_most, None), (step, barred_by))


NOBODY = ProtectedAccounts()
"""Nobody is protected."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """An entry that an earlier one keeps from counting.

    Attributes:
        entry: The place of the entry.
        by: The place of the earlier one.
        whole: Whether the earlier one speaks of all accounts that it speaks of, or only of some, which the entry would
            protect more.
    """

    entry: int
    by: int
    whole: bool


def shadows(entries: Sequence[Protected]) -> Iterator[Shadow]:
    """Yield the entries that can never count, and those that an earlier and weaker one takes accounts from."""
    never: set[int] = set()
    for by, entry in sorted(combinations(range(len(entries)), 2), key=lambda pair: (pair[1], pair[0])):
        earlier, later = entries[by], entries[entry]
        if entry in never:
            continue
        if covers(earlier.pattern, later.pattern):
            never.add(entry)
            yield Shadow(entry, by, whole=True)
        elif SEVERITY[later.at_most] < SEVERITY[earlier.at_most] and _overlap(earlier.pattern, later.pattern):
            yield Shadow(entry, by, whole=False)


def covers(general: Pattern, special: Pattern) -> bool:
    """Tell whether every account that one pattern speaks of is one that the other speaks of, by their texts alone."""
    if general == special:
        return True
    one, other = _addresses(general), _addresses(special)
    return one is not None and other is not None and _covers(one, other)


def _overlap(one: Pattern, other: Pattern) -> bool:
    first, second = _addresses(one), _addresses(other)
    return first is not None and second is not None and names_overlap(first, second)


def _addresses(pattern: Pattern) -> str | None:
    """Return the addresses of a pattern as one, or None where its text tells nothing of them."""
    if pattern.scope is Scope.ACCOUNT:
        return pattern.name
    return f"*@{pattern.name}" if pattern.scope is Scope.DOMAIN else None


def _covers(general: str, special: str) -> bool:
    """Walk through both at once: where some name ends in the special one, the general one must end there too."""
    letters = (set(general) | set(special) | {_OTHER}) - {"*", "?"}
    begin = (_places(special, {0}), _places(general, {0}))
    seen, waiting = {begin}, [begin]
    while waiting:
        here, there = waiting.pop()
        if len(special) in here and len(general) not in there:
            return False
        for letter in letters:
            after = (_after(special, here, letter), _after(general, there, letter))
            if after[0] and after not in seen:
                seen.add(after)
                waiting.append(after)
        if len(seen) > _LOOKED_AT:
            return False
    return True


def _places(pattern: str, places: set[int]) -> frozenset[int]:
    """Return the places with those that are reached without a character."""
    reached = set(places)
    for place in sorted(places):
        at = place
        while at < len(pattern) and pattern[at] == "*":
            at += 1
            reached.add(at)
    return frozenset(reached)


def _after(pattern: str, places: frozenset[int], letter: str) -> frozenset[int]:
    reached: set[int] = set()
    for place in places:
        here = pattern[place : place + 1]
        if here == "*":
            reached.add(place)
        elif here in {"?", letter} and here:
            reached.add(place + 1)
    return _places(pattern, reached)
