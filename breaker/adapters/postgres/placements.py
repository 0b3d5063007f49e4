"""Where accounts are, in PostgreSQL: what the platform shows compared page by page with what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.states import WANTED, State, Wanted
from breaker.ports import Account, Misplaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from breaker.adapters.postgres.roster import PostgresRoster
    from breaker.domain.platform.placement import Place
    from breaker.ports import Grant

_PAGE = 5_000

_FOUND_AGAIN = """
    UPDATE accounts a SET grant_deleted_at = NULL
    FROM unnest($1::int[], $2::text[]) AS s(account, grant_id)
    WHERE a.account = s.account AND a.grant_id = s.grant_id AND a.grant_deleted_at < $3
"""

_MISPLACED = """
    SELECT a.account, $4::text, a.grant_id, a.address, a.workspace_id, a.home_workspace_id, s.workspace_id AS found_in,
           c.state, c.permitted, c.confirmed, c.epoch, t.put_back_at, t.left_at
    FROM unnest($1::int[], $2::text[], $3::text[]) AS s(account, grant_id, workspace_id)
    JOIN accounts a ON a.account = s.account AND a.grant_id = s.grant_id
    JOIN circuits c ON c.account = a.account
    LEFT JOIN put_backs t ON t.account = c.account AND t.epoch = c.epoch
    WHERE a.workspace_id <> s.workspace_id AND a.merged_into IS NULL
      AND NOT EXISTS (
          SELECT FROM commands o WHERE o.account = a.account AND (o.ended_at IS NULL OR o.ended_at >= $5)
      )
    ORDER BY a.account
"""

_PLACE = """
    UPDATE accounts a SET workspace_id = s.workspace_id, home_workspace_id = s.home_workspace_id
    FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS s(account, before, workspace_id, home_workspace_id)
    WHERE a.account = s.account AND a.workspace_id = s.before
      AND NOT EXISTS (SELECT FROM commands o WHERE o.account = a.account AND o.ended_at IS NULL)
"""

_KNOWN = """
    SELECT a.account, a.grant_id, a.address
    FROM accounts a
    JOIN applications p USING (application)
    WHERE p.id = $1 AND a.account > $2 AND a.grant_id IS NOT NULL AND a.grant_deleted_at IS NULL
      AND a.merged_into IS NULL AND a.known_since < $3
    ORDER BY a.account
    LIMIT $4
"""


class PostgresPlacements:
    """`breaker.ports.Placements` on PostgreSQL.

    Args:
        pool: Connections to the database.
        roster: Makes grants known.
    """

    def __init__(self, pool: asyncpg.Pool, roster: PostgresRoster) -> None:
        self._pool = pool
        self._roster = roster

    async def know(self, application_id: str, grants: Sequence[Grant], began_at: float, now: float) -> Sequence[int]:
        """Make grants known; who is shown is not deleted."""
        numbers = await self._roster.know(application_id, grants, now)
        with translated():
            await self._pool.execute(_FOUND_AGAIN, numbers, [grant.id for grant in grants], began_at)
        return numbers

    async def misplaced(
        self, application_id: str, numbers: Sequence[int], grants: Sequence[Grant], began_at: float
    ) -> Sequence[Misplaced]:
        """Compare a page in one statement."""
        ids, places = [grant.id for grant in grants], [grant.workspace_id for grant in grants]
        with translated():
            rows = await self._pool.fetch(_MISPLACED, numbers, ids, places, application_id, began_at)
        return [
            Misplaced(
                account=Account(*row[:6]),
                found_in=row["found_in"],
                wanted=Wanted(row["permitted"]) if row["permitted"] else WANTED[State(row["state"])],
                confirmed=Wanted(row["confirmed"]) if row["confirmed"] else None,
                epoch=row["epoch"],
                put_back_at=row["put_back_at"],
                left_at=row["left_at"],
            )
            for row in rows
        ]

    async def place(self, places: Sequence[tuple[Misplaced, Place]]) -> None:
        """Place accounts that are still where they were known to be, and that are not being moved."""
        with translated():
            await self._pool.execute(
                _PLACE,
                [one.account.key for one, _ in places],
                [one.account.workspace_id for one, _ in places],
                [place.workspace_id for _, place in places],
                [place.home_workspace_id for _, place in places],
            )

    async def known(self, application_id: str, began_at: float, after: int) -> Sequence[tuple[int, str, str | None]]:
        """Return accounts with a grant, in the order of their numbers."""
        with translated():
            rows = await self._pool.fetch(_KNOWN, application_id, after, began_at, _PAGE)
        return [tuple(row) for row in rows]

    async def deleted(self, application_id: str, grant_id: str, at: float) -> None:
        """Remember that a grant was deleted."""
        await self._roster.deleted(application_id, grant_id, at)
