"""What the platform itself did to accounts, in PostgreSQL: few rows, and none that counting touches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.domain.outcomes.outcomes import OutcomeSet
from breaker.domain.platform.platform_standing import Example, PlatformStanding, Scope, SendRefusal, Source, joined
from breaker.ports import Account, Announced, Unread

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    import asyncpg

PLATFORM_COLUMNS = """
    s.what, s.scope, s.scope_told, s.since, s.seen_at, s.source, s.status, s.error_type, s.message, s.request_id,
    s.until, s.refused
"""
PLATFORM_WIDTH = 12
"""How many columns that are."""

_ACCOUNT = "a.account, p.id, a.grant_id, a.address, a.workspace_id, a.home_workspace_id"
_ACCOUNT_COLUMNS = 6

# Two statements, so that each is answered from its index.
_CALLED = f"""
    SELECT a.grant_id AS name, {_ACCOUNT} FROM accounts a JOIN applications p USING (application)
    WHERE a.grant_id = ANY($1::text[]) AND a.merged_into IS NULL
    UNION ALL
    SELECT a.address, {_ACCOUNT} FROM accounts a JOIN applications p USING (application)
    WHERE a.address = ANY($1::text[]) AND a.merged_into IS NULL
"""  # noqa: S608 - made of constants

# A send belongs to the moment it was sent, so a delivered one from after a refusal shows that it is over.
_OVER = f"""
    EXISTS (SELECT FROM ledger l
            WHERE l.application = a.application AND l.account = a.account AND l.sent_at > {{since}}
              AND l.outcomes & {int(OutcomeSet.DELIVERED)} <> 0)
    OR EXISTS (SELECT FROM verdicts v
               WHERE v.account = a.account AND v.author IS NOT NULL AND v.at > {{since}}
                 AND v.context ->> 'act' = 'reset')
"""  # noqa: S608 - made of constants

_IS_OVER = f"SELECT {_OVER.format(since='$2::float8')} FROM accounts a WHERE a.account = $1"  # noqa: S608 - made of constants

_LOCK = "SELECT FROM circuits WHERE account = $1 FOR NO KEY UPDATE"
_KNOWN = f"SELECT {PLATFORM_COLUMNS} FROM platform_standings s WHERE s.account = $1"  # noqa: S608 - made of constants

_STORE = """
    INSERT INTO platform_standings AS s
        (account, what, scope, scope_told, since, seen_at, source, status, error_type, message, request_id, until,
         refused, noted_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (account) DO UPDATE
    SET what = excluded.what, scope = excluded.scope, scope_told = excluded.scope_told, since = excluded.since,
        seen_at = excluded.seen_at, source = excluded.source, status = excluded.status,
        error_type = excluded.error_type, message = excluded.message, request_id = excluded.request_id,
        until = excluded.until, refused = excluded.refused,
        noted_at = CASE WHEN s.what = excluded.what THEN s.noted_at ELSE excluded.noted_at END,
        announced_at = CASE WHEN s.what = excluded.what THEN s.announced_at END
"""

_END = f"""
    DELETE FROM platform_standings s USING accounts a, applications p
    WHERE a.account = s.account AND p.application = a.application
      AND (s.until <= $1 OR {_OVER.format(since="s.seen_at")})
    RETURNING {_ACCOUNT}, {PLATFORM_COLUMNS}
"""  # noqa: S608 - made of constants

_RESTRICTIONS = """
    SELECT p.id, s.account, coalesce(a.domain, '')
    FROM platform_standings s JOIN accounts a USING (account) JOIN applications p USING (application)
    WHERE s.what = 'restricted' AND NOT s.scope_told
    ORDER BY s.account
"""

_SET_SCOPES = """
    UPDATE platform_standings s SET scope = t.scope FROM unnest($1::int[], $2::text[]) AS t(account, scope)
    WHERE s.account = t.account AND NOT s.scope_told AND s.scope IS DISTINCT FROM t.scope
"""

_ANNOUNCE = f"""
    UPDATE platform_standings s SET announced_at = $2 FROM accounts a, applications p
    WHERE a.account = s.account AND p.application = a.application AND s.announced_at IS NULL AND s.noted_at <= $1
    RETURNING {_ACCOUNT}, {PLATFORM_COLUMNS}
"""  # noqa: S608 - made of constants

_UNREAD = f"""
    SELECT {_ACCOUNT}, coalesce(e.until, 0)
    FROM circuits c
    JOIN accounts a USING (account)
    JOIN applications p USING (application)
    LEFT JOIN evaluations_read e USING (account)
    LEFT JOIN platform_standings s USING (account)
    WHERE p.id = $1 AND a.grant_id IS NOT NULL AND a.grant_deleted_at IS NULL AND a.merged_into IS NULL
      AND (c.state IN ('limited', 'stopped', 'probing') OR s.what = 'evaluation_failed')
    ORDER BY e.read_at NULLS FIRST, c.account
    LIMIT $2
"""  # noqa: S608 - made of constants

_READ = """
    INSERT INTO evaluations_read AS e (account, read_at, until, refused, last_refused_at) VALUES ($1, $5, $2, $3, $4)
    ON CONFLICT (account) DO UPDATE
    SET read_at = excluded.read_at, until = greatest(e.until, excluded.until), refused = e.refused + excluded.refused,
        last_refused_at = greatest(e.last_refused_at, excluded.last_refused_at)
"""

_UNVERIFIED = """
    INSERT INTO unverified_domains AS u (application, domain, seen_at)
    SELECT a.application, a.domain, $2 FROM accounts a WHERE a.account = $1 AND a.domain IS NOT NULL
    ON CONFLICT (application, domain) DO UPDATE SET seen_at = greatest(u.seen_at, excluded.seen_at)
"""


class PostgresPlatformStandings:
    """`breaker.ports.PlatformStandings` on PostgreSQL.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def accounts_called(self, names: Collection[str]) -> Mapping[str, Sequence[Account]]:
        """Return the accounts by grant id or address; names that nobody has are missing."""
        with translated():
            rows = await self._pool.fetch(_CALLED, list(names))
        called: dict[str, list[Account]] = {}
        for name, *columns in rows:
            called.setdefault(name, []).append(Account(*columns))
        return called

    async def note(self, account: int, seen: PlatformStanding, now: float) -> PlatformStanding | None:
        """Join with the account's circuit locked, so that of two refusals at once neither is lost."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(_LOCK, account)
                if await connection.fetchval(_IS_OVER, account, seen.seen_at):
                    return None
                row = await connection.fetchrow(_KNOWN, account)
                standing = joined(platform_of(row) if row else None, seen)
                await connection.execute(_STORE, account, *_columns(standing), now)
        return standing

    async def note_unverified(self, account: int, at: float) -> None:
        """Remember that the account's sending domain was refused as not verified."""
        with translated():
            await self._pool.execute(_UNVERIFIED, account, at)

    async def end(self, now: float) -> Sequence[Announced]:
        """End what a later delivered send, a person's reset or its time has ended; return it."""
        with translated():
            return [_announced(row) for row in await self._pool.fetch(_END, now)]

    async def restrictions(self) -> Mapping[str, Sequence[tuple[int, str]]]:
        """Return the accounts under a restriction whose scope nobody names, with their domains, by application."""
        with translated():
            rows = await self._pool.fetch(_RESTRICTIONS)
        restricted: dict[str, list[tuple[int, str]]] = {}
        for application_id, account, domain in rows:
            restricted.setdefault(application_id, []).append((account, domain))
        return restricted

    async def set_scopes(self, scopes: Mapping[int, Scope]) -> None:
        """Store scopes that were inferred; what the platform named stays."""
        with translated():
            await self._pool.execute(_SET_SCOPES, list(scopes), [str(scope) for scope in scopes.values()])

    async def announce(self, before: float, now: float) -> Sequence[Announced]:
        """Return what was noted before a moment and never returned here."""
        with translated():
            return [_announced(row) for row in await self._pool.fetch(_ANNOUNCE, before, now)]

    async def unread(self, application_id: str, limit: int) -> Sequence[Unread]:
        """Return held accounts whose receipts were read longest ago, so many at most."""
        with translated():
            rows = await self._pool.fetch(_UNREAD, application_id, limit)
        return [Unread(Account(*row[:_ACCOUNT_COLUMNS]), row[_ACCOUNT_COLUMNS]) for row in rows]

    async def read(self, account: int, until: float, refused: int, last_refused_at: float | None, now: float) -> None:
        """Remember that an account's receipts are known up to a time."""
        with translated():
            await self._pool.execute(_READ, account, until, refused, last_refused_at, now)


def platform_of(columns: Sequence[Any]) -> PlatformStanding:
    """Read `PLATFORM_COLUMNS`."""
    what, scope, told, since, seen_at, source, status, kind, message, request_id, until, refused = columns
    return PlatformStanding(
        what=SendRefusal(what),
        scope=Scope(scope) if scope else None,
        scope_told=told,
        since=since,
        seen_at=seen_at,
        source=Source(source),
        example=Example(status, kind, message, seen_at, request_id),
        until=until,
        refused=refused,
    )


def _columns(standing: PlatformStanding) -> tuple[object, ...]:
    example = standing.example
    return (
        standing.what,
        standing.scope,
        standing.scope_told,
        standing.since,
        standing.seen_at,
        standing.source,
        example.status,
        example.type,
        example.message,
        example.request_id,
        standing.until,
        standing.refused,
    )


def _announced(row: Sequence[Any]) -> Announced:
    return Announced(Account(*row[:_ACCOUNT_COLUMNS]), platform_of(row[_ACCOUNT_COLUMNS:]))
