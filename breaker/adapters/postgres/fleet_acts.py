"""What people do to the whole fleet, in PostgreSQL: holds, and limits of the fleet guard; all in the audit trail.

The number in `facts` by which daemons notice changed modes grows with a hold too, so that they follow within a second.
The limits are read whenever the guard is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.adapters.postgres.modes import NEXT_VERSION
from breaker.domain.acts.fleet_acts import RAISED_FOR, FleetActKind

if TYPE_CHECKING:
    import asyncpg

    from breaker.domain.acts.fleet_acts import FleetAct

_END_HOLD = "UPDATE holds SET ended_at = $1, ended_by = $2 WHERE ended_at IS NULL"
_HOLD = "INSERT INTO holds (reason, author, set_at, expires_at) VALUES ($1, $2, $3, $4)"

_LOWER = """
    UPDATE guard_raises SET ended_at = $1, ended_by = $2
    WHERE ended_at IS NULL AND ($3::text IS NULL OR only_limit IS NULL OR only_limit = $3)
"""
_RAISE = """
    INSERT INTO guard_raises (number, share, only_limit, reason, author, at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

_AUDIT = """
    INSERT INTO verdicts (application, scope, at, detector, why, author, context)
    SELECT application, $1, $2, 'operator', $3, $4, jsonb_build_object('act', $5::text) FROM applications
    ORDER BY application
"""


class PostgresFleetActs:
    """Acts on the whole fleet.

    Args:
        pool: Connections to the database.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Keep the pool."""
        self._pool = pool

    async def carry_out(self, act: FleetAct, now: float) -> None:
        """Do it, and tell the audit trail of every application, all or nothing.

        Raises:
            StoreError: It was not done.
        """
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await self._change(connection, act, now)
                await connection.execute(_AUDIT, act.scope, now, act.sentence, act.author, act.kind)

    async def _change(self, connection: asyncpg.Connection, act: FleetAct, now: float) -> None:
        expires_at = None if act.lasts is None else now + act.lasts
        if act.kind in {FleetActKind.HOLD_ON, FleetActKind.HOLD_OFF}:
            await connection.execute(NEXT_VERSION)
            await connection.execute(_END_HOLD, now, act.author)
            if act.kind is FleetActKind.HOLD_ON:
                await connection.execute(_HOLD, act.reason, act.author, now, expires_at)
            return
        # The newest of a limit stands for what was said of it before.
        await connection.execute(_LOWER, now, act.author, act.only)
        if act.kind is FleetActKind.GUARD_RAISE:
            await connection.execute(
                _RAISE, act.number, act.share, act.only, act.reason, act.author, now, expires_at or now + RAISED_FOR
            )
