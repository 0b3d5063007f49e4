"""What is kept of each drill, and how its canary stands."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from breaker.adapters.postgres.circuits import PostgresLocked
from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.states import Wanted
from breaker.domain.drill import Canary, Drill, DrillOutcome, RuleScope, Step, StepResult
from breaker.domain.outcomes.outcomes import OutcomeKind
from breaker.ports import Heard, Unfinished

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from typing import Any

    import asyncpg

    from breaker.domain.windows.counters import WindowSizes
    from breaker.ports import Account

_CANARY = """
    SELECT a.grant_id IS NOT NULL AND a.grant_deleted_at IS NULL, a.address IS NOT NULL, c.confirmed,
           (SELECT o.error FROM commands o
            WHERE o.account = c.account AND o.epoch = c.epoch AND o.error IS NOT NULL
              AND o.ended IS DISTINCT FROM 'settled'
            ORDER BY o.id DESC LIMIT 1),
           EXISTS (
               SELECT FROM domain_circuits d
               WHERE d.application = a.application AND d.domain = a.domain AND d.state = 'stopped'
           ),
           EXISTS (
               SELECT FROM platform_standings s
               WHERE s.account = c.account AND s.what IN ('platform_paused', 'restricted')
           )
    FROM circuits c JOIN accounts a USING (account)
    WHERE c.account = $1
"""

_COLUMNS = """
    d.drill, p.id, coalesce(a.address, a.grant_id), d.asked_by, d.begun_at, d.outcome, d.steps::text, d.rule_scope
"""
_WIDTH = 8
_FROM = "FROM drills d JOIN accounts a USING (account) JOIN applications p ON p.application = d.application"

_BEGIN = """
    INSERT INTO drills (application, account, asked_by, nightly, begun_at, at_step)
    SELECT application, account, $2, $3, $4, $5 FROM accounts WHERE account = $1
    RETURNING drill
"""
_ONE = f"SELECT {_COLUMNS} {_FROM} WHERE d.drill = $1"
_LATEST = f"""
    SELECT {_COLUMNS} {_FROM} WHERE p.id = $1 AND (d.nightly OR NOT $2) ORDER BY d.drill DESC LIMIT 1
"""
_UNFINISHED = f"""
    SELECT {_COLUMNS}, d.account, d.at_step, d.stop_epoch {_FROM}
    WHERE p.id = $1 AND d.ended_at IS NULL
    ORDER BY d.drill
"""
_HEAR = """
    UPDATE drills d SET heard = $3, heard_at = $4
    FROM applications p
    WHERE p.application = d.application AND p.id = $1 AND d.message_id = $2 AND d.heard IS NULL
"""
_CONCLUDE = """
    UPDATE drills SET outcome = $2, failed_at = $3, steps = $4::text::jsonb, rule_scope = $5 WHERE drill = $1
"""
_RULE_SCOPE = """
    SELECT d.rule_scope, d.begun_at FROM drills d JOIN applications p USING (application)
    WHERE p.id = $1 AND d.rule_scope IS NOT NULL
    ORDER BY d.drill DESC LIMIT 1
"""

_STEPS = msgspec.json.Decoder(tuple[StepResult, ...])


def drill_of(columns: Sequence[Any]) -> Drill:
    """Read the columns of a drill."""
    number, application_id, account, by, begun_at, outcome, steps, scope = columns
    return Drill(
        number,
        application_id,
        account,
        by,
        begun_at,
        DrillOutcome(outcome) if outcome else None,
        _STEPS.decode(steps),
        RuleScope(scope) if scope else None,
    )


async def _canary(connection: asyncpg.Connection | asyncpg.Pool, account: int) -> Canary:
    row = await connection.fetchrow(_CANARY, account)
    enforceable, address, confirmed, error, domain_stopped, refuses = row
    return Canary(enforceable, address, Wanted(confirmed) if confirmed else None, error, domain_stopped, refuses)


class PostgresLockedDrills(PostgresLocked):
    """Accounts with the drills that change them, in one transaction."""

    async def canary(self, account: Account) -> Canary:
        """Return how the canary stands."""
        return await _canary(self._connection, account.key)

    async def note_stop(self, number: int, epoch: int) -> None:
        """Remember which epoch a drill's stop begins."""
        await self._connection.execute("UPDATE drills SET stop_epoch = $2 WHERE drill = $1", number, epoch)


class PostgresDrills:
    """`breaker.ports.Drills` on PostgreSQL.

    Args:
        pool: Connections to the database.
        sizes: The windows of the counters.
    """

    def __init__(self, pool: asyncpg.Pool, sizes: WindowSizes) -> None:
        self._pool = pool
        self._sizes = sizes

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresLockedDrills]:
        """Begin a transaction that commits at the end of the block, or changes nothing."""
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                yield PostgresLockedDrills(connection, self._sizes)

    async def begin(self, account: int, by: str, now: float, *, nightly: bool) -> Drill:
        """Remember that a drill begins."""
        with translated():
            number = await self._pool.fetchval(_BEGIN, account, by, nightly, now, Step.CANARY)
            return drill_of(await self._pool.fetchrow(_ONE, number))

    async def at_step(self, number: int, step: Step) -> None:
        """Remember which step begins."""
        with translated():
            await self._pool.execute("UPDATE drills SET at_step = $2 WHERE drill = $1", number, step)

    async def sent(self, number: int, message_id: str) -> None:
        """Remember the message that is to be heard of."""
        with translated():
            await self._pool.execute("UPDATE drills SET message_id = $2 WHERE drill = $1", number, message_id)

    async def hear(self, application_id: str, message_id: str, heard: Heard) -> bool:
        """Remember what was heard of a message; the first that is heard counts."""
        with translated():
            done = await self._pool.execute(_HEAR, application_id, message_id, heard.kind, heard.at)
        return bool(done != "UPDATE 0")

    async def heard(self, number: int) -> Heard | None:
        """Return what was heard of a drill's message."""
        with translated():
            row = await self._pool.fetchrow("SELECT heard, heard_at FROM drills WHERE drill = $1", number)
        return Heard(OutcomeKind(row["heard"]), row["heard_at"]) if row and row["heard"] else None

    async def conclude(
        self, number: int, outcome: DrillOutcome, steps: Sequence[StepResult], rule_scope: RuleScope | None
    ) -> None:
        """Store how a drill ended."""
        failed = next((one.step for one in steps if one.passed is False), None)
        told = msgspec.json.encode(steps).decode()
        with translated():
            await self._pool.execute(_CONCLUDE, number, outcome, failed, told, rule_scope)

    async def end(self, number: int, now: float) -> None:
        """Remember that nothing of a drill is left."""
        with translated():
            await self._pool.execute("UPDATE drills SET ended_at = $2 WHERE drill = $1", number, now)

    async def unfinished(self, application_id: str) -> Sequence[Unfinished]:
        """Return the drills of an application that were not ended."""
        with translated():
            rows = await self._pool.fetch(_UNFINISHED, application_id)
        return [
            Unfinished(drill_of(row[:_WIDTH]), row["account"], Step(row["at_step"]), row["stop_epoch"]) for row in rows
        ]

    async def canary(self, account: int) -> Canary:
        """Return how an account stands."""
        with translated():
            return await _canary(self._pool, account)

    async def latest(self, application_id: str, *, nightly: bool = False) -> Drill | None:
        """Return the latest drill of an application that was begun."""
        with translated():
            row = await self._pool.fetchrow(_LATEST, application_id, nightly)
        return drill_of(row) if row else None

    async def rule_scope(self, application_id: str) -> tuple[RuleScope, float] | None:
        """Return where rules hold, as it was found out last, and when that was."""
        with translated():
            row = await self._pool.fetchrow(_RULE_SCOPE, application_id)
        return (RuleScope(row["rule_scope"]), row["begun_at"]) if row else None
