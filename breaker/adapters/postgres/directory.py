"""Who is meant by a selector, in PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.reading.rows import CIRCUIT_COLUMNS, circuit_of
from breaker.domain.acts.selectors import Scope, most_like
from breaker.domain.circuits.states import WANTED
from breaker.ports import Account

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg

    from breaker.domain.acts.acts import Automatic
    from breaker.domain.acts.selectors import Selector
    from breaker.domain.circuits.circuit import Circuit

HOME = "coalesce(a.home_workspace_id, a.workspace_id)"
"""The workspace that an account belongs to, in SQL."""

# One statement each, so that each is answered from the index that fits it.
_MEANT: Mapping[Scope, str] = {
    Scope.DOMAIN: "a.domain = $1",
    Scope.WORKSPACE: f"{HOME} = $1",
    Scope.APPLICATION: "p.id = $1",
    Scope.ALL: "$1::text IS NOT NULL",
}
_BY_ADDRESS = "a.address = $1"
_BY_GRANT = "a.grant_id = $1"

_ALIKE: Mapping[str, str] = {
    "address": """
        SELECT address FROM accounts a
        WHERE merged_into IS NULL AND address IS NOT NULL
          AND (domain = split_part($1, '@', 2) OR left(address, 3) = left($1, 3))
        ORDER BY (domain = split_part($1, '@', 2)) DESC, left(address, 3) = left($1, 3) DESC LIMIT 2000
    """,
    Scope.ACCOUNT: """
        SELECT grant_id FROM accounts WHERE merged_into IS NULL AND left(grant_id, 3) = left($1, 3) LIMIT 2000
    """,
    Scope.DOMAIN: "SELECT DISTINCT domain FROM accounts WHERE merged_into IS NULL AND $1::text IS NOT NULL LIMIT 2000",
    Scope.WORKSPACE: f"""
        SELECT DISTINCT {HOME} FROM accounts a WHERE merged_into IS NULL AND $1::text IS NOT NULL LIMIT 2000
    """,  # noqa: S608 - made of a constant
    Scope.APPLICATION: "SELECT id FROM applications WHERE $1::text IS NOT NULL",
}
"""What a name that nobody has is compared with."""

_CIRCUITS = f"""
    SELECT c.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id, a.provider, {CIRCUIT_COLUMNS}
    FROM circuits c
    JOIN accounts a USING (account)
    JOIN applications p USING (application)
    WHERE c.account = ANY($1::int[])
    ORDER BY c.account
"""  # noqa: S608 - made of constants

# What was decided last of why it is held: a probe's rounds and a mode that was set change nothing of that.
_AUTOMATIC = """
    JOIN LATERAL (
        SELECT v.author, v.detector, v.at FROM verdicts v
        WHERE v.account = c.account AND v.held_by IS NULL AND v.to_state IN ('limited', 'stopped')
          AND v.from_state NOT IN ('probing', v.to_state)
        ORDER BY v.id DESC
        LIMIT 1
    ) last ON last.author IS NULL AND last.detector <> 'platform'
          AND ($2::text IS NULL OR last.detector = $2) AND ($3::float8 IS NULL OR last.at >= $3)
"""
_AUTOMATIC_DOMAINS = """
    SELECT p.id, d.domain
    FROM domain_circuits d
    JOIN applications p USING (application)
    JOIN LATERAL (
        SELECT v.author, v.detector, v.at FROM verdicts v
        WHERE v.application = d.application AND v.scope = 'domain:' || d.domain AND v.held_by IS NULL
          AND v.to_state = 'stopped' AND v.from_state NOT IN ('probing', 'stopped')
        ORDER BY v.id DESC
        LIMIT 1
    ) last ON last.author IS NULL AND last.detector <> 'platform'
          AND ($1::text IS NULL OR last.detector = $1) AND ($2::float8 IS NULL OR last.at >= $2)
    WHERE d.state IN ('stopped', 'probing')
"""

_UNCONFIRMED = """
    SELECT c.account
    FROM circuits c JOIN unnest($2::text[], $3::text[]) AS w(state, wanted) USING (state)
    WHERE c.account = ANY($1::int[]) AND c.confirmed IS DISTINCT FROM coalesce(c.permitted, w.wanted)
    ORDER BY c.account
"""

_HELD_FOR_COMPLAINTS = """
    SELECT c.account
    FROM circuits c
    CROSS JOIN LATERAL (
        SELECT v.signal
        FROM verdicts v
        WHERE v.account = c.account AND v.held_by IS NULL AND v.signal IS NOT NULL
          AND v.to_state IN ('limited', 'stopped') AND v.from_state <> v.to_state
          AND v.id > coalesce(
              (SELECT max(free.id) FROM verdicts free
               WHERE free.account = c.account AND free.held_by IS NULL AND free.to_state IN ('sending', 'warned')), 0)
        ORDER BY v.id DESC
        LIMIT 1
    ) last
    WHERE c.account = ANY($1::int[]) AND c.state IN ('limited', 'stopped') AND last.signal = 'complaint'
"""


def meant(selector: Selector) -> str:
    """Return the SQL condition on `accounts a` and `applications p` of a selector, whose name is `$1`."""
    if selector.scope is Scope.ACCOUNT:
        return _BY_ADDRESS if selector.by_address else _BY_GRANT
    return _MEANT[selector.scope]


class PostgresDirectory:
    """Accounts by selector.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Ask nothing yet."""
        self._pool = pool

    async def keys(self, selector: Selector, *, pending: bool = False) -> Sequence[int]:
        """Return the accounts that a selector speaks of, ascending; `pending`: only those with a held verdict."""
        held = "JOIN circuits c ON c.account = a.account AND c.pending_verdict IS NOT NULL" if pending else ""
        statement = f"""
            SELECT a.account
            FROM applications p JOIN accounts a USING (application) {held}
            WHERE {meant(selector)} AND a.merged_into IS NULL
            ORDER BY a.account
        """  # noqa: S608 - made of this file's constants
        with translated():
            return [key for (key,) in await self._pool.fetch(statement, selector.name)]

    async def nearest(self, selector: Selector) -> str | None:
        """Return what is known and most like a selector that speaks of nobody, as people type it, or None.

        Addresses are looked for among those of the same domain and those that begin alike, grants among those that
        begin alike: a fleet is too large to be compared as a whole.
        """
        statement = _ALIKE.get("address" if selector.by_address else selector.scope)
        if statement is None:
            return None
        with translated():
            known = [name for (name,) in await self._pool.fetch(statement, selector.name) if name]
        found = most_like(selector.name, known)
        return None if found is None else str(replace(selector, name=found))

    async def automatic(self, selector: Selector, only: Automatic) -> Sequence[int]:
        """Return those that stand stopped or limited by Breaker's own verdicts, ascending."""
        statement = f"""
            SELECT a.account
            FROM applications p JOIN accounts a USING (application)
            JOIN circuits c ON c.account = a.account AND c.state IN ('limited', 'stopped', 'probing')
            {_AUTOMATIC}
            WHERE {meant(selector)} AND a.merged_into IS NULL
            ORDER BY a.account
        """  # noqa: S608 - made of this file's constants
        with translated():
            return [key for (key,) in await self._pool.fetch(statement, selector.name, only.detector, only.since)]

    async def automatic_domains(self, only: Automatic) -> Collection[tuple[str, str]]:
        """Return the sending domains that stand stopped by Breaker's own verdicts, as `(application, name)`."""
        with translated():
            return {(one, name) for one, name in await self._pool.fetch(_AUTOMATIC_DOMAINS, only.detector, only.since)}

    async def applications(self, selector: Selector) -> Sequence[str]:
        """Return the ids of the applications that a selector touches."""
        touched = (
            meant(selector)
            if selector.scope in (Scope.APPLICATION, Scope.ALL)
            else f"""EXISTS (SELECT FROM accounts a WHERE a.application = p.application AND a.merged_into IS NULL
                             AND {meant(selector)})"""
        )
        statement = f"SELECT p.id FROM applications p WHERE {touched} ORDER BY p.application"  # noqa: S608 - as above
        with translated():
            return [name for (name,) in await self._pool.fetch(statement, selector.name)]

    async def circuits(self, accounts: Sequence[int]) -> Sequence[tuple[Account, Circuit]]:
        """Return accounts as they are, unlocked, in ascending order."""
        with translated():
            rows = await self._pool.fetch(_CIRCUITS, accounts)
        return [(Account(*row[:7]), circuit_of(row[7:])) for row in rows]

    async def held_for_complaints(self, accounts: Sequence[int]) -> Collection[int]:
        """Return those that are stopped or limited, and came to be so by complaints since they were last free."""
        with translated():
            return {key for (key,) in await self._pool.fetch(_HELD_FOR_COMPLAINTS, accounts)}

    async def unconfirmed(self, accounts: Sequence[int]) -> Sequence[int]:
        """Return those whose wanted state the platform was not read back for."""
        states, wanted = list(WANTED), list(WANTED.values())
        with translated():
            return [key for (key,) in await self._pool.fetch(_UNCONFIRMED, accounts, states, wanted)]
