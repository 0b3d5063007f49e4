"""Whom the patterns of protected accounts speak of: asked before they are relied on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from breaker.adapters.postgres.reading.known import PostgresKnown
from breaker.app.database import UnavailableError, connections, database, unreachable
from breaker.app.derived import protected_accounts
from breaker.ports import StoreError

if TYPE_CHECKING:
    from breaker.config import Settings
    from breaker.domain.profiles.protected import Protected

EXAMPLES = 3


@dataclass(slots=True)
class Speaks:
    """An entry, and whom it speaks of.

    Attributes:
        entry: The entry.
        accounts: How many accounts it counts for.
        examples: The first of them.
    """

    entry: Protected
    accounts: int = 0
    examples: list[str] = field(default_factory=list)


async def who_is_protected(settings: Settings) -> list[Speaks]:
    """Return the entries of the configuration in their order, with the accounts that each counts for.

    Raises:
        UnavailableError: The database can't be used.
    """
    protected = protected_accounts(settings)
    found = {one.pattern: Speaks(one) for one in protected.entries}
    async with database(settings) as url, connections(settings, url) as pool:
        try:
            async for page in PostgresKnown(pool).pages():
                for account in page:
                    entry = protected.of(account)
                    if entry is not None:
                        speaks = found[entry.pattern]
                        speaks.accounts += 1
                        if len(speaks.examples) < EXAMPLES:
                            speaks.examples.append(account.address or account.id)
        except StoreError as error:
            raise UnavailableError(unreachable(settings, error)) from error
    return list(found.values())
