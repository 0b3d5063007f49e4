"""The audit trail: verdicts of detectors, acts of people, what was found on the platform; the newest first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.reading.cursors import decode_cursor, encode_cursor
from breaker.adapters.postgres.reading.rows import VERDICT_COLUMNS, verdict_of
from breaker.domain.standing.listing import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from breaker.domain.standing.standing import VerdictRecord


class PostgresTrail:
    """The audit trail.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Read nothing yet."""
        self._pool = pool

    async def page(
        self,
        accounts: Sequence[int] | None = None,
        since: float | None = None,
        limit: int = 100,
        cursor: str | None = None,
        scope: str | None = None,
    ) -> Page[VerdictRecord]:
        """Return one page of entries.

        Args:
            accounts: Those about these accounts only; None for all, acts on groups included.
            since: Those from this moment on, Unix seconds.
            limit: How many at most.
            cursor: Where to go on.
            scope: Those about this group only, such as `domain:example.com`.

        Raises:
            CursorError: The cursor is none that this list gave.
        """
        values: list[Any] = [limit + 1]
        conditions = ["true"]
        for condition, value in (
            ("v.account = ANY(${}::int[])", accounts),
            ("v.at >= ${}", since),
            ("v.scope = ${}", scope),
            ("v.id < ${}", decode_cursor(cursor, int) if cursor else None),
        ):
            if value is not None:
                values.append(value)
                conditions.append(condition.format(len(values)))
        statement = f"""
            SELECT a.grant_id, a.address, v.account, {VERDICT_COLUMNS}
            FROM verdicts v LEFT JOIN accounts a USING (account)
            WHERE {" AND ".join(conditions)}
            ORDER BY v.id DESC LIMIT $1
        """  # noqa: S608 - made of constants and numbered parameters
        with translated():
            rows = await self._pool.fetch(statement, *values)
        entries = tuple(_entry(row) for row in rows[:limit])
        return Page(entries, encode_cursor(entries[-1].id) if len(rows) > limit else None)


def _entry(row: Sequence[Any]) -> VerdictRecord:
    grant_id, address, account, *verdict = row
    entry = verdict_of(verdict, None if account is None else grant_id or address or str(account), address)
    # A verdict about a domain's own circuit has states; one about a group's mode has none, and concerns nobody.
    return replace(entry, account=entry.scope) if entry.account is None and entry.to else entry
