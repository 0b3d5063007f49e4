"""The outbox in PostgreSQL: claimed by short updates that skip what others hold, settled with the circuit locked.

Claims end by the database's clock, since they measure processes; when a command is due is a matter of the time that
Breaker is given, like everything else. Commands are locked by number, and circuits before commands and in ascending
order, so that nothing waits in a circle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from breaker.adapters.postgres.errors import translated
from breaker.domain.circuits.states import WANTED, State
from breaker.domain.platform.commands import PRIORITIES, CommandKind
from breaker.ports import Account, Backlog, Command, SendingDomain

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import asyncpg

# A later step waits for the first attempt at the earlier ones, and no longer: what can't be moved can still be blocked.
# What lifts waits until every earlier step that holds was read back, so that no account is free in between.
_CLAIM = """
    WITH superseded AS (
        UPDATE commands SET ended_at = $2, ended = 'superseded', claimed_by = NULL
        WHERE id IN (
            SELECT o.id
            FROM commands o
            JOIN applications p ON p.application = o.application
            LEFT JOIN circuits c ON c.account = o.account
            LEFT JOIN domain_circuits d ON d.application = o.application AND d.domain = o.domain
            WHERE p.id = $1 AND o.ended_at IS NULL AND o.epoch < coalesce(c.epoch, d.epoch)
            ORDER BY o.id
            FOR UPDATE OF o SKIP LOCKED
        )
    ), claimed AS (
        UPDATE commands
        SET claimed_by = $3, claimed_until = extract(epoch FROM clock_timestamp()) + $4::float8,
            attempts = attempts + 1, sent_at = $2
        WHERE id IN (
            SELECT o.id
            FROM commands o
            JOIN applications p ON p.application = o.application
            LEFT JOIN circuits c ON c.account = o.account
            LEFT JOIN domain_circuits d ON d.application = o.application AND d.domain = o.domain
            WHERE p.id = $1 AND o.ended_at IS NULL AND o.epoch = coalesce(c.epoch, d.epoch)
              AND o.priority <= $6
              AND o.next_attempt_at <= $2
              AND o.claimed_until <= extract(epoch FROM clock_timestamp())
              AND NOT EXISTS (
                  SELECT FROM commands earlier
                  WHERE earlier.account = o.account AND earlier.epoch = o.epoch AND earlier.step < o.step
                    AND ((earlier.ended_at IS NULL AND earlier.attempts = 0)
                         OR (o.priority > 0 AND earlier.priority = 0 AND earlier.ended IS DISTINCT FROM 'settled'))
              )
              AND NOT EXISTS (
                  SELECT FROM commands earlier
                  WHERE o.domain IS NOT NULL AND earlier.application = o.application AND earlier.domain = o.domain
                    AND earlier.epoch = o.epoch AND earlier.step < o.step
                    AND ((earlier.ended_at IS NULL AND earlier.attempts = 0)
                         OR (o.priority > 0 AND earlier.priority = 0 AND earlier.ended IS DISTINCT FROM 'settled'))
              )
            ORDER BY o.priority, o.step, o.id
            LIMIT $5
            FOR UPDATE OF o SKIP LOCKED
        )
        RETURNING id, account, domain, epoch, kind, attempts, created_at, priority, step
    )
    SELECT o.id, o.epoch, o.kind, o.attempts, o.created_at, o.domain AS stopped_domain,
           a.account, a.grant_id, a.address, a.workspace_id, a.home_workspace_id
    FROM claimed o
    LEFT JOIN accounts a ON a.account = o.account
    ORDER BY o.priority, o.step, o.id
"""

_HOLDS, _LIFTS = sorted(set(PRIORITIES.values()))

_CURRENT = """
    SELECT o.id
    FROM commands o
    LEFT JOIN circuits c ON c.account = o.account
    LEFT JOIN domain_circuits d ON d.application = o.application AND d.domain = o.domain
    WHERE o.id = ANY($1::bigint[]) AND o.ended_at IS NULL AND o.epoch = coalesce(c.epoch, d.epoch)
"""

_LOCK_CIRCUITS = """
    SELECT account, state, epoch, permitted FROM circuits WHERE account = ANY($1::int[])
    ORDER BY account FOR NO KEY UPDATE
"""

_END = """
    UPDATE commands SET ended_at = $2, ended = $3, error = $4, claimed_by = NULL
    WHERE id = ANY($1::bigint[]) AND ended_at IS NULL
"""

_WAITING = """
    SELECT lifts.id
    FROM commands holds
    JOIN commands lifts ON lifts.account = holds.account AND lifts.epoch = holds.epoch AND lifts.step > holds.step
    WHERE holds.id = ANY($1::bigint[]) AND holds.priority = 0 AND lifts.priority > 0 AND lifts.ended_at IS NULL
    UNION ALL
    SELECT lifts.id
    FROM commands holds
    JOIN commands lifts ON lifts.application = holds.application AND lifts.domain = holds.domain
                       AND lifts.epoch = holds.epoch AND lifts.step > holds.step
    WHERE holds.id = ANY($1::bigint[]) AND holds.priority = 0 AND lifts.priority > 0 AND lifts.ended_at IS NULL
"""

_CONFIRM = """
    UPDATE circuits c SET confirmed = s.wanted, confirmed_at = $3
    FROM unnest($1::int[], $2::text[]) AS s(account, wanted)
    WHERE c.account = s.account
      AND NOT EXISTS (
          SELECT FROM commands o
          WHERE o.account = c.account AND o.epoch = c.epoch AND (o.ended_at IS NULL OR o.ended = 'given_up')
      )
"""

# Its own entry stops a domain, whoever stands in for it besides; it is let go once nothing is under way any more.
_CONFIRM_DOMAIN = """
    UPDATE domain_circuits d
    SET confirmed_at = $2,
        confirmed = CASE WHEN coalesce(d.permitted, d.state) IN ('stopped', 'probing') THEN 'stopped' ELSE 'sending' END
    FROM commands o
    WHERE o.id = $1 AND d.application = o.application AND d.domain = o.domain AND d.epoch = o.epoch
      AND CASE WHEN coalesce(d.permitted, d.state) IN ('stopped', 'probing') THEN o.kind = 'block_domain'
               ELSE NOT EXISTS (
                   SELECT FROM commands other
                   WHERE other.application = o.application AND other.domain = o.domain AND other.epoch = o.epoch
                     AND (other.ended_at IS NULL OR other.ended = 'given_up')
               ) END
"""
_FORGET_STAND_INS = """
    DELETE FROM domain_stand_ins s USING commands o
    WHERE o.id = $1 AND s.application = o.application AND s.domain = o.domain AND s.epoch < o.epoch
"""
_TO_BLOCK = """
    SELECT s.address FROM domain_stand_ins s JOIN commands o ON o.application = s.application AND o.domain = s.domain
    WHERE o.id = $1 AND s.epoch = o.epoch
"""
# Who is to be stopped by itself stays in the list: its own command has put it there, or is about to, and its own takes
# it out.
_TO_UNBLOCK = """
    WITH by_itself AS (
        DELETE FROM domain_stand_ins s USING commands o, accounts a, circuits c
        WHERE o.id = $1 AND s.application = o.application AND s.domain = o.domain AND s.epoch < o.epoch
          AND a.application = s.application AND a.address = s.address AND a.merged_into IS NULL
          AND c.account = a.account AND c.state <> 'sending'
          AND coalesce(c.permitted, c.state) IN ('stopped', 'probing')
        RETURNING s.address
    )
    SELECT s.address FROM domain_stand_ins s JOIN commands o ON o.application = s.application AND o.domain = s.domain
    WHERE o.id = $1 AND s.epoch < o.epoch AND NOT EXISTS (SELECT FROM by_itself b WHERE b.address = s.address)
"""
_STANDING_IN = """
    SELECT s.address FROM domain_stand_ins s JOIN applications p USING (application)
    WHERE p.id = $1 AND s.address = ANY($2::text[])
"""

_POSTPONE = """
    UPDATE commands SET claimed_by = NULL, claimed_until = 0, next_attempt_at = $2, error = $3
    WHERE id = ANY($1::bigint[]) AND claimed_by = $4 AND ended_at IS NULL
"""

_RELEASE = """
    UPDATE commands SET claimed_by = NULL, claimed_until = 0, attempts = attempts - 1
    WHERE id = ANY($1::bigint[]) AND claimed_by = $2 AND ended_at IS NULL
"""

_PLACED_TOGETHER = 500
_PLACE = """
    WITH locked AS (
        SELECT account FROM accounts WHERE account = ANY($1::int[]) ORDER BY account FOR NO KEY UPDATE
    )
    UPDATE accounts a SET workspace_id = s.workspace, home_workspace_id = s.home
    FROM unnest($1::int[], $2::text[], $3::text[]) AS s(account, workspace, home), locked
    WHERE a.account = s.account AND locked.account = s.account
"""

_BACKLOG = """
    SELECT p.id, o.kind, count(*), min(o.created_at)
    FROM commands o
    JOIN applications p ON p.application = o.application
    WHERE o.ended_at IS NULL
    GROUP BY p.id, o.kind
    ORDER BY p.id, o.kind
"""


class PostgresOutbox:
    """`breaker.ports.Outbox` on PostgreSQL.

    Args:
        pool: Connections to the database.
        holder: This process's name among those that claim.
    """

    def __init__(self, pool: asyncpg.Pool, holder: str) -> None:
        self._pool = pool
        self._holder = holder

    async def claim(
        self, application_id: str, now: float, limit: int, lasts: float, *, only_holds: bool = False
    ) -> Sequence[Command]:
        """Claim what is due in one statement, and end what is superseded."""
        lowest = _HOLDS if only_holds else _LIFTS
        with translated():
            rows = await self._pool.fetch(_CLAIM, application_id, now, self._holder, lasts, limit, lowest)
        return [
            Command(
                id=row["id"],
                about=_about(application_id, row),
                epoch=row["epoch"],
                kind=CommandKind(row["kind"]),
                attempts=row["attempts"],
                created_at=row["created_at"],
            )
            for row in rows
        ]

    async def current(self, commands: Sequence[Command]) -> frozenset[int]:
        """Ask as late as can be: what was claimed may be superseded by now."""
        with translated():
            rows = await self._pool.fetch(_CURRENT, [command.id for command in commands])
        return frozenset(number for (number,) in rows)

    async def settle(self, commands: Sequence[Command], now: float, notice: str | None = None) -> None:
        """End commands and confirm whom they concern, if the circuit is still of their epoch."""
        domains = [one for one in commands if isinstance(one.about, SendingDomain)]
        epochs = {one.account.key: one.epoch for one in commands if not isinstance(one.about, SendingDomain)}
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                circuits = await connection.fetch(_LOCK_CIRCUITS, sorted(epochs))
                await connection.execute(_END, [command.id for command in commands], now, "settled", notice)
                for command in sorted(domains, key=lambda one: one.about.id):
                    await connection.execute(_CONFIRM_DOMAIN, command.id, now)
                    if command.kind is CommandKind.UNBLOCK_OTHERS:
                        await connection.execute(_FORGET_STAND_INS, command.id)
                current = [row for row in circuits if row["epoch"] == epochs[row["account"]]]
                wanted = [row["permitted"] or str(WANTED[State(row["state"])]) for row in current]
                await connection.execute(_CONFIRM, [row["account"] for row in current], wanted, now)

    async def addresses_of(self, command: Command) -> frozenset[str]:
        """Return whom a command about stand-ins is about, as of now."""
        statement = _TO_BLOCK if command.kind is CommandKind.BLOCK_OTHERS else _TO_UNBLOCK
        with translated():
            return frozenset(address for (address,) in await self._pool.fetch(statement, command.id))

    async def standing_in(self, application_id: str, among: Collection[str]) -> frozenset[str]:
        """Return which of some addresses stand in for their domain."""
        with translated():
            rows = await self._pool.fetch(_STANDING_IN, application_id, list(among))
        return frozenset(address for (address,) in rows)

    async def postpone(self, commands: Sequence[Command], next_attempt_at: float, error: str | None) -> None:
        """Give claims back, unless somebody else has them by now."""
        await self._execute(_POSTPONE, [command.id for command in commands], next_attempt_at, error, self._holder)

    async def release(self, commands: Sequence[Command]) -> None:
        """Give claims back as if they had not been, unless somebody else has them by now."""
        await self._execute(_RELEASE, [command.id for command in commands], self._holder)

    async def give_up(self, commands: Sequence[Command], now: float, error: str) -> None:
        """End commands without confirming anything, and with what holds also what would have lifted after it."""
        given_up = [command.id for command in commands]
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                waiting = [number for (number,) in await connection.fetch(_WAITING, given_up)]
                await connection.execute(_END, sorted({*given_up, *waiting}), now, "given_up", error)

    async def note_placement(self, account: int, workspace_id: str | None, home_workspace_id: str | None) -> None:
        """Remember where an account is and where it belongs."""
        await self._execute(
            "UPDATE accounts SET workspace_id = $2, home_workspace_id = $3 WHERE account = $1",
            account,
            workspace_id,
            home_workspace_id,
        )

    async def note_placements(self, placements: Sequence[tuple[int, str | None, str | None]]) -> None:
        """Remember the same of several accounts, locked in ascending order; of two of one account, the later one."""
        latest = {account: places for account, *places in placements}
        accounts = sorted(latest)
        for start in range(0, len(accounts), _PLACED_TOGETHER):
            some = accounts[start : start + _PLACED_TOGETHER]
            here, homes = zip(*(latest[account] for account in some), strict=True)
            await self._execute(_PLACE, some, list(here), list(homes))

    async def note_address(self, account: int, address: str) -> None:
        """Remember an account's address, unless it has one or another account has this one."""
        await self._execute(
            """
            UPDATE accounts a SET address = $2, domain = nullif(split_part($2, '@', 2), '')
            WHERE a.account = $1 AND a.address IS NULL
              AND NOT EXISTS (
                  SELECT FROM accounts other
                  WHERE other.application = a.application AND other.address = $2 AND other.merged_into IS NULL
              )
            """,
            account,
            address,
        )

    async def note_gone(self, account: int, now: float) -> None:
        """Remember that a grant is gone, and since when at the latest."""
        await self._execute(
            "UPDATE accounts SET grant_deleted_at = $2 WHERE account = $1 AND grant_deleted_at IS NULL", account, now
        )

    async def backlog(self) -> Sequence[Backlog]:
        """Count what is open."""
        with translated():
            rows = await self._pool.fetch(_BACKLOG)
        return [Backlog(application, CommandKind(kind), count, oldest) for application, kind, count, oldest in rows]

    async def _execute(self, statement: str, *values: object) -> None:
        with translated():
            await self._pool.execute(statement, *values)


def _about(application_id: str, row: asyncpg.Record) -> Account | SendingDomain:
    if row["stopped_domain"] is not None:
        return SendingDomain(application_id, row["stopped_domain"])
    return Account(
        key=row["account"],
        application_id=application_id,
        grant_id=row["grant_id"],
        address=row["address"],
        workspace_id=row["workspace_id"],
        home_workspace_id=row["home_workspace_id"],
    )
