"""Protected accounts, as they are configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, StringConstraints

from breaker.config.groups import Group
from breaker.domain.profiles.protected import May, Protected, parse_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def _known_form(text: str) -> str:
    return str(parse_pattern(text))


Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
PatternText = Annotated[str, StringConstraints(max_length=320), AfterValidator(_known_form)]


class ProtectedSettings(Group):
    """Accounts to which no more than so much may happen automatically: a `[[protected]]` table of the TOML file.

    The first table that speaks of an account counts, so an exception is said before its rule. People's acts are done in
    any case.
    """

    pattern: PatternText
    """Whom it is about: an address or grant id, `*` standing for any characters and `?` for one, or `domain:X`
    (subdomains not included), `workspace:X` (where an account belongs), `application:X`."""

    owner: Text
    """Who answers for these accounts, for people to read: nobody should have to find that out at night."""

    may: May = May.NOTIFY
    """What may happen to them at most: `notify` (they are warned of), `limit` (new mail stops, replies pass) or `stop`
    (anything). Default: `notify`, since who protects an account and says no more means that it goes on sending."""

    reason: Text | None = None
    """Why, for people to read. Unset: nothing is said."""

    def entry(self) -> Protected:
        """Return it as it is decided by."""
        return Protected(parse_pattern(self.pattern), self.owner, self.may, self.reason)


def repeated(protected: Sequence[ProtectedSettings]) -> Iterator[str]:
    """Yield which patterns are said twice, each as a line that names the key."""
    first: dict[str, int] = {}
    for place, one in enumerate(protected):
        if one.pattern in first:
            yield f"protected[{place}].pattern: {one.pattern} is protected[{first[one.pattern]}]'s too: keep one"
        first.setdefault(one.pattern, place)
