"""The inventory in PostgreSQL: every change that Breaker made on the platform and has not taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.postgres.errors import translated
from breaker.ports import InventoryItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

_ITEMS = """
    SELECT i.kind, i.platform_id, i.detail::text, i.made_at
    FROM inventory i
    JOIN applications p ON p.application = i.application
    WHERE p.id = $1
    ORDER BY i.made_at, i.kind, i.platform_id
"""

# Asked first: an insert that meets a row that is there already would use up a number of the application's narrow type.
_KNOW_APPLICATION = """
    INSERT INTO applications (id) SELECT $1 WHERE NOT EXISTS (SELECT FROM applications WHERE id = $1)
    ON CONFLICT DO NOTHING
"""

_ADD = """
    INSERT INTO inventory (application, kind, platform_id, detail, made_at)
    SELECT application, $2, $3, $4::text::jsonb, $5 FROM applications WHERE id = $1
    ON CONFLICT (application, kind, platform_id) DO UPDATE SET detail = excluded.detail, made_at = excluded.made_at
"""

_REMOVE = """
    DELETE FROM inventory i USING applications p
    WHERE p.application = i.application AND p.id = $1 AND i.kind = $2 AND i.platform_id = $3
"""

_DETAIL = msgspec.json.Decoder(dict[str, object])


class PostgresInventory:
    """`breaker.ports.Inventory` on PostgreSQL.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def items(self, application_id: str) -> Sequence[InventoryItem]:
        """Return all, the oldest first."""
        with translated():
            rows = await self._pool.fetch(_ITEMS, application_id)
        return [InventoryItem(kind, number, _DETAIL.decode(detail), made_at) for kind, number, detail, made_at in rows]

    async def add(self, application_id: str, item: InventoryItem) -> None:
        """Remember a change, or what is known of it by now."""
        detail = msgspec.json.encode(item.detail).decode()
        with translated():
            await self._pool.execute(_KNOW_APPLICATION, application_id)
            await self._pool.execute(_ADD, application_id, item.kind, item.platform_id, detail, item.made_at)

    async def remove(self, application_id: str, kind: str, platform_id: str) -> None:
        """Forget a change; one that is not known is no error."""
        with translated():
            await self._pool.execute(_REMOVE, application_id, kind, platform_id)
