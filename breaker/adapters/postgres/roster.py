"""The platform's grants, as far as they are accounts here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.ports import Sender

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from breaker.adapters.postgres.identities import Identities
    from breaker.ports import Grant

_PLACE = """
    UPDATE accounts a
    SET provider = s.provider, workspace_id = coalesce(a.workspace_id, s.workspace_id)
    FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS s(account, grant_id, provider, workspace_id)
    WHERE a.account = s.account
      AND a.grant_id = s.grant_id
      AND (a.provider IS DISTINCT FROM s.provider
           OR (a.workspace_id IS NULL AND s.workspace_id IS NOT NULL))
"""

# Remembered numbers may be of a database that was replaced since. An account whose address another had when it became
# known may have it now.
_OUTDATED = """
    SELECT s.account
    FROM unnest($1::int[], $2::text[], $3::text[]) AS s(account, grant_id, address)
    WHERE NOT EXISTS (
        SELECT FROM accounts a
        WHERE a.account = s.account AND a.grant_id = s.grant_id AND (a.address IS NOT NULL OR s.address IS NULL)
    )
"""


class PostgresRoster:
    """Who there is on the platform.

    Args:
        pool: Connections to the database.
        identities: Who is who.
    """

    def __init__(self, pool: asyncpg.Pool, identities: Identities) -> None:
        """Keep the parts."""
        self._pool = pool
        self._identities = identities

    async def know(self, application_id: str, grants: Sequence[Grant], now: float) -> Sequence[int]:
        """Make grants known, with their address, provider and first workspace; return their accounts' numbers."""
        senders = [Sender(application_id, grant.id, grant.address) for grant in grants]
        with translated():
            ids = [grant.id for grant in grants]
            numbers = await self._identities.numbers_of(set(senders), now)
            addresses = [grant.address for grant in grants]
            outdated = await self._pool.fetch(_OUTDATED, [numbers[sender] for sender in senders], ids, addresses)
            if outdated:
                self._identities.forget({row["account"] for row in outdated})
                numbers = await self._identities.numbers_of(set(senders), now)
            await self._pool.execute(
                _PLACE,
                [numbers[sender] for sender in senders],
                ids,
                [grant.provider for grant in grants],
                [grant.workspace_id for grant in grants],
            )
        return [numbers[sender] for sender in senders]

    async def deleted(self, application_id: str, grant_id: str, at: float) -> None:
        """Remember that a grant was deleted: its address keeps the history for a while."""
        with translated():
            await self._pool.execute(
                """
                UPDATE accounts a SET grant_deleted_at = $3
                FROM applications p
                WHERE p.application = a.application AND p.id = $1 AND a.grant_id = $2 AND a.grant_deleted_at IS NULL
                """,
                application_id,
                grant_id,
                at,
            )
